"""Messages against the published JSON Schema of their revision (tests/spec)."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

SPEC = Path(__file__).parents[1] / "spec"
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
MODERN = "2026-07-28"

RESULTS = {
    "initialize": "InitializeResult",
    "server/discover": "DiscoverResult",
    "ping": "EmptyResult",
    "logging/setLevel": "EmptyResult",
    "resources/subscribe": "EmptyResult",
    "resources/unsubscribe": "EmptyResult",
    "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult",
    "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "completion/complete": "CompleteResult",
    "subscriptions/listen": "SubscriptionsListenResult",
}
NOTIFICATIONS = {
    "notifications/progress": "ProgressNotification",
    "notifications/message": "LoggingMessageNotification",
    "notifications/resources/updated": "ResourceUpdatedNotification",
    "notifications/resources/list_changed": "ResourceListChangedNotification",
    "notifications/subscriptions/acknowledged": "SubscriptionsAcknowledgedNotification",
}


@cache
def _document(revision: str) -> tuple[str, dict[str, Any]]:
    document = json.loads((SPEC / revision / "schema.json").read_text("utf-8"))
    place = "$defs" if "$defs" in document else "definitions"
    return place, document


@cache
def _validator(revision: str, name: str) -> Any:
    place, document = _document(revision)
    assert name in document[place], f"{revision} has no {name}"
    schema = {"$schema": document["$schema"], place: document[place], "$ref": f"#/{place}/{name}"}
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def check(revision: str, name: str, value: Any) -> None:
    faults = [f"{fault.instance_path}: {fault.message}" for fault in _validator(revision, name).iter_errors(value)]

    assert faults == [], f"{name} of {revision}: {json.dumps(value, ensure_ascii=False)[:600]}"


def check_message(revision: str, message: dict[str, Any], method: str | None = None) -> None:
    """`method`: that of the request which `message` answers."""
    # The older schemas have no form for the error that answers something without a readable id.
    check(revision if "id" in message or "method" in message else MODERN, "JSONRPCMessage", message)
    if "method" in message:
        check(revision, NOTIFICATIONS[message["method"]], message)
    elif "result" in message:
        assert method is not None
        check(revision, RESULTS[method], message["result"])
        assert ("resultType" in message["result"]) == (revision == MODERN)


def properties(revision: str, name: str) -> set[str]:
    """The fields that `revision` knows of `name`."""
    place, document = _document(revision)
    return set(document[place][name]["properties"])
