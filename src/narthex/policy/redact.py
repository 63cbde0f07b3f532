"""Personal data and secrets stay where they are: masked, dropped, hashed, replaced by a token, or reason to refuse.

Knows: which rule holds for the call, and every part of a message that could carry something. Refuses to know: what is
looked for and how it is found (`policy/redaction`), and to pass anything that could not be looked through.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from narthex.limits import redaction_findings_per_kb, redaction_thread_bytes_min, redaction_token_value_bytes_max
from narthex.model.call import Call
from narthex.model.outcome import Denial, Failure
from narthex.policy.redaction.compiling import Compiled
from narthex.policy.redaction.engine import Blocked, Engine, NamedWork, Work
from narthex.policy.redaction.literal import engine_for
from narthex.policy.redaction.matcher import Budget, TooMany, TooMuch
from narthex.policy.redaction.naming import Informed, Unnamed
from narthex.policy.redaction.redactor import KEY, prepare
from narthex.policy.redaction.tail import Tail
from narthex.policy.redaction.writing import Minted, token_text
from narthex.wire.strict import encode

_NAME = "redact"
_UNREAD = (msgspec.DecodeError, UnicodeError, RecursionError, TooMuch, Unnamed)
_NOBODY_LOOKED = "nobody has looked for them"
# What the protocol itself reads, and what is sealed: none of it is a server's own words.
_OF_THE_PROTOCOL = frozenset({"resultType", "isError", "ttlMs", "cacheScope", "requestState", "nextCursor"})
_OF_A_REQUEST = ("arguments", "argument", "context", "inputResponses")
_BLOCKS = {"content": "content", "messages": "messages", "contents": "contents"}
_SPOKEN = {"notifications/progress": "message", "notifications/message": "data"}

Members = dict[str, Any]

_decode = msgspec.json.Decoder().decode


# ---- the way there


def request(call: Call) -> Denial | None:
    if call.settled.rules.redaction is None:
        return None
    redactor = prepare(call.settled)
    if redactor is None or not redactor.forth:
        return None
    if redactor.named and (why := _gone(call)):
        return _unnamed_arguments(call, why)
    if redactor.arguments is None:
        return None
    engine, changed = redactor.arguments.engine, {}
    try:
        for member in _OF_A_REQUEST:
            value = call.private.get(member)
            if value:
                raw = encode(value)
                done = engine.json(raw, _work(call, len(raw), spared=frozenset(call.revealed)))
                if done is not raw:
                    changed[member] = _decode(done)
    except Blocked as found:
        kinds = list(found.kinds)
        message = (
            f"'{call.exposed}' was not called: the arguments hold {_listed(kinds)}, which may not be sent there. "
            f"Leave it out."
        )
        return Denial(_NAME, "arguments_blocked", message, {"kinds": kinds}, note=_where(call))
    except Unnamed as fault:
        return _unnamed_arguments(call, str(fault))
    except _UNREAD as fault:
        message = (
            f"'{call.exposed}' was not called: the arguments cannot be looked through for what may not be sent there"
            f"{_why(fault)}. Send less at one time."
        )
        return Denial(_NAME, "arguments_unreadable", message, note=_where(call))
    if changed:
        call.private = {**call.private, **changed}
    return None


def to_write_down(call: Call) -> bytes | None:
    """The arguments as they were sent, with the tokens that stood for values; None: nobody looked through them."""
    redactor, arguments = prepare(call.settled), call.private.get("arguments")
    if redactor is None or redactor.arguments is None or not arguments:
        return None
    try:
        raw = encode(arguments)
        return engine_for(call.revealed).json(raw, _work(call, len(raw))) if call.revealed else raw
    except (Blocked, *_UNREAD):
        return None


def standing(call: Call) -> str:
    """What an operator reads of a call that may pass."""
    redactor = prepare(call.settled)
    if redactor is None:
        return ""
    said = [
        f"{which}: {_told(one)}."
        for which, one in (("Results", redactor.results), ("Arguments", redactor.arguments))
        if one is not None
    ]
    if redactor.opens:
        said.append(f"It may have the values of tokens of {_listed(sorted(redactor.opens))}.")
    return " ".join((*said, f"({_where(call)})"))


def shown(call: Call, arguments: Any, *, whole: bool) -> Any:
    """The arguments as whoever approves of them reads them: what tokens stood for stays hidden, and where they are not
    to be shown `whole`, what may not stand in results too. Raises `ValueError` for what cannot be looked through."""
    redactor = prepare(call.settled)
    engines = [engine_for(call.revealed)] if call.revealed else []
    if not whole and redactor is not None:
        engines += [one.engine for one in redactor[:2] if one is not None]
    raw = encode(arguments)
    try:
        for engine in engines:
            raw = engine.json(raw, _work(call, len(raw)))
    except (Blocked, *_UNREAD):
        raise ValueError("it cannot be looked through") from None
    return _decode(raw)


# ---- the way back


def looks(call: Call) -> bool:
    """Whether the answer to this call has to be looked through."""
    if call.settled.rules.redaction is None:
        return False
    redactor = prepare(call.settled)
    return redactor is not None and (redactor.results is not None or bool(call.revealed))


def passes(call: Call, body: bytes) -> bool:
    """Whether a whole answer may go as the bytes it came in, which one pass over them tells."""
    redactor = prepare(call.settled)
    if redactor is None or redactor.results is None:
        return not call.revealed
    results = redactor.results
    if len(body) >= redaction_thread_bytes_min:  # a closer look is taken beside the event loop
        return False
    return not call.revealed and not results.blocks.concern(body) and results.engine.clean(body)


def response(call: Call, members: Members) -> Members | Denial:
    if not looks(call):
        return members
    size = sum(len(value) for value in members.values() if type(value) is msgspec.Raw)
    try:
        return _answer(call, members, _work(call, size))
    except Blocked as found:
        kinds = list(found.kinds)
        message = (
            f"The result of '{call.exposed}' was withheld: it holds {_listed(kinds)}, which may not be shown here. "
            f"The call itself was carried out."
        )
        return Denial(_NAME, "result_blocked", message, {"kinds": kinds}, note=_where(call))
    except Unnamed as fault:
        message = (
            f"The result of '{call.exposed}' was withheld: names in it may not be shown here, and "
            f"{fault or _NOBODY_LOOKED}. The call itself was carried out: check what it did before you repeat it."
        )
        return Denial(_NAME, "names_unknown", message, note=_where(call))
    except _UNREAD as fault:
        message = (
            f"The result of '{call.exposed}' was withheld: it cannot be looked through for what may not be shown here"
            f"{_why(fault)}. The call itself was carried out. Ask for less at one time."
        )
        return Denial(_NAME, "result_unreadable", message, note=_where(call))


def failure(call: Call, failed: Failure) -> Failure:
    """An error as it may be shown."""
    if not looks(call):
        return failed
    try:
        work = _work(call, len(failed.message))
        message = failed.message
        data = encode(failed.data)
        for engine in _engines(call):
            message, data = engine.text(message, work), engine.json(data, work)
        shown = _decode(data)
    except (Blocked, *_UNREAD):
        message, shown = "The server refused with words that may not be shown here.", None
    return Failure(failed.code, message, shown, failed.status, failed.has_data, failed.scopes)


def denied(call: Call, denial: Denial) -> Denial:
    """A refusal may repeat what was sent: what a token stood for stays hidden there too."""
    if not call.revealed:
        return denial
    engine = engine_for(call.revealed)
    work = _work(call, len(denial.message))
    data = _decode(engine.json(encode(denial.data), work))
    message = engine.text(denial.message, work)
    return Denial(denial.filter, denial.reason, message, data, denial.code, denial.status, denial.scopes, denial.note)


def message(call: Call, method: str, params: Mapping[str, Any], tail: Tail) -> dict[str, Any]:
    """What a server says in mid-call, as it may be heard."""
    spoken = _SPOKEN.get(method)
    rest = {key: value for key, value in params.items() if key != spoken}
    fixed: dict[str, Any] = {
        key: rest.pop(key) for key in ("progressToken", "requestId", "progress", "total", "level") if key in rest
    }
    try:
        shown = _through(call, rest)
        if spoken is not None and spoken in params:
            value = params[spoken]
            if type(value) is str:
                for engine in _engines(call):
                    value = tail.joined(engine, value, _work(call, len(value)))
                tail.heard(params[spoken])
            shown[spoken] = _through(call, {"": value})[""]
        return {**shown, **fixed}
    except (Blocked, *_UNREAD):
        return {**fixed, spoken: "[withheld by the gateway]"} if spoken is not None else fixed


def question(call: Call, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a server asks a client, as it may be heard; None: it may not be asked."""
    try:
        return _through(call, dict(params))
    except (Blocked, *_UNREAD):
        return None


