"""Values that no model sees or sets: what is known of whoever calls.

Knows: claims, subject, tenant. Refuses to know: how they were proved. Where nothing is known, nothing is bound: the
call is refused, and never made with an empty value.
"""

from collections.abc import Mapping
from typing import Any

from narthex.libraries.server import Principal, Refusal
from narthex.limits import sql_setting_bytes_max
from narthex.model.claims import claim_of

_NOBODY = "This query is answered only for callers who have signed in."


def of_caller(source: str, principal: Principal | None) -> Any:
    """What `claims.NAME`, `principal.subject` or `principal.tenant` says. Raises Refusal."""
    if principal is None:
        raise Refusal(_NOBODY)
    area, _, name = source.partition(".")
    if area == "claims":
        value = claim_of(principal.claims, name)
    else:
        value = principal.subject if name == "subject" else principal.tenant
    if value is None or value in ("", [], {}):
        raise Refusal(f"This query is answered only for callers of whom '{source}' is known, and of you it is not.")
    return value


def settings(sources: Mapping[str, str], principal: Principal | None) -> dict[str, str]:
    """What row security reads, as texts. Raises Refusal."""
    return {name: _setting(source, of_caller(source, principal)) for name, source in sources.items()}


def _setting(source: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str) or "\0" in value or len(value.encode("utf-8", "replace")) > sql_setting_bytes_max:
        raise Refusal(f"What '{source}' says of you cannot be used here.")
    return value
