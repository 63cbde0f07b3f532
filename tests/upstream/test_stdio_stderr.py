"""What is kept of stderr, and what is shown."""

from narthex import limits
from narthex.upstream.stdio.stderr import StderrLog


def log() -> tuple[StderrLog, list[str]]:
    shown: list[str] = []
    return StderrLog(shown.append), shown


def test_lines_are_shown_as_they_come_whole() -> None:
    stderr, shown = log()

    stderr.feed(b"one\ntw", 0.0)
    stderr.feed(b"o\nthree", 0.1)
    before = list(shown)
    stderr.close()

    assert before == ["one", "two"]
    assert shown == ["one", "two", "three"]


def test_more_lines_than_the_limit_in_a_second_are_counted_instead() -> None:
    stderr, shown = log()
    most = limits.stderr_lines_per_second_max

    for number in range(most + 30):
        stderr.feed(b"%d\n" % number, 0.0)
    stderr.flush(0.5)
    during = list(shown)
    stderr.flush(1.0)

    assert during == [str(number) for number in range(most)]
    assert shown[most:] == ["… 30 lines suppressed"]


def test_a_flood_leaves_a_ring_and_its_last_lines() -> None:
    stderr, shown = log()
    chunk = b"".join(b"line %06d\n" % number for number in range(5_000))

    for _ in range(200):
        stderr.feed(chunk, 0.0)
    stderr.close()

    assert len(stderr._ring) == limits.stderr_ring_bytes_max
    assert len(shown) == limits.stderr_lines_per_second_max + 1
    assert stderr.tail()[-1] == "line 004999"
    assert shown[-1] == f"… {200 * 5_000 - limits.stderr_lines_per_second_max} lines suppressed"


def test_a_line_without_end_is_shown_once_and_cut() -> None:
    stderr, shown = log()

    for _ in range(100):
        stderr.feed(b"x" * 1_000, 0.0)
    stderr.feed(b"x\nnext\n", 0.0)

    assert [len(line) for line in shown] == [limits.stderr_line_bytes_max + 1, 4]
    assert shown[0].endswith("…")


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    stderr, shown = log()

    stderr.feed(b"\x1b[2J\x07red\x9b\xff\tend\r\n", 0.0)

    assert shown == [
        "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}red\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} end"
    ]
