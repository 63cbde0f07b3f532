"""A webhook: batches of records as lines of JSON, signed, sent again until they are taken.

Knows: headers and a signature. Refuses to know: what records say.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from narthex.store.audit.follow import Item
from narthex.store.audit.sinks.post import Post

SIGNATURE = "X-Narthex-Signature"
KEY = "Idempotency-Key"  # the same batch sent again has the same


class WebhookSink:
    """`application/x-ndjson`; any 2xx means taken."""

    def __init__(self, url: str, headers: Mapping[str, str], secret: str | None, timeout_seconds: float | None) -> None:
        self._post = Post(url, headers, timeout_seconds)
        self._secret = secret.encode() if secret is not None else None

    def send(self, items: Sequence[Item]) -> None:
        body = b"".join(item.line + b"\n" for item in items)
        headers = {"Content-Type": "application/x-ndjson", KEY: hashlib.sha256(body).hexdigest()[:32]}
        if self._secret is not None:
            headers[SIGNATURE] = "sha256=" + hmac.new(self._secret, body, "sha256").hexdigest()
        self._post(body, headers)

    def close(self) -> None:
        self._post.close()
