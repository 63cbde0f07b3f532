"""What a request shows of whom it is from: whole header lines, kept apart from the others because they are secret.

Knows: the lines. Refuses to know: where they come from, and to be printed.
"""


class Pass:
    """`token` tells apart what was shown from what would be shown now."""

    __slots__ = ("lines", "token")

    def __init__(self, lines: bytes, token: object = None) -> None:
        self.lines = lines
        self.token = token

    def __repr__(self) -> str:
        return "<Pass>"


NO_PASS = Pass(b"")
