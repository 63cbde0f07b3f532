"""OpenTelemetry logs: OTLP over HTTP in its JSON form, without an SDK.

Knows: the form of an export request (opentelemetry-proto, logs/v1). Refuses to know: spans and metrics.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from narthex.store.audit.follow import Item
from narthex.store.audit.sinks.post import Post
from narthex.store.audit.sinks.sink import SinkFault
from narthex.store.audit.sinks.syslog import Brief, severity

_SEVERITY = {3: (17, "ERROR"), 4: (13, "WARN"), 5: (10, "INFO2"), 6: (9, "INFO")}  # syslog's to SeverityNumber
_TRACE = re.compile(r"[0-9a-f]{32}")
_TEXTS = ("chain", "kind", "principal", "tenant", "endpoint", "server", "tool", "method", "decision", "filter",
          "outcome", "reason", "action", "target")  # fmt: skip
_NUMBERS = ("seq", "call", "duration_us", "bytes_in", "bytes_out", "snapshot")


class OtlpSink:
    """Posts to `…/v1/logs`."""

    def __init__(self, url: str, headers: Mapping[str, str], version: str, timeout_seconds: float | None) -> None:
        self._post = Post(url, headers, timeout_seconds)
        self._version = version

    def send(self, items: Sequence[Item]) -> None:
        body = msgspec.json.encode(export_request(items, self._version))
        answer = self._post(body, {"Content-Type": "application/json"})
        rejected = _rejected(answer)
        if rejected:  # such records are not to be sent again, says the protocol
            raise Rejected(f"{rejected} of {len(items)} records were taken by nobody")

    def close(self) -> None:
        self._post.close()


class Rejected(SinkFault):
    """The receiver took the batch, and threw some of it away."""


def export_request(items: Sequence[Item], version: str) -> dict[str, Any]:
    """`ExportLogsServiceRequest`."""
    resource = {"attributes": [_text("service.name", "narthex"), _text("service.version", version)]}
    scope = {"scope": {"name": "narthex.audit"}, "logRecords": [_log_record(item) for item in items]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}


def _log_record(item: Item) -> dict[str, Any]:
    try:
        members = msgspec.json.decode(item.line)
        brief = msgspec.convert(members, Brief)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        members, brief = {"chain": item.chain, "kind": "damaged"}, Brief(kind="damaged")
    number, text = _SEVERITY[severity(brief)]
    nanoseconds = str(brief.at * 1000)
    record: dict[str, Any] = {
        "timeUnixNano": nanoseconds,
        "observedTimeUnixNano": nanoseconds,
        "severityNumber": number,
        "severityText": text,
        "body": {"stringValue": item.line.decode("utf-8", "replace")},
        "attributes": [
            *(_text(f"narthex.{name}", members[name]) for name in _TEXTS if members.get(name)),
            *(_number(f"narthex.{name}", members[name]) for name in _NUMBERS if members.get(name)),
        ],
    }
    if _TRACE.fullmatch(str(members.get("trace", ""))):
        record["traceId"] = members["trace"]
    return record


def _text(key: str, value: object) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": str(value)}}


def _number(key: str, value: object) -> dict[str, Any]:
    return {"key": key, "value": {"intValue": str(value)}}  # 64-bit integers are strings in protobuf's JSON


def _rejected(answer: bytes) -> int:
    try:
        partial = msgspec.json.decode(answer or b"{}")["partialSuccess"]
        return int(partial.get("rejectedLogRecords", 0))
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError, ValueError, AttributeError):
        return 0  # absent means that all were taken
