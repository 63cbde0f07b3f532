"""What can go wrong between a query and its rows, by whose fault it is.

Knows: sentences for the model and for the operator. Refuses to know: drivers; each dialect translates its own. Nothing
here may hold an address with its password: what a driver says is passed through `mask` first.
"""

import re

from narthex.libraries.server import Refusal

_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]*(@)|(\bpassword\s*=\s*)\S+", re.IGNORECASE)
_SAID_CHARS = 400


class SqlConfigError(Exception):
    """The configuration of a database cannot work; the text is for the operator, and names the place."""

    def __init__(self, what: str, remedy: str = "", where: tuple[str, ...] = ()) -> None:
        super().__init__(f"{what}. {remedy}".strip() if remedy else what)
        self.what, self.remedy, self.where = what, remedy, where


class DatabaseFault(Exception):
    """The database cannot do what the operator wrote; the text is for the operator alone."""


class Unreachable(Refusal):
    """No connection, or one that was lost. A model can only try later; `why` is for the operator."""

    def __init__(self, said: str, *, lost: bool = False, sent: bool = False, why: str = "") -> None:
        super().__init__(f"{said} It may have been carried out: look before you repeat it." if sent else said)
        self.lost = lost  # while it was used, which may be because the database has been started anew
        self.why = why


class Crowded(Unreachable):
    """Too many calls wait for it already. It is not away."""


class TimedOut(Refusal):
    """It took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The query was stopped after {seconds:g} seconds, which is all it may take. "
            "Ask for less: a shorter time range, or fewer values."
        )


class Interrupted(Exception):
    """The database ended a statement because it was told to, or by a limit of its own."""


def unusable(said: str) -> Refusal:
    """A value of the right kind which the database cannot compute with: too large, of another alphabet."""
    return Refusal(
        f"The database cannot use one of the values: {said}" if said else "One of the values cannot be used."
    )


def mask(said: object, password: str | None) -> str:
    """What a driver said, in one line, without the password."""
    text = " ".join(str(said).split())
    if password:
        text = text.replace(password, "***")
    return _PASSWORD.sub(r"\1\3***\2", text)[:_SAID_CHARS]
