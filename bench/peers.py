"""The others of the comparison: nginx as a plain reverse proxy, and another Python gateway (FastMCP's proxy).

Knows: how each is installed and started. Refuses to know: how they are measured.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from running import HERE, Running, answers, free_port

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
FASTMCP = "fastmcp==4.1.2"
CACHE = HERE.parent / ".cache" / "bench"

NGINX_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 10000000;
  upstream far {{ server 127.0.0.1:{far}; keepalive 128; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://far; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def start_nginx(folder: Path, far: int) -> tuple[Running, int]:
    """nginx in front of the port `far`, with kept connections on both sides, one worker, no log."""
    assert NGINX
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, far=far, port=port))
    command = [NGINX, "-c", str(config), "-e", str(folder / "nginx-error.log")]
    running = Running("nginx", command, folder / "nginx.log")
    running.wait_until(lambda: answers(f"http://127.0.0.1:{port}/count"))
    return running, port


def fastmcp_python() -> Path | None:
    """The interpreter of FastMCP's own environment, made on first use; None where it cannot be had."""
    folder = CACHE / FASTMCP.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        print(f"Installing {FASTMCP} into {folder.relative_to(HERE.parent)} …", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", FASTMCP]
        if subprocess.run(pip, check=False).returncode != 0:
            return None
        (folder / "installed").touch()
    return python


def start_fastmcp(folder: Path, far_url: str) -> tuple[Running, int] | None:
    python = fastmcp_python()
    if python is None:
        return None
    port = free_port()
    running = Running("fastmcp", [python, HERE / "fastmcp_proxy.py", far_url, str(port)], folder / "fastmcp.log")
    running.wait_until(lambda: answers(f"http://127.0.0.1:{port}/mcp"))
    return running, port
