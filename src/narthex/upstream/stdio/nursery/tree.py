"""Trees of processes: finding them, signalling them, waiting for them.

Knows: /proc and process groups. Refuses to know: which tree, and why.
"""

import os
from collections.abc import Iterable


def descendants(root: int) -> set[int]:
    """Every process below `root`; empty where there is no /proc."""
    found: set[int] = set()
    front = children(root)
    while front:
        pid = front.pop()
        if pid not in found:
            found.add(pid)
            front.extend(children(pid))
    return found


def children(pid: int) -> list[int]:
    """A child is listed under the thread that started it. A kernel may be built without these lists."""
    if not _LISTS_CHILDREN:
        return [child for child, parent in _parents() if parent == pid]
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - pathlib is too heavy here
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as listed:  # noqa: PTH123 - the same
                found.extend(map(int, listed.read().split()))
    except OSError:
        pass  # it ended while we looked: its children are elsewhere by now, and found on the next look
    return found


_LISTS_CHILDREN = os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")  # noqa: PTH110 - the same


HAS_TREES = os.path.isdir("/proc/self")  # noqa: PTH112 - the same


def _parents() -> Iterable[tuple[int, int]]:
    if not HAS_TREES:
        return
    for entry in os.listdir("/proc"):  # noqa: PTH208 - the same
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stat:  # noqa: PTH123 - the same
                    fields = stat.read().rpartition(b")")[2].split()  # the name before it may hold anything
            except OSError:
                continue  # it ended meanwhile
            yield int(entry), int(fields[1])


def signal_all(tree: Iterable[int], number: int) -> None:
    """By group where it is not ours: the kernel signals a group at once, so a fork bomb cannot outrun it."""
    own = os.getpgrp()
    for pid in tree:
        try:
            group = os.getpgid(pid)
            if group == own:
                os.kill(pid, number)
            else:
                os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            pass  # it has ended, or became another user by a setuid program, which we may not signal


def signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass  # the same two reasons


def reap() -> tuple[list[tuple[int, int]], bool]:
    """What has ended, as (pid, exit code), negative for a signal; and whether there is any child left."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended, False
        if pid == 0:
            return ended, True
        ended.append((pid, os.waitstatus_to_exitcode(status)))
