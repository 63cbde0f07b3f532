"""Whether the parts of a configuration make sense together; the schema has judged each alone.

Knows: the frozen nouns, where each was written, and the rules between them. Refuses to know: the network; that a
server answers is found out when it is called.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from narthex.control.document import Document
from narthex.control.problem import Path, Problem
from narthex.model.config import Config, ServerConfig


@dataclass(slots=True)
class Findings:
    """What the checks look at, and what they found.

    `places` holds for each server of `config` its place in the file (a server the schema refused is left out).
    `broken` are the paths the schema refused; what stands below them is not judged a second time.
    `unready` is what loads but cannot be served: a promise of the file this version would break.
    """

    document: Document
    config: Config
    places: tuple[int, ...]
    broken: set[Path]
    environ: Mapping[str, str]
    folder: FilePath
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    unready: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, what: str, remedy: str = "", *, at_key: bool = False) -> None:
        if not self.is_broken(path):
            self.problems.append(self.document.problem(path, what, remedy, at_key=at_key))

    def warn(self, path: Path, what: str, remedy: str = "", *, at_key: bool = False) -> None:
        if not self.is_broken(path):
            self.warnings.append(self.document.problem(path, what, remedy, at_key=at_key))

    def not_ready(self, path: Path, what: str, remedy: str = "") -> None:
        self.unready.append(self.document.problem(path, what, remedy, at_key=True))

    def is_broken(self, path: Path) -> bool:
        return any(path[:length] in self.broken for length in range(len(path) + 1))

    def touches_broken(self, path: Path) -> bool:
        return self.is_broken(path) or any(broken[: len(path)] == path for broken in self.broken)

    def servers(self) -> list[tuple[Path, ServerConfig]]:
        return [(("servers", place), server) for place, server in zip(self.places, self.config.servers, strict=True)]

    def has(self, path: Path) -> bool:
        return path in self.document.values


Check = Callable[[Findings], None]


def run_checks(findings: Findings) -> None:
    """Every check, in the order in which an operator reads the file."""
    from narthex.control.check_approval import check_approvals
    from narthex.control.check_audit import check_audit
    from narthex.control.check_authentication import check_authentication
    from narthex.control.check_connect import check_connect
    from narthex.control.check_connections import check_vault
    from narthex.control.check_credentials import check_credentials
    from narthex.control.check_endpoints import check_endpoints
    from narthex.control.check_house import check_house
    from narthex.control.check_issuer import check_issuer
    from narthex.control.check_ner import check_ner
    from narthex.control.check_opentelemetry import check_opentelemetry
    from narthex.control.check_rates import check_shared
    from narthex.control.check_rules import check_rules
    from narthex.control.check_scopes import check_scopes
    from narthex.control.check_servers import check_servers

    checks: tuple[Check, ...] = (
        check_house,
        check_authentication,
        check_issuer,
        check_servers,
        check_credentials,
        check_vault,
        check_connect,
        check_endpoints,
        check_scopes,
        check_ner,
        check_rules,
        check_shared,
        check_opentelemetry,
        check_approvals,
        check_audit,
    )
    for check in checks:
        check(findings)
