"""A Prometheus of one's own for a test: what it scrapes, which rules it has, and that it ends.

Knows: the program of Debian's package `prometheus`. Refuses to know: what is measured.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from process_kit import SECONDS_MAX, until

PROGRAM = shutil.which("prometheus")
MISSING = "no Prometheus on this machine (Debian: prometheus)"
SCRAPE = "200ms"


@contextlib.contextmanager
def prometheus(home: Path, target: str, groups: list[dict[str, Any]], port: int) -> Iterator[str]:
    """Its address. `target`: what it scrapes, as `host:port`."""
    assert PROGRAM is not None
    scraped = {"job_name": "gateway", "static_configs": [{"targets": [target]}]}
    config = {
        "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE},
        "scrape_configs": [scraped],
        "rule_files": ["rules.json"],
    }
    (home / "prometheus.json").write_text(json.dumps(config))  # JSON is YAML
    (home / "rules.json").write_text(json.dumps({"groups": groups}))
    url = f"http://127.0.0.1:{port}"
    command = [
        PROGRAM, f"--config.file={home / 'prometheus.json'}", f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (home / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: process.poll() is not None or _ready(url), "Prometheus is ready")
            assert process.poll() is None, (home / "prometheus.log").read_text()
            yield url
        finally:
            process.terminate()
            try:
                process.wait(SECONDS_MAX)
            finally:
                process.kill()


def value(url: str, query: str) -> float:
    """What a query gives at the moment, 0 where it gives nothing."""
    with urlopen(f"{url}/api/v1/query?{urlencode({'query': query})}", timeout=SECONDS_MAX) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def _ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/-/ready", timeout=SECONDS_MAX) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False
