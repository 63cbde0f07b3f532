"""Who may come in, put together: keys, issuers and the one that may live in here, and the gate that asks them.

Knows: in which order they start, change and end. Refuses to know: how any of them judges, and what callers may do.
"""

import time
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from pathlib import Path

from narthex.connect.server import ConnectPage
from narthex.connect.site import Site
from narthex.control.certificate import as_started
from narthex.control.problem import ConfigError, Problem
from narthex.edge.door import Door
from narthex.edge.gate import Gate, audiences
from narthex.identity.api_keys import ApiKeys
from narthex.identity.authority import Authority
from narthex.identity.credential import Credential
from narthex.issuer.server import AuthorizationServer
from narthex.issuer.settings import Gateway as SignInGateway
from narthex.issuer.settings import settings_of
from narthex.model.authentication import IssuerConfig
from narthex.model.config import Config
from narthex.model.endpoint import Snapshot
from narthex.model.identity import LOCAL, Principal
from narthex.relay.slot import Slot
from narthex.store.folder import StateFault
from narthex.telemetry.owned import Owned
from narthex.upstream.credentials.connections import Connections
from narthex.wire.seal import Sealer


class Callers:
    """One for the gateway. `say(level, sentence)`: a line for the operator; `count(reason)`: somebody was refused."""

    def __init__(
        self,
        slot: Slot,
        folder: Path,
        sealer: Sealer,
        owned: Owned,
        say: Callable[[str, str], None],
        on_fault: Callable[[str, BaseException], None],
        count: Callable[[str], None],
    ) -> None:
        config: Config = slot.current.config
        self.keys = ApiKeys(folder, say=say)
        self.authority = Authority(keys=self.keys, say=say, on_fault=on_fault)
        self.keys.on_change = self.authority.revoke_all
        self.authority.vouching = lambda: slot.current.on_behalf
        self.authority.configure(config.authentication, {})
        self.gate = Gate(self.authority, slot, secure=config.tls is not None, count=count)
        self.issuer: AuthorizationServer | None = None
        self.page: ConnectPage | None = None
        self._started = config  # what TLS was made of
        self._slot, self._folder, self._sealer, self._owned, self._say = slot, folder, sealer, owned, say
        self._door: Door | None = None
        self._url, self._port = "", 0

    async def start(self) -> None:
        """Raises `StateFault`."""
        await self.keys.start()
        self._owned.start(self.keys.follow(), "keys")

    async def admit(self, door: Door, url: str, port: int) -> None:
        """Let them in: from here on it is known where clients find us. Raises `ConfigError`."""
        self._door, self._url, self._port = door, url, port
        config: Config = self._slot.current.config
        self._slot.on_move(self._moved)
        self.authority.configure(config.authentication, self._audiences())
        settings = settings_of(config, url)
        if settings is not None:
            has = SignInGateway(
                lambda: [name for names in self._audiences().values() for name in names],
                lambda: {scope for endpoint in self._slot.current.endpoints.values() for scope in endpoint.scopes},
            )
            issuer = AuthorizationServer(
                settings, has, self._sealer, self._folder, say=self._say, on_revoked=self.authority.revoke_all
            )
            try:
                await issuer.start()
            except StateFault as error:
                raise ConfigError([Problem("", 0, 0, "authentication.server", str(error), "")]) from None
            self._owned.start(issuer.follow(), "issuer")
            self.issuer = issuer
            self._open(issuer, door)
        self.authority.warm()

    def _open(self, issuer: AuthorizationServer, door: Door) -> None:
        """People may sign in, and what is signed then is believed."""
        self.authority.host(IssuerConfig(issuer=issuer.issuer, typ="at+jwt"), issuer.keys, issuer.revoked)
        door.issuer = issuer

    def open_page(self, door: Door, connections: Connections, url: str, *, public: str | None) -> ConnectPage:
        """Where people connect their accounts at servers. `public`: the address of it, if that is another one."""
        site = Site(public or url, fixed=public is None)
        page = ConnectPage(connections, self.gate, self._inside, self._slot, site, self._sealer, self._say)
        if self.issuer is not None:
            self.issuer.show_keys(lambda: self.authority.takes_keys)
        door.connect = self.page = page
        return page

    def _inside(self) -> AuthorizationServer | None:
        """The authorization server inside, as long as people sign in there."""
        return self.issuer if self._door is not None and self._door.issuer is not None else None

    async def of_environment(self, key: str, endpoint: str) -> Principal:
        """Who speaks on stdin: whoever's API key the environment holds (S-AUTH-08). Raises `ConfigError`."""
        if self.authority.open:
            return LOCAL
        credential = Credential(scheme="key", token=key, digest=sha256(key.encode()).digest())
        found = await self.authority.find(credential, endpoint, time.time()) if key else None
        if isinstance(found, Principal):
            return found
        what = "this configuration asks who calls" + (f"; {found.message}" if found is not None else "")
        raise ConfigError([Problem("", 0, 0, "authentication", what, "Set NARTHEX_KEY to an API key.")])

    async def aclose(self) -> None:
        if self.page is not None:
            await self.page.aclose()
        if self.issuer is not None:
            await self.issuer.aclose()
        await self.authority.aclose()

    # Another configuration

    def expect(self, config: Config) -> None:
        """Ask by the rules of this configuration.

        Before the world is swapped: at no moment is something new open to those whom only the old rules let in.
        """
        self.authority.configure(as_started(config, self._started), self._audiences())

    def adopt(self, config: Config) -> None:
        """This is the world now. What takes effect only at the next start is said."""
        if as_started(config, self._started) != config.authentication:
            self._say("warning", "Client certificates are not taken: TLS trusts their authority from the next start on")
        settings = settings_of(config, self._url)
        if self.issuer is None or self._door is None:
            if settings is not None:
                self._say("warning", "'authentication.server' is new; it takes effect at the next start")
        elif settings is not None and settings.issuer == self.issuer.issuer:
            self.issuer.adopt(settings)
            if self._door.issuer is None:  # it had been taken out, and is back
                self._open(self.issuer, self._door)
        else:
            # Nobody signs in there any more, and what it has signed is not believed.
            self.authority.evict(self.issuer.issuer)
            self._door.issuer = None
        self.authority.warm()  # an issuer that cannot be reached is told of now, not when its first token comes

    def _moved(self, before: Snapshot, after: Snapshot) -> None:
        if before.endpoints.keys() != after.endpoints.keys():
            self.authority.meant_by(self._audiences())
        if after.on_behalf and not before.on_behalf:
            self.authority.revoke_all()  # whoever was found good before came without their token

    def _audiences(self) -> Mapping[str, Collection[str]]:
        """What means each endpoint in a token. Nobody comes in before the port is known."""
        world = self._slot.current
        return audiences(world.config, world.endpoints, self._port, secure=world.config.tls is not None)


def known_otherwise(before: Config, after: Config) -> bool:
    """Whether callers who are inside might be known by less than they came in with: other issuers, other scopes."""

    def told(config: Config) -> object:
        found = config.authentication
        return None if found is None else (found.scopes, found.all_issuers(), found.proxy, found.certificates)

    return told(before) != told(after)
