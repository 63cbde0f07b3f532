"""One token that the server refuses many requests at once: that is one refusal, and it is renewed once for all."""

import asyncio
from pathlib import Path

import pytest
from connections_kit import Desk, desk, owner, user
from credentials_kit import call, until

from narthex.ports import Kept
from narthex.upstream.credentials.face import CredentialFault, GrantNeeded
from narthex.upstream.credentials.user_grant import UserGrant, grant_of
from narthex.upstream.credentials.user_grants import UserGrants
from narthex.upstream.http.passes import Pass
from narthex.upstream.http.reply import HttpReply
from process_kit import SECONDS_MAX, Far

ISSUER = "connections_issuer.py"
ANA = user("ana")
CHALLENGES = {401: b"Bearer", 403: b'Bearer error="insufficient_scope", scope="admin"'}


class Shown:
    """What Ana was shown as before anything was refused, in requests that are answered when the test says."""

    def __init__(self, grants: UserGrants, shown: Pass) -> None:
        self.grants, self.shown = grants, shown

    def answered(self, status: int) -> "asyncio.Task[Pass | None]":
        reply = HttpReply(status, {b"www-authenticate": CHALLENGES[status]}, b"", b"")
        at = asyncio.get_running_loop().time() + SECONDS_MAX
        return asyncio.ensure_future(self.grants.refused(self.shown, ANA, reply, at))

    async def looked(self) -> None:
        """Everybody refused before this has looked whether the server has moved, which they do one after the other."""
        await asyncio.ensure_future(self.grants.keeper.granting.find(anew=True))


async def connected(here: Desk) -> Shown:
    await here.connect("ana")
    assert await call(here.servers["guarded"], ANA) == "ana"
    grants = here.connections._at("guarded")
    shown = grants.ready(ANA) if grants is not None else None
    assert grants is not None
    assert shown is not None
    return Shown(grants, shown)


async def fault_of(answer: "asyncio.Task[Pass | None]") -> CredentialFault:
    with pytest.raises(CredentialFault) as fault:
        await answer
    return fault.value


async def kept_by(here: Desk) -> tuple[Kept, UserGrant]:
    kept = await here.vault.find(owner("ana").key, "guarded")
    grant = grant_of(kept) if kept is not None else None
    assert kept is not None
    assert grant is not None
    return kept, grant


def renewals(issuer: Far) -> int:
    return [one["form"]["grant_type"] for one in issuer.seen].count("refresh_token")


async def test_calls_that_are_refused_at_once_are_answered_with_what_is_renewed(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        await connected(here)
        far.order({"revoke": [one["token"] for one in far.seen if one.get("token")]})
        answers = await asyncio.gather(*[call(here.servers["guarded"], ANA) for _ in range(8)])

    assert (answers, renewals(issuer), issuer.see()["revoked"]) == (["ana"] * 8, 1, [])


async def test_whoever_is_refused_while_it_is_renewed_is_shown_what_comes(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        ana = await connected(here)
        issuer.order({"amend": {"held": "refresh_token"}})
        first = ana.answered(401)
        await until(lambda: renewals(issuer) == 1, "it is not being renewed")
        late = [ana.answered(401) for _ in range(3)]
        await ana.looked()
        issuer.order("open")
        shown = await asyncio.gather(first, *late)
        kept, grant = await kept_by(here)

    assert [one.token for one in shown if one is not None] == [grant] * 4
    assert (grant.access_token in str(ana.shown.lines), kept.void) == (False, False)
    assert (renewals(issuer), issuer.see()["revoked"]) == (1, [])


async def test_whoever_is_refused_after_it_could_not_be_renewed_ends_no_grant(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        ana = await connected(here)
        issuer.order({"amend": {"status": 503}})
        faults = [await fault_of(ana.answered(401)) for _ in range(3)]
        kept, _ = await kept_by(here)

    assert [type(fault) for fault in faults] == [CredentialFault] * 3
    assert (kept.void, renewals(issuer)) == (False, 1)


async def test_what_is_noted_of_a_refused_token_does_not_make_it_better(issuer: Far, far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        ana = await connected(here)
        issuer.order({"amend": {"held": "refresh_token"}})
        first = ana.answered(401)
        await until(lambda: renewals(issuer) == 1, "it is not being renewed")
        lacking = await fault_of(ana.answered(403))
        again = ana.grants.ready(ANA)
        late = ana.answered(401)
        await ana.looked()
        issuer.order("open")
        shown = await asyncio.gather(first, late)
        kept, grant = await kept_by(here)

    assert (type(lacking), again) == (GrantNeeded, None)
    assert [one.token for one in shown if one is not None] == [grant] * 2
    assert (grant.lacking, kept.void, renewals(issuer)) == (("admin",), False, 1)


async def test_everybody_who_lacks_something_is_told_so(far: Far, tmp_path: Path) -> None:
    async with desk(tmp_path, far) as here:
        ana = await connected(here)
        faults = [await fault_of(ana.answered(403)) for _ in range(2)]

    assert [type(fault) for fault in faults] == [GrantNeeded] * 2


async def test_a_refused_token_is_not_shown_again_because_it_was_looked_up_anew(
    issuer: Far, far: Far, tmp_path: Path
) -> None:
    async with desk(tmp_path, far) as here:
        ana = await connected(here)
        ana.grants.keeper.forget_all()
        shown = await ana.answered(401)
        _, grant = await kept_by(here)

    assert shown is not None
    assert shown.token == grant
    assert (grant.access_token in str(ana.shown.lines), renewals(issuer)) == (False, 1)
