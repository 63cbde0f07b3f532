"""What a keeper is told to start.

Knows: the fields and how they travel. Refuses to know: what they are for. No field can hold a NUL (the kernel would
not take it either), so a NUL stands between them.
"""

SIZE_BYTES = 4


class Order:
    __slots__ = ("argv", "cpu_seconds_max", "cwd", "env", "files_max", "memory_bytes_max", "name")

    def __init__(
        self,
        name: bytes,
        argv: list[bytes],
        env: list[bytes],  # NAME=value
        cwd: bytes,
        cpu_seconds_max: int | None,
        memory_bytes_max: int | None,
        files_max: int | None,
    ) -> None:
        self.name = name
        self.argv = argv
        self.env = env
        self.cwd = cwd
        self.cpu_seconds_max = cpu_seconds_max
        self.memory_bytes_max = memory_bytes_max
        self.files_max = files_max


def encode(order: Order) -> bytes:
    limits = (order.cpu_seconds_max, order.memory_bytes_max, order.files_max)
    numbers = [b"" if limit is None else b"%d" % limit for limit in limits]
    fields = [order.name, order.cwd, *numbers, b"%d" % len(order.argv), *order.argv, *order.env]
    body = b"\0".join(fields)
    return len(body).to_bytes(SIZE_BYTES, "big") + body


def decode(body: bytes) -> Order:
    name, cwd, cpu, memory, files, count, *rest = body.split(b"\0")
    cpu_max, memory_max, files_max = (int(text) if text else None for text in (cpu, memory, files))
    argv, env = rest[: int(count)], rest[int(count) :]
    return Order(name, argv, env, cwd, cpu_max, memory_max, files_max)
