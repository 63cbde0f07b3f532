"""The codes of JSON-RPC and of revision 2026-07-28 (basic/index, error codes), and the client's mistake as a value.

Knows: numbers and their HTTP status. Refuses to know: who answers.
"""

from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
FORBIDDEN = -32010  # the caller may not do this; the protocol has no code of its own for that
UNAUTHENTICATED = -32011  # it is not known who calls, and it must be; likewise
LEGACY_RESOURCE_NOT_FOUND = -32002
LEGACY_URL_ELICITATION_REQUIRED = -32042
HEADER_MISMATCH = -32020
MISSING_CLIENT_CAPABILITY = -32021
UNSUPPORTED_PROTOCOL_VERSION = -32022


class PeerFault(Exception):
    """The client sent something the protocol forbids. Answered before anything is dispatched."""

    def __init__(self, code: int, message: str, *, status: int = 400, data: Any = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.data = code, message, status, data
