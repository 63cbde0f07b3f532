"""A Python library in a process of its own: the gateway starts the command that anybody could start.

Knows: that command, and how the library's settings and secrets reach it. Refuses to know: processes.
"""

import sys

import msgspec

from narthex.libraries.surroundings import VARIABLE, encode
from narthex.model.config import ServerConfig


def is_launched(config: ServerConfig) -> bool:
    """It was made by `launched`: the process behind it is ours, and is told who calls."""
    return config.command is not None and config.process == "own" and VARIABLE in config.env


def launched(config: ServerConfig) -> ServerConfig:
    """The same server as a command, if it is to be one.

    Everything that is laid down about processes then holds for it. Its secrets go with it in its environment, and stay
    known here, so that they are masked in what it prints.
    """
    if config.python is None or config.process != "own":
        return config
    return msgspec.structs.replace(
        config,
        python=None,
        command=(sys.executable, "-P", "-m", "narthex", "run", config.python, "--quiet"),
        env={**config.env, VARIABLE: encode(config.settings, config.secrets)},
        inherit_env=("PYTHONPATH", "VIRTUAL_ENV", *config.inherit_env),
        settings={},
    )
