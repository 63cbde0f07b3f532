"""From a schema as a server wrote it to one that values can be held against.

Knows: dialects, bounds, and that nothing is ever fetched. Refuses to know: which tool it is of.
"""

from collections.abc import Callable
from typing import Any

import jsonschema_rs

from narthex.limits import compiled_schema_bytes, compiled_schema_growth
from narthex.policy.validation.checked import Checked, Ready, Unchecked
from narthex.policy.validation.effort import effort_of
from narthex.policy.validation.patterns import Patterns
from narthex.policy.validation.references import Schema, Uncheckable
from narthex.wire.strict import encode

# A schema that says no dialect is one of 2020-12 (MCP, basic/index). Where it cannot be, it was written for an older
# one, by somebody who did not say so either: lists under `items`, `exclusiveMinimum: true`.
_DIALECTS = (
    jsonschema_rs.Draft202012Validator,
    jsonschema_rs.Draft7Validator,
    jsonschema_rs.Draft4Validator,
)
_ANY_REGEX: dict[str, Callable[..., bool]] = {"regex": lambda _text: True}  # a pattern of a caller is not compiled


def compiled(read: Callable[[], Schema], *, formats: bool) -> Ready:
    """Takes a millisecond or two for most schemas, tens of them for the largest. `read` gives the schema, each time."""
    try:
        return _compiled(read, formats=formats)
    except Uncheckable as reason:
        return Unchecked(str(reason))


def unusable(schema: Schema) -> str | None:
    """Why nothing can be held against it; None: it can be used."""
    made = compiled(lambda: schema, formats=False)
    return made.why if type(made) is Unchecked else None


def _compiled(read: Callable[[], Schema], *, formats: bool) -> Checked:
    schema = read()
    patterns = Patterns()
    effort = effort_of(schema, patterns.ns)
    if effort.least() == float("inf"):
        raise Uncheckable("its parts apply to each other so often that checking anything would take too long")
    text = encode(schema).decode()
    validator = _validator(text, "$schema" in schema, formats, patterns.options)
    weight = compiled_schema_bytes + compiled_schema_growth * len(text) + patterns.weight
    return Checked(validator, lambda: effort_of(read(), patterns.ns), read, effort.ns_per_byte(), weight)


def _validator(text: str, dialect_said: bool, formats: bool, options: Any) -> Any:  # noqa: FBT001 - private
    makers = (jsonschema_rs.validator_for,) if dialect_said else _DIALECTS
    first: ValueError | None = None
    for make in makers:
        try:
            return make(
                text,
                offline=True,
                validate_formats=formats,
                formats=_ANY_REGEX if formats else None,
                pattern_options=options,
            )
        except ValueError as fault:
            first = first or fault
    raise Uncheckable(_why(first))


def _why(fault: ValueError | None) -> str:
    message = str(getattr(fault, "message", fault))
    if "Unknown meta-schema" in message:
        return "its $schema names a dialect that is not known here"
    path = "/".join(str(step) for step in getattr(fault, "instance_path", ()))
    return f"it is no valid JSON Schema, at '/{path}'" if path else "it is no valid JSON Schema"
