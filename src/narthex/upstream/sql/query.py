"""One approved query: read and judged once, then from arguments to a job for a connection.

Knows: statement and parameters together. Refuses to know: connections, and anything a model might want to say in SQL.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any, NamedTuple

from narthex.libraries.server import Principal, Refusal
from narthex.limits import sql_forms_max, sql_parameters_max
from narthex.model.sql import DatabaseConfig, ParameterConfig, QueryConfig
from narthex.upstream.sql import bound, statement
from narthex.upstream.sql.address import Dialect
from narthex.upstream.sql.faults import SqlConfigError
from narthex.upstream.sql.identifiers import quoted
from narthex.upstream.sql.job import Job
from narthex.upstream.sql.judging import judge
from narthex.upstream.sql.kinds import Unfit
from narthex.upstream.sql.parameters import Clock, Parameter
from narthex.upstream.sql.statement import Statement

Tree = dict[str, Any]


class Bounds(NamedTuple):
    rows_max: int
    bytes_max: int
    seconds: float


class Query:
    """Raises SqlConfigError while it is made, if it could not work."""

    def __init__(
        self, name: str, config: QueryConfig, database: DatabaseConfig, dialect: Dialect, clock: Clock
    ) -> None:
        self.name, self.config = name, config
        self.bounds = Bounds(
            config.rows_max or database.rows_max,
            config.bytes_max or database.bytes_max,
            config.timeout_seconds or database.timeout_seconds,
        )
        if len(config.parameters) > sql_parameters_max:
            raise SqlConfigError(f"more than {sql_parameters_max} parameters", where=("parameters",))
        self._row_settings = database.row_settings
        self._parameters = [_parameter(name, parameter, clock) for name, parameter in config.parameters.items()]
        self._shown = frozenset(one.name for one in self._parameters if one.shown)
        self._required = [one.name for one in self._parameters if one.required]
        self._identifiers = [one for one in self._parameters if one.config.type == "identifier"]
        self._values = [one for one in self._parameters if one.config.type != "identifier"]
        self._discreet = any(not one.shown for one in self._parameters)
        self._forms = self._formed(dialect)

    def schema(self) -> Tree:
        shown = [parameter for parameter in self._parameters if parameter.shown]
        schema: Tree = {
            "type": "object",
            "properties": {parameter.name: parameter.schema() for parameter in shown},
            "additionalProperties": False,
        }
        required = [parameter.name for parameter in shown if parameter.required]
        return schema | {"required": required} if required else schema

    def check(self, arguments: Mapping[str, Any]) -> str | None:
        """What is wrong with the arguments, in a sentence; None: nothing. Values are read when they are bound."""
        if not arguments.keys() <= self._shown:
            unknown = [name for name in arguments if name not in self._shown]
            listed = ", ".join(f"{name!r:.60}" for name in unknown[:5])
            return f"Unknown: {listed}. This tool takes: {', '.join(sorted(self._shown)) or 'nothing'}."
        missing = [name for name in self._required if arguments.get(name) is None]
        return f"Missing: {', '.join(missing)}." if missing else None

    def job(self, arguments: Mapping[str, Any], principal: Principal | None) -> Job:
        """Raises Refusal, whose text is for the model."""
        wrong = self.check(arguments)
        if wrong is not None:
            raise Refusal(wrong)
        settings = bound.settings(self._row_settings, principal) if self._row_settings else {}
        values: dict[str, Any] = {}
        for parameter in self._values:
            values.update(zip(parameter.names, _bound(parameter, arguments, principal), strict=True))
        chosen = tuple(_bound(parameter, arguments, principal)[0] for parameter in self._identifiers)
        form = self._forms[chosen]
        rows_max, bytes_max, seconds = self.bounds
        return Job(
            form,
            [values[name] for name in form.names],
            rows_max,
            bytes_max,
            seconds,
            self.config.writes,
            settings,
            self._discreet,
        )

    def _formed(self, dialect: Dialect) -> dict[tuple[str, ...], Statement]:
        """A statement for each choice of names: each is read and judged like one that was written out."""
        written = statement.read(self.config.sql, dialect)
        self._declared(set(written.names))
        choices = [[str(choice) for choice in one.config.enum or ()] for one in self._identifiers]
        forms: dict[tuple[str, ...], Statement] = {}
        for chosen in product(*choices):
            if len(forms) >= sql_forms_max:
                what = f"its identifiers have more than {sql_forms_max} combinations"
                raise SqlConfigError(what, "Make several queries of it.", ("parameters",))
            names = [quoted(choice, dialect) for choice in chosen]
            form = written.with_identifiers(dict(zip((one.name for one in self._identifiers), names, strict=True)))
            judge(form.named(dialect), dialect, writes=self.config.writes)
            forms[chosen] = form.rendered(dialect)
        return forms

    def _declared(self, used: set[str]) -> None:
        known = {name for parameter in self._parameters for name in parameter.names}
        if len(known) != sum(len(parameter.names) for parameter in self._parameters):
            raise SqlConfigError(
                "two parameters have one name", "A range 'x' is ':x_start' and ':x_end'.", ("parameters",)
            )
        undeclared = sorted(used - known)
        if undeclared:
            listed = ", ".join(f"':{name}'" for name in undeclared)
            raise SqlConfigError(f"{listed} is in the statement, and not in 'parameters'", "Declare it.", ("sql",))
        unused = [one.name for one in self._parameters if not used.intersection(one.names)]
        if unused:
            listed = ", ".join(f"'{name}'" for name in unused)
            raise SqlConfigError(
                f"{listed} is declared, and not in the statement", "Write ':name' there.", ("parameters",)
            )


def _parameter(name: str, config: ParameterConfig, clock: Clock) -> Parameter:
    try:
        return Parameter(name, config, clock)
    except SqlConfigError as fault:
        raise SqlConfigError(fault.what, fault.remedy, ("parameters", name)) from None
    except Unfit as fault:
        raise SqlConfigError(f"the default cannot be used: {fault}", "", ("parameters", name, "default")) from None


def _bound(parameter: Parameter, arguments: Mapping[str, Any], principal: Principal | None) -> Any:
    source = parameter.config.bound
    try:
        if source is None:
            return parameter.values(arguments)
        return parameter.values({parameter.name: bound.of_caller(source, principal)})
    except Unfit as fault:
        # What is wrong with a value that the caller cannot see would tell something of it.
        raise Refusal(str(fault) if source is None else f"What '{source}' says of you cannot be used here.") from None
