"""Where a database is: `postgresql://`, `mysql://`, `sqlite:///` and `duckdb:///` taken apart.

Knows: the forms of such URLs. Refuses to know: drivers. Its `repr` shows no password.
"""

import os
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from narthex.upstream.sql.faults import SqlConfigError

Dialect = Literal["postgres", "mysql", "sqlite", "duckdb"]
_DIALECTS: dict[str, Dialect] = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}
_PORTS = {"postgres": 5432, "mysql": 3306}
_FORMS = "postgresql://user@host/name, mysql://user@host/name, sqlite:///file or duckdb:///file"
_OPTIONS = {
    "postgres": ("sslmode", "sslrootcert", "host", "application_name"),
    "mysql": ("sslmode", "sslrootcert", "socket"),
    "sqlite": (),
    "duckdb": (),
}
_SSL = ("disable", "prefer", "require", "verify-ca", "verify-full")
LOCAL = ("sqlite", "duckdb")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A database on a server (`host`, `port`, `user`, `database`), or in a file (`path`)."""

    dialect: Dialect
    host: str = ""  # or the folder of a Unix socket
    port: int = 0
    user: str = ""
    password: str | None = None
    database: str = ""
    path: str = ""
    ssl: str = ""  # as in `sslmode`; "": `prefer` on this machine, `verify-full` elsewhere
    certificate: str = ""  # of the authority, a PEM file

    @property
    def tls(self) -> str:
        """The word of `sslmode` that holds. Who names no other is not sent over a network unproved."""
        return self.ssl or ("prefer" if self.near else "verify-full")

    @property
    def near(self) -> bool:
        """On this machine: nobody is in between."""
        return self.host.startswith("/") or self.host in ("localhost", "127.0.0.1", "::1")

    def __str__(self) -> str:
        if self.path:
            return f"{self.dialect} {Path(self.path).name}"
        return f"{self.dialect} {self.database} at {self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Address {self}>"


def parse(url: str, password: str | None = None) -> Address:
    """Raises SqlConfigError, whose text does not hold the URL."""
    scheme, colon, _ = url.partition("://")
    dialect = _DIALECTS.get(scheme.lower())
    if not colon or dialect is None:
        raise SqlConfigError("'sql' is not the URL of a database that is known here", f"Known are: {_FORMS}.")
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        port = parts.port
    except ValueError:
        remedy = "Percent-encode '@', ':', '/' and '#' in the password, or write it as 'database: {password: …}'."
        raise SqlConfigError("'sql' is not a URL", remedy) from None
    unknown = sorted(options.keys() - set(_OPTIONS[dialect]))
    if unknown or parts.fragment:
        known = ", ".join(_OPTIONS[dialect]) or "none"
        raise SqlConfigError(
            f"'sql' has options that are not known here: {', '.join(unknown) or '#'}", f"Known: {known}."
        )
    if dialect in LOCAL:
        return _file(dialect, parts.netloc, unquote(parts.path))
    return _server(dialect, parts.hostname or "", port, parts.username, parts.password, parts.path, options, password)


def _server(
    dialect: Dialect,
    host: str,
    port: int | None,
    user: str | None,
    inside: str | None,
    path: str,
    options: dict[str, str],
    password: str | None,
) -> Address:
    database = unquote(path.removeprefix("/"))
    host = options.get("host", "") or options.get("socket", "") or host
    if not host or not user or not database or "/" in database or "\0" in f"{host}{user}{database}":
        raise SqlConfigError("'sql' must name user, host and database", f"Known are: {_FORMS}.")
    if inside is not None and password is not None:
        raise SqlConfigError("the password stands both in 'sql' and in 'database'", "Keep one.")
    ssl = options.get("sslmode", "")
    if ssl and ssl not in _SSL:
        raise SqlConfigError(f"'sslmode={ssl}' is not known", f"Known: {', '.join(_SSL)}.")
    return Address(
        dialect=dialect,
        host=host,
        port=port or _PORTS[dialect],
        user=unquote(user),
        password=password if inside is None else unquote(inside),
        database=database,
        ssl=ssl,
        certificate=options.get("sslrootcert", ""),
    )


def _file(dialect: Dialect, host: str, path: str) -> Address:
    """Three slashes: beside the configuration. Four: from the root."""
    if host or len(path) < 2 or path.endswith("/") or ":memory:" in path or "\0" in path:
        remedy = f"Write '{dialect}:///file' beside the configuration, or '{dialect}:////folder/file'."
        raise SqlConfigError("'sql' must name a file, with three slashes or four", remedy)
    return Address(dialect=dialect, path=path.removeprefix("/"))


def beside(url: str, folder: Path) -> str:
    """The same URL, with a file that is absolute; anything else as it is."""
    scheme, colon, rest = url.partition(":///")
    if not colon or _DIALECTS.get(scheme.lower()) not in LOCAL or not rest:
        return url
    file = Path(rest).expanduser()
    return f"{scheme}:///{os.path.normpath(folder / file)}"
