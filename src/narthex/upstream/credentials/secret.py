"""A secret of the operator: written down, or in a file that somebody else keeps fresh.

Knows: how such a file is read. Refuses to know: what the secret is for; and never names it.
"""

import asyncio
from math import inf
from pathlib import Path

from narthex.limits import secret_bytes_max
from narthex.telemetry.scrub import MASK
from narthex.upstream.credentials.face import CredentialFault


class Secret:
    """`await read()` is the secret as it is now. `last` is what was read last; it is good until the loop's `until`."""

    __slots__ = ("_before", "last", "until")

    rotates = False

    def __init__(self, value: str = "") -> None:
        self.last = value
        self.until = inf
        self._before = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    async def read(self) -> str:
        """Raises CredentialFault."""
        return self.last

    def doubt(self) -> None:
        """Whoever was shown it refuses it: another one may have taken its place."""

    def hide(self, text: str) -> str:
        """The text without it, and without the one before: what is said late may still be of that one."""
        for secret in (self.last, self._before):
            text = text.replace(secret, MASK) if secret else text
        return text

    def _found(self, value: str) -> str:
        if value != self.last:
            self._before, self.last = self.last, value
        return value


class FileSecret(Secret):
    """Read anew each time."""

    __slots__ = ("_file",)

    rotates = True

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = Path(file)

    async def read(self) -> str:
        return self._found(await asyncio.to_thread(_read, self._file))


def text_in(content: bytes) -> str:
    """What prints or writes a secret often ends it with a newline. "": there is none in it."""
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        return ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(secret_bytes_max + 1)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from None
    if len(content) > secret_bytes_max:
        raise _unusable(path, f"is larger than {secret_bytes_max} bytes")
    text = text_in(content)
    if not text:
        raise _unusable(path, "holds no text")
    return text


def _unusable(path: Path, what: str) -> CredentialFault:
    return CredentialFault("its credentials are not available", f"the file {path} {what}")
