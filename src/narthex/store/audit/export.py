"""Records in the forms of others: lines of JSON as they are, CSV for a spreadsheet, OCSF for a security lake.

Knows: columns, and the OCSF classes API Activity (6003) and Entity Management (3004). Refuses to choose records.
"""

import csv
import io
from collections.abc import Callable
from typing import Any, Literal

import msgspec

Form = Literal["jsonl", "csv", "ocsf"]
COLUMNS = (
    "at", "chain", "seq", "kind", "principal", "tenant", "endpoint", "server", "tool", "method", "decision", "filter",
    "outcome", "reason", "code", "action", "target", "note", "bytes_in", "bytes_out", "duration_us", "cost", "digest",
    "arguments", "trace", "snapshot", "call",
)  # fmt: skip
OCSF_VERSION = "1.3.0"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would obey a text that begins so
_encode = msgspec.json.Encoder().encode


def jsonl(line: bytes) -> bytes:
    return line + b"\n"


def csv_heading() -> bytes:
    return _csv_row(list(COLUMNS))


def csv_row(line: bytes) -> bytes:
    """One row; no text of it is a formula."""
    members = msgspec.json.decode(line)
    return _csv_row([_cell(members.get(name, "")) for name in COLUMNS])


def _cell(value: object) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value if isinstance(value, str) else _encode(value).decode("utf-8")


def _csv_row(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode("utf-8", "backslashreplace")


def ocsf(line: bytes) -> bytes:
    """One event; nothing for the start of a call, whose end says all of it again."""
    members = msgspec.json.decode(line)
    if members["kind"] == "start":
        return b""
    event = _entity(members) if members["kind"] == "act" else _api(members)
    return _encode({**_base(members), **event}) + b"\n"


_STATUS = {"ok": (1, "Success"), "": (0, "Unknown"), "unknown": (0, "Unknown"), "input_required": (99, "Other")}
_VERBS = {"created": 1, "read": 2, "updated": 3, "changed": 3, "approved": 3, "revoked": 4, "removed": 4, "deleted": 4}


def _base(members: dict[str, Any]) -> dict[str, Any]:
    who = members.get("principal", "")
    return {
        "time": members["at"] // 1000,
        "severity_id": 4 if members["kind"] == "gap" else 1,
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Narthex", "vendor_name": "Narthex"},
            "log_name": "narthex.audit",
            "uid": f"{members['chain']}:{members['seq']}",
            "sequence": members["seq"],
            **({"tenant_uid": members["tenant"]} if members.get("tenant") else {}),
            **({"correlation_uid": members["trace"]} if members.get("trace") else {}),
        },
        "actor": {"user": {"uid": who or "nobody", "name": who or "nobody"}},
        "unmapped": {name: members[name] for name in _UNMAPPED if name in members},
    }


_UNMAPPED = ("arguments", "bytes_in", "bytes_out", "call", "cost", "count", "digest", "error", "filter", "kind",
             "prev", "snapshot", "what")  # fmt: skip


def _api(members: dict[str, Any]) -> dict[str, Any]:
    status_id, status = _STATUS.get(members.get("outcome", ""), (2, "Failure"))
    return {
        "category_uid": 6,
        "class_uid": 6003,
        "activity_id": 99,
        "activity_name": members.get("method") or members["kind"],
        "type_uid": 600399,
        "status_id": status_id,
        "status": status,
        **({"status_code": str(members["code"])} if "code" in members else {}),
        **({"status_detail": members["reason"]} if members.get("reason") else {}),
        **({"message": members["note"]} if members.get("note") else {}),
        **({"duration": members["duration_us"] // 1000} if "duration_us" in members else {}),
        "api": {
            "operation": members.get("tool") or members.get("method") or members["kind"],
            "request": {"uid": f"{members['chain']}:{members.get('call', 0)}"},
            **({"service": {"name": members["server"]}} if members.get("server") else {}),
        },
        "src_endpoint": {"name": members.get("principal") or "nobody"},
        "dst_endpoint": {"name": members.get("server") or "narthex", "svc_name": members.get("endpoint") or "mcp"},
        **({"action_id": 2, "action": "Denied"} if members.get("decision") == "deny" else {}),
    }


def _entity(members: dict[str, Any]) -> dict[str, Any]:
    thing, _, verb = members.get("action", "").rpartition(".")
    activity = _VERBS.get(verb, 99)
    return {
        "category_uid": 3,
        "class_uid": 3004,
        "activity_id": activity,
        "activity_name": members.get("action", ""),
        "type_uid": 300400 + activity,
        "status_id": 1,
        "status": "Success",
        "entity": {"name": members.get("target", ""), "type": thing},
        **({"comment": members["note"]} if members.get("note") else {}),
    }


WRITERS: dict[Form, Callable[[bytes], bytes]] = {"jsonl": jsonl, "csv": csv_row, "ocsf": ocsf}
