"""Checks of databases: the URL, and every query read, judged and compiled as a running gateway would.

Knows: where in the file a complaint belongs. Refuses to know: whether the database is up; nothing is connected.
"""

from pathlib import Path as FilePath

from narthex.control.check import Findings
from narthex.control.problem import Path
from narthex.model.config import ServerConfig
from narthex.upstream.sql.database import Compiled
from narthex.upstream.sql.faults import SqlConfigError


def check_sql(findings: Findings, path: Path, server: ServerConfig) -> None:
    assert server.sql is not None
    if findings.touches_broken((*path, "sql")) or findings.touches_broken((*path, "queries")):
        return  # it is said already
    try:
        compiled = Compiled(server.sql, server.queries, server.database)
    except SqlConfigError as fault:
        findings.problem((*path, *(fault.where or ("sql",))), fault.what, fault.remedy)
        return
    file = compiled.address.path
    if file and not FilePath(file).exists():
        findings.warn(
            (*path, "sql"), f"there is no file '{file}'", "Relative paths begin beside the configuration file."
        )
    if not compiled.queries:
        what = f"the server '{server.name}' has no queries"
        findings.warn((*path, "sql"), what, "Each entry of 'queries' becomes a tool.", at_key=True)
