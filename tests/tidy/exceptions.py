"""Where a house rule does not hold, and why. An entry no longer needed fails the build too."""

# Files that start a task outside a task group: each says who awaits its end.
TASK_OWNERS: dict[str, str] = {
    "src/narthex/app.py": "the end itself and a wait for a signal; both end in the function that starts them",
    "src/narthex/control/admin.py": "the server of the admin address; aclose() waits for it",
    "src/narthex/edge/listener.py": "one task per request, and the sweeper; aclose() waits for all of them",
    "src/narthex/libraries/http_server.py": "one task per request; the exchange that started it waits in run()",
    "src/narthex/libraries/http_stream.py": "one task per request; the exchange that started it waits in run()",
    "src/narthex/libraries/asking.py": "one function per open question; let_go() waits for all of them",
    "src/narthex/libraries/context.py": "work of a thread, which waits for it in the same line",
    "src/narthex/libraries/home.py": "what a library's lifespan opened; aclose() waits for its end",
    "src/narthex/libraries/stdio_server.py": "one task per request; the peer's aclose() waits for all of them",
    "src/narthex/telemetry/log.py": "the flusher; aclose() waits for it, so that the last line is written",
    "src/narthex/telemetry/loop_delay.py": "the measurement; aclose() waits for it",
    "src/narthex/telemetry/owned.py": "the owner of others' tasks; aclose() waits for all of them",
    "src/narthex/upstream/lanes.py": "a conversation being opened for several waiters; aclose() waits for it",
    "src/narthex/upstream/link/peer.py": "one task per question of a server; the link's end waits for all of them",
}

# Functions longer than sixty lines.
LONG_FUNCTIONS: dict[str, str] = {}

# Files longer than four hundred lines.
LONG_FILES: dict[str, str] = {
    "src/narthex/limits.py": "every number of the house on one page, so that each can be held against the others",
}
