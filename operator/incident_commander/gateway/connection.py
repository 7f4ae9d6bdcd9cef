"""One HTTP connection: uvicorn's, with bounds on how long and how large the headers of a request may be."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_BYTES = 65536
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """uvicorn waits for ever for the end of headers, and httptools takes any number of them: both before any token
    is looked at. Bodies are bounded in ``body``.
    """

    header_seconds = 10.0
    _late: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Headers are awaited from now on."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes: part of the headers, unless they began a request or belong to the body of one."""
        before = self.cycle
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.cycle is not before or (before is not None and not before.response_complete):
            self._headers_came()
            return
        self._header_bytes += len(data)
        if self._header_bytes > HEADER_BYTES:
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        elif self._late is None:
            self._await_headers()

    def _await_headers(self) -> None:
        self._late = self.loop.call_later(self.header_seconds, self.transport.close)

    def _headers_came(self) -> None:
        self._header_bytes = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None
