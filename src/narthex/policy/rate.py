"""How often a thing may be called, how many calls at one time, and how much in a day or a month.

Knows: the tallies of the call, which were made ready before (`relay/facts`). Refuses to wait for one, and to spend
anything of a call that one of them refuses: first all are looked at, then all are spent.
"""

from collections.abc import Sequence
from typing import Any

from narthex.model.call import Call
from narthex.model.limit import TICKS_PER_MS, TICKS_PER_SECOND, Limit
from narthex.model.outcome import Denial
from narthex.policy.tally import UNKNOWN, Places, Tally

_NAME = "rate"
_NOT_NOW_SECONDS = 5  # when to try again what nobody can count at the moment


def request(call: Call) -> Denial | None:
    tallies: Sequence[Tally] = call.tallies
    if not tallies or call.counted:
        return None
    now, cost = call.ticks, call.cost
    refused: list[tuple[int, Tally]] | None = None
    for tally in tallies:
        wait = tally.look(now, cost)
        if wait:
            refused = [*(refused or ()), (wait, tally)]
    if refused is not None:
        denial = _judged(call, refused)
        if denial is not None:
            return denial
        tallies = [tally for tally in tallies if all(tally is not one for _, one in refused)]
    if not call.trial:
        for tally in tallies:
            tally.spend(cost)
        call.counted, call.tallies, call.spent = True, tallies, tallies
    return None


def undo(call: Call) -> None:
    """The call is not sent after all, and its turn is still the same one: nothing was spent."""
    if call.counted:
        for tally in call.tallies:
            tally.unspend(call.cost)
        call.spent, call.counted = (), False


def leave(call: Call) -> None:
    """The call has ended: its places are free. A second time does nothing."""
    spent, call.spent = call.spent, ()
    for tally in spent:
        if type(tally) is Places:
            tally.taken -= 1


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass: each limit, where it stands, and what is left of it here."""
    return " ".join(_left(tally) for tally in call.tallies)


def _judged(call: Call, refused: list[tuple[int, Tally]]) -> Denial | None:
    """The limit that holds the call back for longest is the one to tell of. Warnings refuse nothing."""
    call.warned += tuple(_denied(call, one.limit, wait) for wait, one in refused if one.limit.warns and wait != UNKNOWN)
    enforced = [(wait, one.limit) for wait, one in refused if not one.limit.warns]
    known = [one for one in enforced if one[0] != UNKNOWN]
    if known:
        wait, limit = max(known, key=lambda one: one[0])
        return _denied(call, limit, wait)
    # Nobody asks whoever keeps the count for a call that is not made.
    return _uncounted(call, enforced[0][1]) if enforced and not call.trial else None


def _denied(call: Call, limit: Limit, wait: int) -> Denial:
    what = f"{limit.words} on {call.exposed}"
    data: dict[str, Any] = {"limit": limit.words, "window": limit.window or None, "per": limit.per}
    if limit.kind == "concurrent":
        message, reason = f"Too many calls at one time: {what}. Retry when one of them has ended.", "too_many_at_once"
    else:
        quota = limit.kind == "quota"
        reason = "quota_exceeded" if quota else "rate_limited"
        data["retry_after_ms"] = -(-wait // TICKS_PER_MS)
        seconds = -(-wait // TICKS_PER_SECOND)
        message = f"{'Quota' if quota else 'Rate limit'} exceeded: {what}. Retry in {_seconds(seconds)}."
    return Denial(_NAME, reason, message, data, note=f"{limit.place}, per {limit.per}")


def _uncounted(call: Call, limit: Limit) -> Denial:
    message = (
        f"Calls of {call.exposed} cannot be counted at the moment, and are not let through uncounted. "
        f"Retry in {_seconds(_NOT_NOW_SECONDS)}."
    )
    data = {"limit": limit.words, "per": limit.per, "retry_after_ms": _NOT_NOW_SECONDS * 1_000}
    return Denial(_NAME, "limits_unavailable", message, data, note=f"{limit.place}, per {limit.per}")


def _seconds(count: int) -> str:
    return f"{count} second{'s' * (count != 1)}"


def _left(tally: Tally) -> str:
    limit = tally.limit
    said = f"{limit.words} per {limit.per} ({limit.place})"
    if isinstance(tally, Places):
        said += f": {tally.taken} under way here"
    return f"{said}{', only a warning' if limit.warns else ''}."
