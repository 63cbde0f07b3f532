"""`narthex demo`: a small company to look at, at once.

Knows: the options, and how to say what to try next. Refuses to know: what is shown.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from narthex.cli.client import DEFAULT_URL
from narthex.cli.options import KEY_VARIABLE, serving_options
from narthex.cli.running import run
from narthex.cli.say import NO, fail


@click.command()
@serving_options
@click.option("--open", "for_all", is_flag=True, help="Let in everybody on this machine, without a key.")
@click.option("--issuer", metavar="URL", help="Let in who has a token of this issuer, too (OAuth 2.1, OpenID Connect).")
@click.option("--audience", metavar="NAME", help="What its tokens say in 'aud'; absent: the URL of the endpoint.")
def demo(*, for_all: bool, issuer: str | None, audience: str | None, **options: Any) -> None:
    """Start the gateway of a small company, without configuration.

    CRM, warehouse, tickets and documents for two teams. It needs no network, makes a key for each team that ends with
    it, and prints what to try.
    """
    if audience is not None and issuer is None:
        raise click.UsageError("--audience belongs to --issuer.")
    if for_all and issuer is not None:
        raise click.UsageError("Either --open or --issuer: one lets in everybody, the other asks who they are.")

    def start() -> int:
        from narthex import run
        from narthex.cli.demo_keys import team_keys
        from narthex.cli.home import config_of_demo
        from narthex.control.load import Overrides
        from narthex.store.api_keys import KeyFault
        from narthex.store.folder import StateFault, folder_of

        overrides = Overrides(**options)
        state = folder_of(overrides.over(config_of_demo()), os.environ)
        made: AbstractContextManager[dict[str, str]] = nullcontext({}) if for_all else team_keys(state)
        try:
            with made as keys:
                shown = Shown(_teams(), keys, options.get("state"), issuer, audience)
                return run.demo(overrides, shown.welcome, None if for_all else _authentication(issuer, audience))
        except (StateFault, KeyFault) as error:
            fail(str(error), NO)

    sys.exit(run(start))


def _authentication(issuer: str | None, audience: str | None) -> dict[str, Any]:
    if issuer is None:
        return {"type": "keys"}
    named = {"issuer": issuer, **({} if audience is None else {"audience": [audience]})}
    return {"type": "oauth2", "keys": True, "issuers": [named]}


def _teams() -> dict[str, Sequence[str]]:
    from narthex.libraries.demo import demo_config
    from narthex.libraries.demo.finding import prometheus_of

    return {name: one["servers"] for name, one in demo_config(prometheus=prometheus_of())["endpoints"].items()}


@dataclass(frozen=True)
class Shown:
    """What is here, whose keys there are, and three things to try."""

    teams: Mapping[str, Sequence[str]]  # the servers each has
    keys: Mapping[str, str] = field(repr=False)  # by team
    state: str | None = None
    issuer: str | None = None
    audience: str | None = None

    def welcome(self, url: str, admin: str) -> None:
        rows = "\n".join(f"    {url}/mcp/{team:<14}{', '.join(servers)}" for team, servers in self.teams.items())
        key = f" --key-env {_variable('sales')}" if self.keys else ""
        click.echo(f"""
  Brightwater Kites is open: two teams, one gateway.

{rows}

{self._introduced()}
{self._commands(url)}

  Give it to your own client:  {_program()} connect claude-code --url {url}/mcp/sales{key}
  Metrics: {admin}/metrics. Ctrl-C ends {"it, and the keys" if self.keys else "it"}.
""")
        if self.issuer is not None:
            click.echo(self._tokens(url))

    def _introduced(self) -> str:
        if not self.keys:
            return "  In another terminal:\n"
        lines = "\n".join(f"    export {_variable(team)}={key}" for team, key in self.keys.items())
        return f"  Each team has a key, shown this once. In another terminal:\n\n{lines}\n"

    def _commands(self, url: str) -> str:
        state = "--demo" if self.state is None else f"--state {shlex.quote(_absolute(self.state))}"
        asked = "analytics_query query=support_ticket_volume time_range=2026-01/2026-03"
        commands = (
            f"{self._call('sales', url)} crm_search_contacts query=museum field=company limit=2",
            f"{self._call('engineering', url)} {asked}",
            f"{_program()} audit tail {state}",
        )
        return "\n".join(f"    {command}" for command in commands)

    def _call(self, team: str, url: str) -> str:
        as_team = f"{KEY_VARIABLE}=${_variable(team)} " if self.keys else ""
        where = "" if f"{url}/mcp" == DEFAULT_URL else f" --url {url}"
        return f"{as_team}{_program()} call{where} --endpoint {team}"

    def _tokens(self, url: str) -> str:
        """What must be done with a token of an issuer."""
        meant = (
            f"'{self.audience}' as its audience"
            if self.audience is not None
            else f"{url}/mcp as its audience (its 'resource')"
        )
        return f"""  Who has a token of {self.issuer} is let in, too, with {meant}.
  Contacts and figures want its scopes crm:read and analytics:read. Clients that can sign in find the issuer by
  themselves: give them the URL. To try it from here:

    {KEY_VARIABLE}=TOKEN {_program()} tools --url {url}/mcp
"""


def _variable(team: str) -> str:
    return team.upper()


def _absolute(folder: str) -> str:
    return str(Path(folder).expanduser().absolute())


def _program() -> str:
    """This program as the reader of our words would start it, from where they are."""
    own = Path(sys.argv[0]).absolute()
    found = shutil.which("narthex")
    if found is not None and Path(found).absolute() == own:
        return "narthex"
    if own.name != "narthex":  # started as a module
        return f"{shlex.quote(sys.executable)} -m narthex"
    return shlex.quote(str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own))
