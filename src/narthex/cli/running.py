"""Running something that stays: which of its failures are an operator's to mend, and how they are said.

Knows: configuration problems, addresses that are taken or forbidden. Refuses to know: what runs.
"""

import errno
from collections.abc import Callable

from narthex.cli.say import NO, fail, refuse
from narthex.control.problem import ConfigError


def run(start: Callable[[], int]) -> int:
    """What `start` returns, or the exit with a sentence about what kept it from starting."""
    try:
        return start()
    except ConfigError as error:
        refuse(error)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(
                f"{_sentence(error)}\nAnother gateway may be running. Choose another port with --listen "
                "http://127.0.0.1:0 (0: any free one), and for the administration address with --admin.",
                NO,
            )
        if error.errno in (errno.EACCES, errno.EADDRNOTAVAIL, errno.EPERM):
            fail(f"{_sentence(error)}\nAn address is chosen with --listen and --admin, or in the file.", NO)
        raise


def _sentence(error: OSError) -> str:
    return f"{(error.strerror or str(error)).rstrip('.')}."
