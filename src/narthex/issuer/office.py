"""What the endpoints of this room share.

Knows: the settings, the stores behind one desk, and where a client or a person is looked up. Refuses to know: requests.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from narthex.issuer.client import BadClient, Client, configured, holder, registered
from narthex.issuer.documents import Documents, is_url
from narthex.issuer.passwords import Passwords, mark_of
from narthex.issuer.people import FiledPeople, People, StoredPeople
from narthex.issuer.revoked import Revoked
from narthex.issuer.settings import Gateway, Settings
from narthex.issuer.signing import Signing, new_key
from narthex.issuer.throttle import Throttle
from narthex.limits import (
    access_token_seconds_max,
    client_id_chars_max,
    questions_per_address_max,
    questions_per_address_seconds,
    sign_in_failures_per_address_max,
    sign_in_failures_per_address_seconds,
    sign_in_failures_per_user_max,
    sign_in_failures_per_user_seconds,
    signing_key_look_seconds,
    token_clock_leeway_seconds,
)
from narthex.store.database import Database, Mark
from narthex.store.desk import Desk
from narthex.store.oauth_clients import OauthClients
from narthex.store.oauth_grants import OauthGrants
from narthex.store.oauth_keys import OauthKeys, SigningKey
from narthex.store.oauth_logins import OauthLogins
from narthex.store.users import UserStore
from narthex.upstream.fetch import reach_of
from narthex.upstream.http import Tls
from narthex.wire.seal import Sealer

T = TypeVar("T")
Say = Callable[[str, str], None]


class Shelves:
    """The stores, on one connection."""

    __slots__ = ("clients", "database", "grants", "keys", "logins", "users")

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder)
        self.clients = OauthClients(self.database)
        self.grants = OauthGrants(self.database)
        self.keys = OauthKeys(self.database)
        self.logins = OauthLogins(self.database)
        self.users = UserStore(self.database)


class Office:
    """One for the issuer. `open` before anything is asked of it."""

    def __init__(
        self, settings: Settings, gateway: Gateway, sealer: Sealer, tls: Tls, say: Say, on_revoked: Callable[[], None]
    ) -> None:
        self.settings, self.gateway, self.sealer, self.tls, self.say = settings, gateway, sealer, tls, say
        self.revoked = Revoked(on_revoked)
        self.desk = Desk("issuer")
        self.signing = Signing()
        self.passwords = Passwords()
        self.documents = Documents(reach_of(settings.issuer, allow_private=False), tls, self.monotonic, say)
        self.address_failures = Throttle(sign_in_failures_per_address_max, sign_in_failures_per_address_seconds)
        self.user_failures = Throttle(sign_in_failures_per_user_max, sign_in_failures_per_user_seconds)
        self.questions = Throttle(questions_per_address_max, questions_per_address_seconds)
        self.people: People | None = None
        self._shelves: Shelves | None = None
        self._mark: Mark | None = None
        self._turn_at = 0.0
        self._configured: dict[str, Client] = {}

    @property
    def shelves(self) -> Shelves:
        assert self._shelves is not None, "open() has opened them"
        return self._shelves

    async def open(self, folder: Path) -> None:
        """Raises StateFault."""
        self._shelves = await self.desk.do(lambda: Shelves(folder))
        self.adopt(self.settings)
        await self.look()

    async def aclose(self) -> None:
        self.passwords.close()
        if self._shelves is not None:
            await self.desk.do(self._shelves.database.close)
        self.desk.close()

    def adopt(self, settings: Settings) -> None:
        """Another configuration. Who is signed in stays so, as far as the people are still the same."""
        server = settings.server
        self.settings = settings
        self._configured = {one.client_id: configured(one) for one in server.clients}
        self.documents.forget()
        if server.login is not None:
            self.people = None
        elif server.users is not None:
            self.people = FiledPeople(Path(server.users), self.say)
        else:
            self.people = StoredPeople(self.desk, self.shelves.users)

    def do(self, work: Callable[[Shelves], T]) -> "asyncio.Future[T]":
        """Work that waits for the disk."""
        shelves = self.shelves
        return self.desk.do(lambda: work(shelves))

    # What other processes do

    async def look(self) -> None:
        """Whether another process took something back or turned the keys; and turn them when it is time."""
        now = self.now()
        mark, keys, revoked = await self.do(lambda shelves: self._looked(shelves, now))
        self._mark = mark
        if keys:
            self.signing.adopt(keys)
        self.revoked.add(revoked, now + self._token_seconds, now)

    def _looked(self, shelves: Shelves, now: float) -> tuple[Mark, list[SigningKey], list[str]]:
        mark = shelves.database.mark()
        keys: list[SigningKey] = []
        if now >= self._turn_at:
            self._turn_at = now + signing_key_look_seconds
            keys = shelves.keys.turn(new_key, self._token_seconds, now)
        elif mark != self._mark:
            keys = shelves.keys.current()
        if mark == self._mark:
            return mark, keys, []
        since = now - self._token_seconds
        return mark, keys, [grant_id for grant_id, _ in shelves.grants.revoked_since(since)]

    async def rotate(self) -> None:
        """A new key at once, and the end of all others."""
        seconds, now = self._token_seconds, self.now()
        self.signing.adopt(await self.do(lambda shelves: shelves.keys.turn(new_key, seconds, now, at_once=True)))

    async def take_back(self, grant_id: str) -> None:
        """End a grant, and every token of it."""
        now = self.now()
        await self.do(lambda shelves: shelves.grants.revoke(grant_id, now))
        self.taken_back(grant_id)

    def taken_back(self, grant_id: str) -> None:
        now = self.now()
        self.revoked.add([grant_id], now + self._token_seconds, now)

    @property
    def _token_seconds(self) -> float:
        return access_token_seconds_max + token_clock_leeway_seconds

    @staticmethod
    def now() -> float:
        """Seconds since the epoch."""
        return time.time()

    @staticmethod
    def monotonic() -> float:
        return time.monotonic()

    async def client(self, client_id: str, peer: str) -> Client:
        """Raises BadClient."""
        found = self._configured.get(client_id)
        if found is not None:
            return found
        if is_url(client_id):
            if not self.settings.server.client_documents:
                raise BadClient("invalid_client", "Clients that are the URL of a document are not taken here.")
            return await self.documents.find(client_id, peer, self.settings.server.redirect_schemes)
        record = None
        if 0 < len(client_id) <= client_id_chars_max:
            record = await self.do(lambda shelves: shelves.clients.find(client_id))
        if record is None:
            raise BadClient("invalid_client", "This client is not known here, or no longer. Let it register again.")
        return registered(record)

    async def holder(self, client_id: str) -> Client:
        """The client that shows a code or a token. Raises BadClient.

        A document is not fetched for this: what was granted names its client, and it may be fetched again when the
        next person is asked. So nobody is let out because a web site is down.
        """
        if is_url(client_id) and client_id not in self._configured:
            if not self.settings.server.client_documents:
                raise BadClient("invalid_client", "Clients that are the URL of a document are not taken here.")
            return holder(client_id)
        return await self.client(client_id, "")

    async def still(self, subject: str, proof: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Scopes and roles of somebody who logged in before with a password; None: they may not any more.

        `proof` is the mark of the password they had then: whoever changed it wants the others out.
        """
        if self.people is None:
            return None if proof else ((), ())
        user = await self.people.find(subject)
        if user is None or mark_of(user.password) != proof:
            return None
        return user.scopes, user.roles
