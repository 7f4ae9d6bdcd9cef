"""The load: alerts sent to the gateway on schedule, whether or not earlier ones are acknowledged."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_CONNECTIONS = 512
"""Each holds one POST that is not answered yet: 512 ms of them at 1,000 POSTs a second."""


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
            "startsAt": "2026-01-31T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=kube_pod_container_status_waiting_reason&g0.tab=1",
            "fingerprint": f"{number:016x}",
        }


@dataclass(slots=True)
class Tally:
    """What the load saw. Latencies in seconds, from when a POST was due."""

    latencies: list[float] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    """Fingerprints of alerts that were answered with 200."""
    refused: dict[str, int] = field(default_factory=dict)
    """Alerts that were answered with anything else, by status."""
    sent: int = 0


async def flood(shape: Shape, port: int, token: str, *, alerts_per_second: int, seconds: int) -> Tally:
    """Send a storm to the loopback. What is due waits in line behind a slow gateway, and is measured from then."""
    tally = Tally()
    due: asyncio.Queue[tuple[float, int] | None] = asyncio.Queue()
    senders = [asyncio.create_task(_send(due, shape, port, token, tally)) for _ in range(_CONNECTIONS)]
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


async def _send(
    due: asyncio.Queue[tuple[float, int] | None], shape: Shape, port: int, token: str, tally: Tally
) -> None:
    """One keep-alive connection, opened when it is needed."""
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while (job := await due.get()) is not None:
        at, number = job
        alerts = list(shape.alerts(number))
        while True:
            kept = connection is not None
            reader, writer = connection or await asyncio.open_connection("127.0.0.1", port)
            connection = reader, writer
            try:
                status, closing = await _post(reader, writer, shape, alerts, token)
                break
            except (asyncio.IncompleteReadError, ConnectionError):
                # The server may close a connection that was idle just as it is used again: then, as every client does.
                writer.close()
                connection = None
                if not kept:
                    raise
        tally.sent += len(alerts)
        if status == "200":
            tally.latencies.append(time.perf_counter() - at)
            tally.acknowledged.update(alert["fingerprint"] for alert in alerts)
        else:
            tally.refused[status] = tally.refused.get(status, 0) + len(alerts)
        if closing:
            writer.close()
            connection = None
    if connection is not None:
        connection[1].close()


async def _post(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    shape: Shape,
    alerts: Sequence[dict[str, Any]],
    token: str,
) -> tuple[str, bool]:
    """Status of the answer, and whether the connection ends with it."""
    body = json.dumps({"version": "4", "groupKey": f"{{}}:{{{shape.name}}}", "alerts": alerts}).encode()
    head = (
        f"POST /api/v1/alerts HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(answer.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
    return answer[9:12].decode(), b"connection: close" in answer
