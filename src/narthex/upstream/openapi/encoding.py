"""The bytes of a request's body: JSON, forms, multipart, text, bytes.

Knows: how each is written, and that a boundary must not stand in what it bounds. Refuses to know: what is sent where.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from narthex.libraries.server import Refusal
from narthex.limits import http_request_bytes_max
from narthex.upstream.openapi.filling import argument_in, filled
from narthex.upstream.openapi.operation import Body, Field
from narthex.upstream.openapi.styles import Pairs, in_query, text_of
from narthex.wire.strict import encode


def encoded(body: Body, arguments: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Content type and bytes, or None: there is no body this time. Raises Refusal."""
    written = _written(body, arguments)
    if written is not None and len(written[1]) > http_request_bytes_max:
        raise Refusal(f"The request has {len(written[1])} bytes, and {http_request_bytes_max} are allowed. Send less.")
    return written


def _written(body: Body, arguments: Mapping[str, Any]) -> tuple[str, bytes] | None:
    if body.fields is None:
        if body.argument not in arguments:
            return None
        value = arguments[body.argument]
        if body.kind == "json":
            return body.content_type, encode(value)
        if body.kind == "binary":
            return body.content_type, _bytes(value, body.argument)
        if body.kind == "text":
            return f"{_essence(body)}; charset=utf-8", text_of(value).encode()
        if type(value) is not dict:
            raise Refusal(f"'{body.argument}' must be an object: its members are the fields of the form.")
        fields = tuple(Field(name, name) for name in value)
        return _form_of(body, fields, value)
    given = {field.argument: arguments[field.argument] for field in body.fields if field.argument in arguments}
    if body.template is not None:
        value = filled(body.template, given)
        if body.kind == "json":
            return body.content_type, encode(value)
        return _form_of(body, tuple(Field(name, name) for name in value), value)
    if not given and not body.required:
        return None
    if body.kind == "json":
        names = {field.argument: field.name for field in body.fields}
        return body.content_type, encode({names[argument]: value for argument, value in given.items()})
    return _form_of(body, body.fields, given)


def _form_of(body: Body, fields: tuple[Field, ...], values: Mapping[str, Any]) -> tuple[str, bytes]:
    present = [(field, values[field.argument]) for field in fields if values.get(field.argument) is not None]
    if body.kind == "multipart":
        return _multipart(body, present)
    written = [(field, _pairs(field, value)) for field, value in present]
    _check_members(body, fields, written)
    return _essence(body), "&".join(f"{name}={value}" for _, pairs in written for name, value in pairs).encode("ascii")


def _pairs(field: Field, value: Any) -> Pairs:
    if field.content_type is not None and "json" in field.content_type:
        return [(quote(field.name, safe=""), quote(text_of(encode(value).decode()), safe=""))]
    return in_query(field.name, value, field.style, explode=field.explode)


def _check_members(body: Body, fields: tuple[Field, ...], written: list[tuple[Field, Pairs]]) -> None:
    """The members of an object that is exploded have names of their own: never one of another field.

    Of two values of one name many servers take the first or the last, so it could replace what the operator wrote.
    """
    template: Mapping[str, Any] = body.template or {}
    names = [*template, *(field.name for field in fields)]
    names += [member for said in template.values() if type(said) is dict for member in said]
    for field, pairs in written:
        said = template.get(field.name, "{}")
        if type(said) is not str:
            continue  # its members stand in the template
        others = {unquote(name).lower() for other, theirs in written if other is not field for name, _ in theirs}
        others.update(name.lower() for name in names if name != field.name)
        for name in (unquote(name) for name, _ in pairs):
            if name.lower() in others and name != field.name:
                argument = argument_in(said) or field.argument
                raise Refusal(f"'{argument}' must not hold {name[:64]!r}: that is another field of the form.")


def _multipart(body: Body, present: list[tuple[Field, Any]]) -> tuple[str, bytes]:
    boundary = f"narthex-{secrets.token_hex(16)}"  # a hundred bits that nobody who wrote a value has seen
    out = bytearray()
    for field, value in present:
        # A list is several parts of one name, unless it is said that it is JSON.
        as_json = field.content_type is not None and "json" in field.content_type
        for item in value if type(value) is list and not as_json else [value]:
            kind, data = _part(field, item)
            name = quote(field.name, safe="!#$&+-.^_`|~ []")
            disposition = f'form-data; name="{name}"'
            if field.binary:
                disposition += f'; filename="{name}"'
            out += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode("ascii")
            out += f"Content-Type: {kind}\r\n\r\n".encode("ascii") + data + b"\r\n"
    out += f"--{boundary}--\r\n".encode("ascii")
    return f"{_essence(body)}; boundary={boundary}", bytes(out)


def _part(field: Field, value: Any) -> tuple[str, bytes]:
    """The defaults are OpenAPI's (3.1.1, 4.8.15.1): objects are JSON, other values plain text."""
    if field.binary:
        return (field.content_type or "application/octet-stream").partition(",")[0].strip(), _bytes(
            value, field.argument
        )
    if type(value) in (dict, list) or (field.content_type and "json" in field.content_type):
        return field.content_type or "application/json", encode(value)
    return field.content_type or "text/plain; charset=utf-8", text_of(value).encode()


def _bytes(value: Any, argument: str) -> bytes:
    if type(value) is not str:
        raise Refusal(f"'{argument}' must be a string: the bytes, as base64.")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(f"'{argument}' is no base64. Encode the bytes as base64, with padding.") from None


def _essence(body: Body) -> str:
    return body.content_type.partition(";")[0].strip()
