"""A small process: the authorization server, and the document of a client over https.

`issuer_house.py FOLDER` prints one line of JSON with its addresses, and ends with its standard input.
"""

import asyncio
import datetime as dt
import json
import ssl
import sys
from pathlib import Path
from typing import Any, Self

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from issuer_kit import CALLBACK, stage

from narthex.edge.http1_exchange import Exchange
from narthex.edge.listener import Listener
from narthex.limits import DEFAULTS
from narthex.upstream.http import Tls


def certificate(folder: Path) -> Path:
    """A key and a certificate for `localhost`, which whoever is told to may trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


class Documents:
    """Serves JSON over https on the loopback: documents of clients, by path."""

    def __init__(self, folder: Path) -> None:
        self.pem = certificate(folder)
        self.tree: dict[str, Any] = {}
        self.asked: list[str] = []
        self.url = ""
        self._listener: Listener | None = None

    async def __aenter__(self) -> Self:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        self._listener = Listener(
            self._serve, lambda: DEFAULTS, hosts=None, refuse=lambda *_: b"", on_fault=lambda _: None, ssl=context
        )
        port = await self._listener.start("127.0.0.1", 0)
        self.url = f"https://localhost:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        await self._listener.abort()

    async def _serve(self, exchange: Exchange) -> None:
        self.asked.append(exchange.path)
        found = self.tree.get(exchange.path)
        if callable(found):
            await found(exchange)
        elif found is None:
            exchange.respond(404, b"{}")
        else:
            exchange.respond(200, json.dumps(found).encode())

    def describe(self, path: str = "/app.json", **more: Any) -> str:
        """A client, by the URL of its document."""
        url = f"{self.url}{path}"
        usual = {"client_id": url, "client_name": "Published app", "redirect_uris": [CALLBACK]}
        usual["grant_types"] = ["authorization_code", "refresh_token"]
        self.tree[path] = {**usual, **more}
        return url


async def main(folder: Path) -> None:
    async with Documents(folder) as documents, stage(folder, tls=Tls(ca_file=str(documents.pem))) as here:
        print(json.dumps({"url": here.url, "document": documents.describe()}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1])))