def reply(call: Call, members: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a client answers, as the server may hear it; None: it may not."""
    redactor = prepare(call.settled)
    if redactor is None or redactor.arguments is None:
        return dict(members)
    try:
        raw = encode(members)
        found: dict[str, Any] = _decode(redactor.arguments.engine.json(raw, _work(call, len(raw))))
        return found
    except (Blocked, *_UNREAD):
        return None


# ---- helpers


def _answer(call: Call, members: Members, work: Work) -> Members:
    changed: Members = {}
    redactor = prepare(call.settled)
    results = redactor.results if redactor is not None else None
    choice = results.fields if results is not None else None
    for name, value in members.items():
        if name in _OF_THE_PROTOCOL:
            continue
        if name == "_meta" and choice is not None and choice.chooses:
            changed[name] = {}  # nobody chose what is in there
            continue
        raw = bytes(value) if type(value) is msgspec.Raw else encode(value)
        done = raw
        if call.revealed:
            done = engine_for(call.revealed).json(done, work)
        if results is not None:
            done = _member(call, results, name, done, work)
        if done is not raw:
            changed[name] = msgspec.Raw(done)
    return {**members, **changed} if changed else members


def _member(call: Call, results: Compiled, name: str, raw: bytes, work: Work) -> bytes:
    if name in _BLOCKS and (name == "contents" or results.blocks.concern(raw)):
        done: bytes = getattr(results.blocks, _BLOCKS[name])(raw, work)
        return done
    if results.fields is not None and call.method == "tools/call":
        raw = results.fields.chosen(raw)
    return results.engine.json(raw, work)


def _through(call: Call, params: dict[str, Any]) -> dict[str, Any]:
    raw = encode(params)
    work, done = _work(call, len(raw)), raw
    for engine in _engines(call):
        done = engine.json(done, work)
    return params if done is raw else _decode(done)


def _engines(call: Call) -> list[Engine]:
    redactor = prepare(call.settled)
    found = [engine_for(call.revealed)] if call.revealed else []
    if redactor is not None and redactor.results is not None:
        found.append(redactor.results.engine)
    return found


def _work(call: Call, size: int, spared: frozenset[str] = frozenset()) -> Work:
    redactor = prepare(call.settled)
    budget = Budget(size, redactor.findings_per_kb if redactor is not None else redaction_findings_per_kb)
    uris = [value for value in (call.params.get("uri"), call.private.get("uri")) if type(value) is str]
    if redactor is not None and redactor.named:
        return _named_work(call, budget, spared, frozenset(uris))
    return Work(budget, lambda kind, action, value: _written(call, kind, action, value), spared, frozenset(uris))


def _named_work(call: Call, budget: Budget, spared: frozenset[str], uris: frozenset[str]) -> Work:
    informed = call.pseudonyms if type(call.pseudonyms) is Informed else Informed(call.pseudonyms)
    if call.trial:  # it is not sent, and nobody was asked
        informed.lenient = True
    if informed.wanted is not None:  # it is not written either: what is looked for is being found out
        return NamedWork(budget, lambda kind, *_: f"[{kind}]", spared, uris, informed)
    return NamedWork(budget, lambda kind, action, value: _written(call, kind, action, value), spared, uris, informed)


def _gone(call: Call) -> str:
    """Why a call whose names nobody could look for is not made at all."""
    informed = call.pseudonyms
    return informed.gone if type(informed) is Informed and informed.wanted is None and not informed.lenient else ""


def _unnamed_arguments(call: Call, why: str) -> Denial:
    message = (
        f"'{call.exposed}' was not called: names have to be looked for in what is sent or answered, and "
        f"{why or _NOBODY_LOOKED}."
    )
    return Denial(_NAME, "names_unknown", message, note=_where(call))


def _written(call: Call, kind: str, action: str, value: str) -> str:
    """The words of an action that depend on the value."""
    if call.pseudonyms is None:  # said outside of any call: nobody could give a token back
        return f"[{kind}]"
    if action == "hash":
        return f"[{kind}#{call.pseudonyms.hashed(call.principal.tenant, kind, value)}]"
    redactor = prepare(call.settled)
    assert redactor is not None
    assert redactor.results is not None
    if len(value.encode()) > redaction_token_value_bytes_max:
        return f"[{kind}]"
    name = call.pseudonyms.token(call.principal.key, call.endpoint.name, kind, value)
    if call.minted is None:
        call.minted = {}
    call.minted[name] = Minted(kind, name, value, redactor.results.rule.token_seconds)
    return token_text(kind, name)


def _told(one: Compiled) -> str:
    by_action: dict[str, list[str]] = {}
    for name, action in zip(one.engine.names, one.engine.actions, strict=True):
        if name not in by_action.setdefault(action, []):
            by_action[action].append(name)
    said = [
        f"{action} {len(names)} kinds" if len(names) > 6 else f"{action} {_listed(names)}"
        for action, names in by_action.items()
    ]
    if one.rule.keep is not None:
        said.append(f"only the members {_listed(list(one.rule.keep))} pass")
    if one.rule.drop:
        said.append(f"the members {_listed(list(one.rule.drop))} do not pass")
    return "; ".join(said)


def _listed(names: list[str]) -> str:
    words = [f"'{name}'" for name in names]
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _why(fault: Exception) -> str:
    """What an operator may change about it, where there is something."""
    more = "there is more of it than can be told apart in a reasonable time (`findings_per_kb` in `redaction`)"
    return f": {more}" if isinstance(fault, TooMany) else ""


def _where(call: Call) -> str:
    return call.settled.places.get(KEY, KEY)
