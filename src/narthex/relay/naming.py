"""Names in what is sent and answered: found by somebody else, before anything is decided.

Knows: that what will be looked through is looked through once before, to see of which texts something has to be
known; and what becomes of a call for which nobody could look. Refuses to decide what is done with a name
(`policy/redact`), and to find one.
"""

import asyncio
from collections.abc import Callable
from copy import copy

from narthex.model.call import Call
from narthex.model.ner import NerConfig
from narthex.model.outcome import Failure, Outcome, Result
from narthex.policy import chain, policies, redact, reveal, schema, scopes
from narthex.policy.redaction.naming import Informed, Span
from narthex.policy.redaction.redactor import kinds_by_model
from narthex.upstream.recogniser import Gone, Recogniser, Spans, TooLong
from narthex.wire.translate import is_complete

Look = Callable[[Call], object]  # looks through something as it will be looked through; what it returns is dropped


class Naming:
    """One for the gateway."""

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser

    async def fetch(self, call: Call) -> None:
        """What has to be known before the call may leave."""
        call.pseudonyms = informed = Informed(call.pseudonyms)
        config = self._config(call, informed)
        if config is None or _is_forbidden(call):
            return
        try:
            await self.recogniser.until_up(config)
        except Gone as fault:
            self._gone(config, informed, fault)
            return
        await self.look(call, _sent)

    async def heard(self, call: Call, outcome: Outcome, *, beside: bool = False) -> None:
        """What has to be known before the answer may be shown. `beside`: it is large."""
        await self.look(call, lambda probe: _answered(probe, outcome), beside=beside)

    async def look(self, call: Call, look: Look, *, beside: bool = False) -> None:
        """Everything that `look` would want to know."""
        informed = call.pseudonyms if type(call.pseudonyms) is Informed else Informed(call.pseudonyms)
        call.pseudonyms = informed
        config = self._config(call, informed)
        if config is None:
            return
        probe = copy(call)
        probe.pseudonyms = trying = Informed(None)
        wanted = trying.wanted = set[str]()
        if beside:
            await asyncio.to_thread(look, probe)
        else:
            look(probe)
        texts = wanted - informed.found.keys()
        if not texts:
            return
        try:
            found = await self.recogniser.find(config, texts)
            informed.found.update((text, spans_in(text, spans)) for text, spans in found.items())
        except Gone as fault:
            self._gone(config, informed, fault)

    def _config(self, call: Call, informed: Informed) -> NerConfig | None:
        """None: what this call's rules ask for is not looked for any more, or not yet."""
        config = self.recogniser.config
        if config is None or not kinds_by_model(call.settled) <= config.kinds:
            informed.gone = "nobody does that since the configuration changed; try again"
            return None
        return config

    def _gone(self, config: NerConfig, informed: Informed, fault: Gone) -> None:
        informed.gone = str(fault)
        if config.when_gone == "allow" and not isinstance(fault, TooLong):
            informed.lenient = True
            self.recogniser.passed += 1
        else:
            self.recogniser.refused += 1


def _is_forbidden(call: Call) -> bool:
    """Nobody computes for whoever may not call it. That is said when it is decided."""
    return scopes.request(call) is not None or policies.request(call) is not None


def _sent(probe: Call) -> object:
    """The arguments, as they will be when it is decided what of them may be sent."""
    for decide in (reveal.request, schema.request):
        if decide(probe) is not None:
            return None  # it will be refused anyway
    return redact.request(probe)


def _answered(probe: Call, outcome: Outcome) -> object:
    if type(outcome) is Failure:
        return redact.failure(probe, outcome)
    assert type(outcome) is Result
    members = outcome.members
    if "resultType" in members and not is_complete(members):
        return redact.response(probe, members)
    return chain.response(probe, members)


def spans_in(text: str, spans: Spans) -> tuple[Span, ...]:
    """What was found, as rules call it. Raises `Gone` where it cannot be in this text."""
    if any(not 0 <= start < end <= len(text) for start, end, _ in spans):
        raise Gone("whoever does that answered something else")
    return tuple((start, end, entity.lower()) for start, end, entity in spans)
