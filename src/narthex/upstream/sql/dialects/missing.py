"""The sentence for a driver that is not installed.

Knows: which extra brings which module. Refuses to know: drivers.
"""

from importlib.util import find_spec

from narthex.upstream.sql.address import Dialect
from narthex.upstream.sql.faults import SqlConfigError

_NEEDED: dict[str, tuple[str, tuple[str, ...]]] = {
    "postgres": ("postgres", ("sqlglot", "asyncpg")),
    "mysql": ("mysql", ("sqlglot", "pymysql")),
    "sqlite": ("sqlite", ("sqlglot",)),
    "duckdb": ("duckdb", ("sqlglot", "duckdb", "pytz")),
}


def require(dialect: Dialect) -> None:
    """Raises SqlConfigError where something this database needs is not installed."""
    extra, modules = _NEEDED[dialect]
    absent = [module for module in modules if find_spec(module) is None]
    if absent:
        what = f"databases of this kind need {' and '.join(absent)}, which is not installed"
        raise SqlConfigError(what, f"Install it with: pip install 'narthex[{extra}]'")
