"""The gateway on a real socket: slow, endless and interrupted clients, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import structlog

from incident_commander.api.kinds import INCIDENT, Kind
from incident_commander.gateway.app import create_app
from incident_commander.gateway.server import server
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.ports import Object
from tests.unit.gateway.harness import OPEN, Bench, NoLogs, Yielding, alert, webhook

BODY = json.dumps(webhook(alert())).encode()
HEAD = b"POST /api/v1/alerts HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"


class Held(Yielding):
    """An API server that stores nothing before it is told to."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.api, NoLogs(), bench.audit, bench.faults, bench.api._rng, "gateway")
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.stored = asyncio.Event()

    async def create(self, kind: Kind, namespace: str | None, body: Object, **more: object) -> Object:
        if kind == INCIDENT:
            self.asked.set()
            await self.go_on.wait()
        answer = await super().create(kind, namespace, body, **more)
        self.stored.set()
        return answer


class Served:
    """A gateway on a port of its own."""

    def __init__(self, bench: Bench, settings: GatewaySettings, held: bool) -> None:
        self.cluster = Held(bench)
        if not held:
            self.cluster.go_on.set()
        self.web = server(create_app(self.cluster, None, bench.clock, settings), settings)

    @property
    def port(self) -> int:
        return int(self.web.servers[0].sockets[0].getsockname()[1])

    async def say(self, *parts: bytes) -> bytes:
        """Everything that is answered until the connection is closed, or reset."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        answer = b""

        async def read() -> None:
            nonlocal answer
            while part := await reader.read(65536):
                answer += part

        reading = asyncio.create_task(read())
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
            await reading
        reading.cancel()
        writer.close()
        return answer


@contextlib.asynccontextmanager
async def served(bench: Bench, settings: GatewaySettings = OPEN, *, held: bool = False) -> AsyncIterator[Served]:
    it = Served(bench, replace(settings, port=0), held)
    running = asyncio.create_task(it.web.serve())
    while not it.web.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield it
    finally:
        it.web.should_exit = True
        await running


async def test_a_post_is_stored_and_acknowledged() -> None:
    bench = Bench()
    async with served(bench) as it:
        answer = await it.say(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY), BODY)
    assert answer.startswith(b"HTTP/1.1 200")
    assert bench.accounted() == 1


async def test_a_body_in_chunks_is_taken() -> None:
    bench = Bench()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:100], BODY[100:]))
    async with served(bench) as it:
        head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (await it.say(head, chunks, b"0\r\n\r\n")).startswith(b"HTTP/1.1 200")
    assert bench.accounted() == 1


async def test_a_body_that_is_too_large_is_413_which_the_sender_gets_to_see() -> None:
    async with served(Bench()) as it:
        size = 2 * 1024 * 1024
        answer = await it.say(HEAD + b"Content-Length: %d\r\n\r\n" % size, *[b" " * 65536] * 32)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_an_endless_body_in_chunks_is_413_and_the_connection_ends() -> None:
    async with served(Bench()) as it:
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        answer = await it.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_body_that_stops_is_408_and_the_connection_ends() -> None:
    async with served(Bench(), replace(OPEN, body_seconds=0.05)) as it:
        answer = await it.say(HEAD + b"Content-Length: 1000\r\n\r\n", b"{")
    assert answer.startswith(b"HTTP/1.1 408")


async def test_headers_that_stop_end_the_connection() -> None:
    async with served(Bench(), replace(OPEN, header_seconds=0.05)) as it:
        assert await it.say(HEAD) == b""
        assert await it.say() == b""


async def test_headers_of_a_second_request_that_stop_end_the_connection() -> None:
    async with served(Bench(), replace(OPEN, header_seconds=1.0)) as it, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        await reader.readuntil(b"]")
        writer.write(HEAD)
        await reader.read()
        writer.close()


async def test_endless_headers_are_431() -> None:
    with structlog.testing.capture_logs() as logs:
        async with served(Bench()) as it:
            answer = await it.say(HEAD, *[b"X: %s\r\n" % (b"x" * 8000)] * 20)
    assert answer.startswith(b"HTTP/1.1 431")
    assert [(line["log_level"], line["status"]) for line in logs] == [("warning", 431)]


async def test_a_slow_store_is_no_slow_header() -> None:
    bench = Bench()
    async with served(bench, replace(OPEN, header_seconds=0.05), held=True) as it:
        head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        answering = asyncio.create_task(it.say(head, BODY))
        await it.cluster.asked.wait()
        await asyncio.sleep(0.15)
        it.cluster.go_on.set()
        assert (await answering).startswith(b"HTTP/1.1 200")


async def test_a_post_that_is_in_flight_when_the_process_is_asked_to_end_is_answered() -> None:
    bench = Bench()
    async with served(bench, held=True) as it:
        head = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY)
        answering = asyncio.create_task(it.say(head, BODY))
        await it.cluster.asked.wait()
        it.web.should_exit = True
        await asyncio.sleep(0.2)
        assert not answering.done()
        it.cluster.go_on.set()
        assert (await answering).startswith(b"HTTP/1.1 200")
    assert bench.accounted() == 1


async def test_a_post_that_is_not_stored_in_time_is_503_and_does_not_disturb_the_write() -> None:
    bench = Bench()
    with structlog.testing.capture_logs() as logs:
        async with served(bench, replace(OPEN, deadline_seconds=0.05), held=True) as it:
            head = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY)
            assert (await it.say(head, BODY)).startswith(b"HTTP/1.1 503")
            it.cluster.go_on.set()
            await it.cluster.stored.wait()
    assert bench.accounted() == 1
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("warning", "Alerts were not stored"),
        ("info", "Incident created"),
    ]


async def test_a_client_that_goes_away_does_not_stop_the_write() -> None:
    bench = Bench()
    async with served(bench, held=True) as it:
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        await it.cluster.asked.wait()
        writer.close()
        await writer.wait_closed()
        it.cluster.go_on.set()
    assert bench.accounted() == 1


async def test_a_flood_of_silent_connections_keeps_out_neither_alerts_nor_probes() -> None:
    bench = Bench()
    async with served(bench, replace(OPEN, requests_in_flight=2)) as it:
        flood = [await asyncio.open_connection("127.0.0.1", it.port) for _ in range(20)]
        for _ in range(3):
            head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
            assert (await it.say(head, BODY)).startswith(b"HTTP/1.1 200")
            health = await it.say(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
            assert health.startswith(b"HTTP/1.1 200")
        assert len(it.web.server_state.connections) <= 4
        assert await asyncio.wait_for(flood[0][0].read(), 30) == b"", "the longest silent one is ended first"
        for _, writer in flood:
            writer.close()


async def test_a_connection_that_is_kept_after_an_answer_makes_room_too() -> None:
    async with served(Bench(), replace(OPEN, requests_in_flight=1)) as it, asyncio.timeout(30):
        kept = []
        for _ in range(6):
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            kept.append(writer)
        for writer in kept:
            writer.close()


async def test_where_every_connection_is_busy_one_more_is_told_when_to_come_again() -> None:
    with structlog.testing.capture_logs() as logs:
        await _refused_while_another_is_answered()
    assert [(line["log_level"], line.get("status")) for line in logs] == [("warning", 503), ("info", None)]


async def _refused_while_another_is_answered() -> None:
    async with served(Bench(), held=True) as it:
        it.web.config.http_protocol_class.most_connections = 1  # type: ignore[attr-defined]
        head = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY)
        answering = asyncio.create_task(it.say(head, BODY))
        await it.cluster.asked.wait()
        refused = await it.say(head, BODY)
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"\r\nretry-after: 5\r\n" in refused
        it.cluster.go_on.set()
        assert (await answering).startswith(b"HTTP/1.1 200")
