"""How a connection is made secure: one context for all servers configured alike.

Knows: certificates to trust and to show. Refuses to know: whom we connect to.
"""

import asyncio
import ssl


class Tls:
    """TLS options, and the context made of them when the first connection needs it.

    Loading the system's certificates takes some 20 ms and a megabyte, so servers with the same options should
    share one `Tls`, and the loading happens in a thread. Raises what `ssl` raises for unreadable files.
    """

    __slots__ = ("_ca_file", "_certificate", "_context", "_loading", "_verify")

    def __init__(
        self,
        *,
        verify: bool = True,
        ca_file: str | None = None,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """`certificate`: the files of the client certificate and its key, for servers that ask for one."""
        self._verify = verify
        self._ca_file = ca_file
        self._certificate = certificate
        self._context: ssl.SSLContext | None = None
        self._loading = asyncio.Lock()

    async def context(self) -> ssl.SSLContext:
        if self._context is None:
            async with self._loading:
                if self._context is None:
                    self._context = await asyncio.to_thread(self._load)
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self._certificate is not None:
            context.load_cert_chain(*self._certificate)
        return context
