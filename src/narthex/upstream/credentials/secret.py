"""A secret of the operator: written down, or in a file that somebody else keeps fresh.

Knows: how such a file is read. Refuses to know: what the secret is for; and never names it.
"""

import asyncio
from pathlib import Path

from narthex.limits import secret_bytes_max
from narthex.upstream.credentials.face import CredentialFault


class Secret:
    """`await read()` is the secret as it is now. `last` is what was read last, to be hidden in what is said."""

    __slots__ = ("_file", "last")

    def __init__(self, value: str | None, file: str | None) -> None:
        self._file = Path(file) if file is not None else None
        self.last = value or ""

    def __repr__(self) -> str:
        return "<Secret>"

    async def read(self) -> str:
        """Raises CredentialFault."""
        if self._file is not None:
            self.last = await asyncio.to_thread(_read, self._file)
        return self.last


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(secret_bytes_max + 1)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from None
    if len(content) > secret_bytes_max:
        raise _unusable(path, f"is larger than {secret_bytes_max} bytes")
    try:
        text = content.decode().strip()  # what writes such files often ends them with a newline
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise _unusable(path, "holds no text")
    return text


def _unusable(path: Path, what: str) -> CredentialFault:
    return CredentialFault("its credentials are not available", f"the file {path} {what}")
