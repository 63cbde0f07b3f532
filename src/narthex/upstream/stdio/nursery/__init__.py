"""The small process that starts all stdio servers, and the keeper it forks for each of them.

Knows: how a server is begun, how the whole tree below it is found and ended, and that nothing may outlive the
gateway. Refuses to know: lines, JSON, why a server should stop, and all of the package outside this folder: it is
run by `python -I -S` with the standard library alone, and every module it imports is paid for in start time and in
memory (`typing`, `dataclasses` and `pathlib` would double both, so they are not used here).

    gateway -- nursery (one) -- keeper (one per server) -- server -- whatever the server starts

The keeper is the *subreaper* of its server: a grandchild that leaves its group, its session or its parent is handed
to the keeper by the kernel, so "no child left to wait for" means "nothing left". It ends the tree when the gateway
says so, when it closes the channel, and when it dies in any manner. The measurements behind this are in
docs/decisions/0004-stdio-death.md. macOS has neither subreapers nor /proc: there the process group of the server is
ended, and a grandchild that left the group is not found.
"""
