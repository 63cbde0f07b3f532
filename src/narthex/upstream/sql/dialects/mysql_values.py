"""Values on their way to MySQL and MariaDB, as literals without a quotation mark or a backslash in them.

Knows: digits and hexadecimal. Refuses to know: connections. A value is assigned to a variable of the session, and the
prepared statement takes it from there: it never stands in the text of the statement, and no character of it could end
a literal in any character set or mode.
"""

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from narthex.upstream.sql.dialects.sqlite import as_json
from narthex.upstream.sql.kinds import Json


def literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("not a finite number")
        return f"{value:.17e}"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return f"_utf8mb4 X'{_text(value).encode('utf-8').hex()}'"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, list):
        return as_json(value)
    if isinstance(value, Json):
        return value.text
    assert isinstance(value, UUID), type(value)
    return str(value)
