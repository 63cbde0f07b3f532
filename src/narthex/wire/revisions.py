"""The protocol revisions, and which methods each knows.

Knows: names and tables of the specification. Refuses to know: sessions, servers, time.
"""

MODERN = "2026-07-28"
LEGACY_NEWEST = "2025-11-25"
HEADER_SINCE = "2025-06-18"  # the MCP-Protocol-Version header is sent from this legacy revision on
FORMS_SINCE = "2025-06-18"  # a client may be asked to let its user fill in a form
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", LEGACY_NEWEST)
SUPPORTED = (MODERN, *reversed(LEGACY))

LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
# Complete results of these carry ttlMs and cacheScope (2026-07-28, server/utilities/caching).
CACHEABLE = frozenset({*LISTS, "server/discover", "resources/read"})
# Only these may be answered with `input_required` (basic/patterns/mrtr).
INPUT_REQUIRED = frozenset({"tools/call", "prompts/get", "resources/read"})
MODERN_METHODS = frozenset(
    {
        *LISTS,
        "server/discover",
        "tools/call",
        "prompts/get",
        "resources/read",
        "completion/complete",
        "subscriptions/listen",
    }
)
LEGACY_METHODS = frozenset(
    {
        *LISTS,
        "initialize",
        "ping",
        "tools/call",
        "prompts/get",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "completion/complete",
        "logging/setLevel",
    }
)
# The member of params that the `Mcp-Name` header repeats.
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
# What a server may ask of a client, and the client capability that allows it.
QUESTIONS = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")

META = "io.modelcontextprotocol/"
META_VERSION = META + "protocolVersion"
META_CLIENT_INFO = META + "clientInfo"
META_CLIENT_CAPABILITIES = META + "clientCapabilities"
META_LOG_LEVEL = META + "logLevel"
META_SERVER_INFO = META + "serverInfo"
META_SUBSCRIPTION_ID = META + "subscriptionId"
PER_REQUEST_META = frozenset({META_VERSION, META_CLIENT_INFO, META_CLIENT_CAPABILITIES, META_LOG_LEVEL})
OWN_META = "dev.narthex/"  # our vendor prefix; whatever a client sends under it is dropped


def is_modern(revision: str) -> bool:
    """A revision that is not an older one: known modern ones, and strings nobody knows yet."""
    return revision not in LEGACY


def negotiate(asked: str) -> str:
    """The revision an `initialize` is answered with (2025-11-25, basic/lifecycle)."""
    return asked if asked in LEGACY else LEGACY_NEWEST
