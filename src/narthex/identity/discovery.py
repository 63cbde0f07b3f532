"""What an issuer says about itself, as much of it as a resource server needs, kept for an hour.

Knows: which of its words we need, and how often to ask. Refuses to know: where its metadata stand
(`upstream/issuer_metadata.py`), and what keys and tokens look like.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from narthex.limits import issuer_metadata_seconds_max, issuer_retry_seconds_min
from narthex.upstream.fetch import FetchFault, Reach
from narthex.upstream.http import Tls
from narthex.upstream.issuer_metadata import issuer_metadata


class Metadata(msgspec.Struct, frozen=True):
    """As much of an issuer's metadata as a resource server needs."""

    jwks_uri: str = ""
    introspection_endpoint: str = ""
    introspection_methods: tuple[str, ...] = ()


class Discovery:
    """The metadata of one issuer, kept for an hour; that there are none, for a second. Asked for by one at a time."""

    __slots__ = ("_clock", "_fault", "_found", "_issuer", "_one", "_reach", "_tls", "_until")

    def __init__(self, issuer: str, reach: Reach, tls: Tls, clock: Callable[[], float]) -> None:
        self._issuer, self._reach, self._tls, self._clock = issuer, reach, tls, clock
        self._one = asyncio.Lock()
        self._found: Metadata | None = None
        self._fault: FetchFault | None = None
        self._until = 0.0

    async def get(self) -> Metadata:
        """Raises FetchFault."""
        async with self._one:
            if self._clock() >= self._until:
                await self._renew()
        if self._fault is not None:
            raise self._fault
        assert self._found is not None
        return self._found

    def doubt(self) -> None:
        """What they lead to was not there: ask again before the next use."""
        if self._found is not None:
            self._until = 0.0

    async def _renew(self) -> None:
        try:
            self._found, self._fault = read(await issuer_metadata(self._issuer, self._reach, self._tls)), None
            self._until = self._clock() + issuer_metadata_seconds_max
        except FetchFault as fault:
            self._found, self._fault = None, fault
            self._until = self._clock() + issuer_retry_seconds_min


def read(value: Mapping[str, Any]) -> Metadata:
    """What of an issuer's metadata we need, as far as it has the right form."""
    methods = value.get("introspection_endpoint_auth_methods_supported")
    return Metadata(
        jwks_uri=_text(value, "jwks_uri"),
        introspection_endpoint=_text(value, "introspection_endpoint"),
        introspection_methods=tuple(one for one in methods if isinstance(one, str)) if type(methods) is list else (),
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
