"""One turn of the event loop: what begins and ends in it is written down together, and goes on its way after that.

Knows: that no call that may change something leaves before its record is in the operating system, and no answer does.
Refuses to know: how calls fly (`express`), and what a record holds (`ledger`).

A write of its own for each record costs three times as much as its share of a common one. Where few calls are in the
air there is nothing to be shared, and nobody waits for the others.
"""

import asyncio
from typing import Protocol

import msgspec

from narthex.limits import audit_together_calls_min
from narthex.model.audit import AuditRecord, AuditUnavailable
from narthex.model.call import Call
from narthex.model.outcome import Denial
from narthex.relay.answer import answer_of
from narthex.relay.record import Recorder, unwritten
from narthex.telemetry.event import CallEvent, How


class Departing(Protocol):
    """A call that is ready to be sent (`express.Flight`)."""

    def depart(self) -> None:
        """It is on record: send it."""

    def stay(self) -> None:
        """It could not be written down, so it must not be sent."""

    def broke(self, fault: BaseException) -> None:
        """A fault of ours."""


class Field(Protocol):
    """Where the answer of a call goes."""

    def landed(self, answer: bytes) -> None:
        """The call is over: this is the encoded response."""

    def failed(self, fault: BaseException) -> None:
        """A fault of ours."""


class End(msgspec.Struct):
    """A call that is over, and what is to be done of it still."""

    call: Call
    event: CallEvent
    answer: bytes
    field: Field


class Turn:
    """One for the gateway; on its event loop alone."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._records: list[AuditRecord] = []
        self._departures: list[Departing] = []
        self._ends: list[End] = []

    def begin(self, call: Call) -> AuditRecord | Denial | None:
        """The call may be sent: at once, or once its record is written (`depart`). Or the refusal, as of `Recorder`."""
        recorder = self._recorder
        if recorder.aloft < audit_together_calls_min:
            return recorder.begin(call)
        return recorder.ready(call)

    def depart(self, flight: Departing, record: AuditRecord | None) -> None:
        """It is sent once its record is written."""
        if record is None:
            flight.depart()
        else:
            self._departures.append(flight)
            self._soon(record)

    def land(self, call: Call, answer: bytes, how: How, field: Field) -> None:
        """The call is over: its answer goes to its client once that is on record, or what is said instead of it."""
        recorder = self._recorder
        call.bytes_out = len(answer)
        try:
            if recorder.aloft < audit_together_calls_min or recorder.ledger.log is None:
                refused = recorder.note(call, how, None)
                field.landed(answer if refused is None else answer_of(call.id, refused).body)
                return
            event = recorder.over(call, how, None)
            record = recorder.ledger.ended(call, event)
            if record is None:
                recorder.tell(call, event)
                field.landed(answer)
                return
            self._ends.append(End(call, event, answer, field))
            self._soon(record)
        except Exception as fault:  # noqa: BLE001 - whatever happens in here must not break the server's connection
            field.failed(fault)

    def over(self) -> None:
        """Write it down now, and let everything go on."""
        records, self._records = self._records, []
        departures, self._departures = self._departures, []
        ends, self._ends = self._ends, []
        if not records:
            return
        try:
            self._recorder.ledger.write(records)
        except AuditUnavailable:
            self._keep_back(departures, ends)
        except Exception as fault:  # noqa: BLE001 - whoever waits for this has to hear of it
            self._keep_back(departures, [])
            for end in ends:
                end.field.failed(fault)
            return
        else:
            for flight in departures:
                try:
                    flight.depart()
                except Exception as fault:  # noqa: BLE001 - what fails of one call must not keep back the others
                    flight.broke(fault)
        for end in ends:
            try:
                self._recorder.tell(end.call, end.event)
                end.field.landed(end.answer)
            except Exception as fault:  # noqa: BLE001 - as above
                end.field.failed(fault)

    def _keep_back(self, departures: list[Departing], ends: list[End]) -> None:
        for flight in departures:
            flight.stay()
        for end in ends:
            refused = unwritten(end.call, end.event)
            if refused is not None:
                end.answer = answer_of(end.call.id, refused).body

    def _soon(self, record: AuditRecord) -> None:
        self._records.append(record)
        if len(self._records) == 1:
            asyncio.get_running_loop().call_soon(self.over)
