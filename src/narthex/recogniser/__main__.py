"""One JSON text in each line, both ways, over the pipes this process was started with.

    in   {"model": …, "language": …, "entities": […], "score": …}      first
    out  {"ready": true, "never": […]}                                 or {"failed": "a sentence"}, and the end
    in   {"id": 1, "texts": ["…", …]}
    out  {"id": 1, "found": [[[from, to, "PERSON"], …], …]}             for each text, in their order;
                                                                        or {"id": 1, "broken": "its kind"}

Knows: that, and that the end of its input is its own end. Refuses to print anything else there: what libraries print
goes to standard error.
"""

import json
import os
import sys
from typing import IO


def main() -> int:
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        return serve(sys.stdin.buffer, out)


def serve(asked: IO[bytes], out: IO[bytes]) -> int:
    try:
        from narthex.recogniser.analysis import Analysis

        analysis = Analysis(**json.loads(asked.readline()))
    except ImportError as fault:
        return _failed(out, f"{fault}: pip install 'narthex[ner]'")
    except Exception as fault:  # noqa: BLE001 - a model is somebody's program: whatever it does wrong is told
        return _failed(out, f"{type(fault).__name__}: {fault}")
    _say(out, {"ready": True, "never": analysis.never})
    for line in asked:
        wish = json.loads(line)
        try:
            _say(out, {"id": wish["id"], "found": analysis.find(wish["texts"])})
        except MemoryError:
            return 1  # what is left of this process is not to be trusted
        except Exception as fault:  # noqa: BLE001 - one text must not end it; its words stay here, they may repeat it
            _say(out, {"id": wish["id"], "broken": type(fault).__name__})
    return 0


def _failed(out: IO[bytes], why: str) -> int:
    _say(out, {"failed": why})
    return 1


def _say(out: IO[bytes], what: object) -> None:
    out.write(json.dumps(what).encode() + b"\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
