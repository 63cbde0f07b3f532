"""The one server behind everything that is measured: `upstream.py`, in a process of its own.

Knows: when it is ready. Refuses to know: who asks it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running import HERE, Running, answers, free_port, python


@contextmanager
def server_behind(folder: Path) -> Iterator[tuple[Running, int]]:
    """It, and its port."""
    port = free_port()
    with Running("upstream", python(HERE / "upstream.py", str(port)), folder / "upstream.log") as upstream:
        upstream.wait_until(lambda: answers(f"http://127.0.0.1:{port}/count"))
        yield upstream, port
