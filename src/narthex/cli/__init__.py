"""The operator's verbs: serve, check, call, connect and their kin.

Knows: arguments, exit codes, how to print for a person or as JSON. Refuses to know: how a call travels; it asks
`app`, or speaks to a running gateway like any other client.
"""


def main() -> None:
    """The command `narthex`. Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration."""
    from narthex.cli.group import narthex

    narthex(prog_name="narthex")
