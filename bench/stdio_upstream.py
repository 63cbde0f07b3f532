"""The bench's stdio server: one line in, one line out, nothing in between.

stdio_upstream.py modern|legacy
"""

import sys

from answers import LEGACY, MODERN, answer, table


def main(era: str) -> None:
    results = table(MODERN if era == "modern" else LEGACY)
    read, write = sys.stdin.buffer.readline, sys.stdout.buffer
    while line := read():
        _method, reply = answer(line, results)
        if reply:
            write.write(reply + b"\n")
            write.flush()


if __name__ == "__main__":
    main(sys.argv[1])
