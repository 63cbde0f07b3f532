"""Names of columns and tables that the operator lists for a caller to choose from.

Knows: what such a name may look like, and how each database quotes it. Refuses to know: who chooses.
"""

import re

from narthex.upstream.sql.address import Dialect
from narthex.upstream.sql.faults import SqlConfigError

_NAME = re.compile(
    r"([A-Za-z_][A-Za-z0-9_$]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_$]{0,62}){0,2})(?: (asc|desc))?", re.IGNORECASE
)


def quoted(name: str, dialect: Dialect) -> str:
    """As it stands in a statement. `amount desc` is a name with a direction, for `order by`."""
    found = _NAME.fullmatch(name)
    if found is None:
        what = f"'{name:.60}' cannot be a name of a column or table"
        raise SqlConfigError(what, "Like 'amount', 'sales.amount' or 'amount desc'.", ("parameters",))
    mark = "`" if dialect == "mysql" else '"'
    path = ".".join(f"{mark}{part}{mark}" for part in found[1].split("."))
    return f"{path} {found[2].lower()}" if found[2] else path
