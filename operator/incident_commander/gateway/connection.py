"""HTTP connections: uvicorn's, bounded in number, and in how long and how large the headers of a request may be."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from incident_commander.gateway.logbook import RefusalLog
from incident_commander.gateway.refusal import HttpRefusal

HEADER_BYTES = 65536
_REFUSED_SECONDS = 1.0
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: %d\r\nconnection: close\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%s"
)
_TOO_MANY_REASON = "too many connections with a request in flight; send it again later"
_TOO_MANY_SAID = b'{"error":"%s"}' % _TOO_MANY_REASON.encode()
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """uvicorn waits for ever for the end of headers, and httptools takes any number of them: both before any token
    is looked at. Bodies are bounded in ``body``. One connection too many ends the one that has asked for nothing for
    the longest time: a flood of silent connections keeps out neither Alertmanager nor a probe.
    """

    header_seconds = 10.0
    most_connections = 2048
    retry_after_seconds = 5
    silent: OrderedDict[BoundedConnection, None]
    """Of all connections of a server, those with no request in flight; the longest silent first."""
    refusals: RefusalLog
    _late: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Headers are awaited from now on, unless there is no room for one more connection."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            if not self.silent:
                self._refuse()
                return
            longest, _ = self.silent.popitem(last=False)
            longest.transport.close()
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._headers_came()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Kept alive for a next request, or not."""
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self.silent[self] = None

    def data_received(self, data: bytes) -> None:
        """Some bytes: part of the headers, unless they began a request or belong to the body of one."""
        if self._refused:
            return
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
            self._tell(431, f"the headers of a request are larger than {HEADER_BYTES} bytes")
            self.transport.close()
        elif self._late is None:
            self._await_headers()

    def _refuse(self) -> None:
        """Half closed, for a moment: whoever is still sending when a connection is closed never sees the answer."""
        self._refused = True
        self._tell(503, _TOO_MANY_REASON)
        self.transport.write(_TOO_MANY % (self.retry_after_seconds, len(_TOO_MANY_SAID), _TOO_MANY_SAID))
        if len(self.connections) > 2 * self.most_connections:
            self.transport.close()
        else:
            self.transport.write_eof()
            self._late = self.loop.call_later(_REFUSED_SECONDS, self.transport.close)

    def _tell(self, status: int, reason: str) -> None:
        self.refusals.refused(HttpRefusal(status, reason), self.client[0] if self.client else "unknown")

    def _await_headers(self) -> None:
        self.silent[self] = None
        self._late = self.loop.call_later(self.header_seconds, self.transport.close)

    def _headers_came(self) -> None:
        self._header_bytes = 0
        self.silent.pop(self, None)
        if self._late is not None:
            self._late.cancel()
            self._late = None
