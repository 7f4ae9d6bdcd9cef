"""The load: alerts sent to the gateway on schedule, whether or not earlier ones are acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_CONNECTIONS = 512
"""Each holds one POST that is not answered yet: 512 ms of them at 1,000 POSTs a second."""
_FIRST_PAUSE, _LONGER, _SPREAD, _LONGEST_PAUSE = 0.5, 1.5, 0.5, 60.0
"""How Alertmanager waits before it sends again (notify.RetryStage: cenkalti/backoff with its defaults), in seconds."""
STARTS_AT = "2026-01-31T12:00:00Z"


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of storm: ``alerts_per_post`` alerts in each POST, about ``targets`` Deployments of some namespaces.

    ``distinct`` False: the same alerts over and over, as Alertmanager repeats a group.
    """

    name: str
    alerts_per_post: int
    targets: int
    namespaces: int
    distinct: bool = True

    def alerts(self, post: int) -> Iterator[dict[str, Any]]:
        """The alerts of the n-th POST."""
        for place in range(self.alerts_per_post):
            number = post * self.alerts_per_post + place
            yield self.alert(number if self.distinct else number % (self.targets * 10))

    def alert(self, number: int) -> dict[str, Any]:
        """As kube-prometheus writes them."""
        target = number % self.targets
        return {
            "status": "firing",
            "labels": {
                "alertname": "KubePodCrashLooping",
                "namespace": f"{self.name}-{target % self.namespaces}",
                "deployment": f"d{target}",
                "severity": "warning",
                "replica": str(number),
            },
            "annotations": {
                "summary": "Pod is crash looping.",
                "description": f"Pod {number} has been in waiting state (CrashLoopBackOff) for longer than 15 minutes.",
            },
            "startsAt": STARTS_AT,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=kube_pod_container_status_waiting_reason&g0.tab=1",
            "fingerprint": f"{number:016x}",
        }


@dataclass(slots=True)
class Tally:
    """What the load saw. Latencies in seconds, from when a POST was due to its 200, however often it was sent."""

    latencies: list[float] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    """Fingerprints of alerts that were answered with 200."""
    refused: dict[str, int] = field(default_factory=dict)
    """Alerts of each try that was answered with anything else, by status; ``none`` where the connection ended."""
    sent: int = 0
    """Alerts, each once."""
    sent_again: int = 0
    """Alerts of tries that followed a try without an answer: that one may have been stored."""


async def flood(shape: Shape, port: int, token: str, *, alerts_per_second: int, seconds: int) -> Tally:
    """Send a storm to the loopback. What is due waits in line behind a slow gateway, and is measured from then.

    What is refused or not answered is sent again as Alertmanager does; returns when all of it is acknowledged.
    """
    tally = Tally()
    due: asyncio.Queue[tuple[float, int] | None] = asyncio.Queue()
    senders = [asyncio.create_task(_Sender(shape, port, token, tally).work(due)) for _ in range(_CONNECTIONS)]
    started = time.perf_counter()
    for number in range(alerts_per_second // shape.alerts_per_post * seconds):
        at = started + number * shape.alerts_per_post / alerts_per_second
        if (early := at - time.perf_counter()) > 0.001:
            await asyncio.sleep(early)
        due.put_nowait((at, number))
    for _ in senders:
        due.put_nowait(None)
    await asyncio.gather(*senders)
    return tally


class _Sender:
    """Works off what is due, over one keep-alive connection, opened when it is needed."""

    def __init__(self, shape: Shape, port: int, token: str, tally: Tally) -> None:
        self._shape = shape
        self._port = port
        self._head = (
            f"POST /api/v1/alerts HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self._tally = tally
        self._connection: _Connection | None = None

    async def work(self, due: asyncio.Queue[tuple[float, int] | None]) -> None:
        """Until there is a None in the line."""
        while (job := await due.get()) is not None:
            at, number = job
            alerts = list(self._shape.alerts(number))
            body = json.dumps({"version": "4", "groupKey": f"{{}}:{{{self._shape.name}}}", "alerts": alerts})
            await self._deliver(f"{self._head}{len(body)}\r\n\r\n{body}".encode(), len(alerts))
            self._tally.latencies.append(time.perf_counter() - at)
            self._tally.acknowledged.update(alert["fingerprint"] for alert in alerts)
            self._tally.sent += len(alerts)
        if self._connection is not None:
            self._connection.close()

    async def _deliver(self, request: bytes, alerts: int) -> None:
        pause = _FIRST_PAUSE
        while (status := await self._try(request)) != "200":
            self._tally.refused[status] = self._tally.refused.get(status, 0) + alerts
            if status == "none":
                self._tally.sent_again += alerts
            await asyncio.sleep(pause * random.uniform(1 - _SPREAD, 1 + _SPREAD))
            pause = min(pause * _LONGER, _LONGEST_PAUSE)

    async def _try(self, request: bytes) -> str:
        """Status of the answer, or ``none``."""
        kept = self._connection is not None
        with contextlib.suppress(ConnectionError):
            connection = self._connection or await self._connect()
            try:
                return await connection.ask(request)
            finally:
                self._connection = None if connection.ended else connection
        # The server may close a connection that was idle just as it is used again: then, as every client does.
        return await self._try(request) if kept else "none"

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", self._port)
        return connection


class _Connection(asyncio.Protocol):
    """HTTP as the gateway speaks it: every answer has a Content-Length."""

    def __init__(self) -> None:
        self.ended = False
        """Whether no further request can be sent."""
        self._received = b""
        self._answer: asyncio.Future[str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("no answer"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or self._answer is None or self._answer.done():
            return
        told = head.lower()
        if len(body) >= int(told.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]):
            self._received = b""
            if b"connection: close" in told:
                self.close()
            self._answer.set_result(head[9:12].decode())

    async def ask(self, request: bytes) -> str:
        """Status of the answer. Raises ConnectionError when there is none."""
        if self.ended:
            raise ConnectionResetError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Of no more use."""
        self.ended = True
        self._transport.close()
