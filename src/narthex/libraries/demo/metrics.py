"""The metrics of Brightwater Kites: a Prometheus that looks at the gateway, and the tools over it that ship.

Knows: how the program is started and ended, and where it is told whom to look at. Refuses to know: metrics.

    python -m narthex.libraries.demo.metrics /usr/bin/prometheus TARGETS_FILE
"""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from narthex.libraries.prometheus import library
from narthex.libraries.stdio_server import serve
from narthex.libraries.surroundings import Surroundings

scrape_seconds = 2
end_seconds_max = 3.0
_KEPT = ("--storage.tsdb.retention.time=1d", "--storage.tsdb.retention.size=64MB")


@contextmanager
def running(program: str, targets: Path) -> Iterator[str]:
    """The URL of a Prometheus that ends with us, and leaves nothing behind."""
    with TemporaryDirectory(prefix="narthex-prometheus-") as name, socket.socket() as door:
        folder = Path(name)
        scrape = {"job_name": "narthex", "file_sd_configs": [{"files": [str(targets.absolute())]}]}
        config = {"global": {"scrape_interval": f"{scrape_seconds}s"}, "scrape_configs": [scrape]}
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        door.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{door.getsockname()[1]}"
        door.close()
        where = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data")
        words = [program, *where, *_KEPT, f"--web.listen-address={address}", "--log.level=error"]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
            try:
                yield f"http://{address}"
            finally:
                child.terminate()
                try:
                    child.wait(end_seconds_max)
                except subprocess.TimeoutExpired:
                    child.kill()


def main() -> None:
    program, targets = sys.argv[1:]
    with running(program, Path(targets)) as url:
        given = Surroundings({"url": url, "scrape_seconds": scrape_seconds})
        asyncio.run(serve(library.to_server(given)))


if __name__ == "__main__":
    main()
