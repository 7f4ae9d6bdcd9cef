"""The watch outlives what an API server does to it, and never goes deaf in silence."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import yaml
from aiohttp import web

from incident_commander.adapters.kube_transport import Credentials, Transport
from incident_commander.api.kinds import INCIDENT
from incident_commander.log_level import LogLevel
from incident_commander.operators import logs, watching
from incident_commander.operators.watching import Subscriber, watch
from incident_commander.operators.workqueue import WorkQueue

Stream = Callable[[web.StreamResponse, int], Awaitable[None]]


def incident(name: str, version: int = 1) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version)}
    return {"apiVersion": INCIDENT.api_version, "kind": "Incident", "metadata": meta, "spec": {}}


def event(type_: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


def error(code: int, reason: str) -> bytes:
    return event("ERROR", {"kind": "Status", "code": code, "reason": reason, "message": reason})


_INCIDENTS = (INCIDENT.plural, INCIDENT.kind, True)


async def none() -> str:
    return ""


class ApiServer:
    """Discovery, a list that grows by one with each call, and watches that do as ``streams`` say, in turn."""

    def __init__(self, *streams: Stream) -> None:
        self.streams = list(streams)
        self.lists = self.watches = 0
        self.refusals = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if path == "/version":
            return web.json_response({"major": "1", "minor": "35"})
        if path == "/api":
            return web.json_response({"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            version = {"groupVersion": INCIDENT.api_version, "version": INCIDENT.version}
            group = {"name": INCIDENT.group, "versions": [version], "preferredVersion": version}
            return web.json_response({"kind": "APIGroupList", "groups": [group]})
        if path in ("/api/v1", f"/apis/{INCIDENT.api_version}"):
            name, kind, inside = ("namespaces", "Namespace", False) if path == "/api/v1" else _INCIDENTS
            verbs = ["get", "list", "watch", "patch"]
            found = {"name": name, "kind": kind, "singularName": "", "namespaced": inside, "verbs": verbs}
            return web.json_response({"kind": "APIResourceList", "resources": [found]})
        if path == f"/apis/{INCIDENT.api_version}/{INCIDENT.plural}":
            return await (self._watch(request) if request.query.get("watch") else self._list())
        return web.json_response({"kind": "Status", "code": 404, "reason": "NotFound"}, status=404)

    async def _list(self) -> web.StreamResponse:
        self.lists += 1
        items = [incident(f"inc-{n}") for n in range(self.lists)]
        body = {"kind": "IncidentList", "metadata": {"resourceVersion": str(self.lists)}, "items": items}
        return web.json_response(body)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        number, self.watches = self.watches, self.watches + 1
        if number < self.refusals:
            return web.json_response({"kind": "Status", "code": 403, "reason": "No"}, status=403)
        number -= self.refusals
        response = web.StreamResponse()
        await response.prepare(request)
        if number < len(self.streams):
            await self.streams[number](response, number)
            return response
        await asyncio.sleep(60)
        return response


@asynccontextmanager
async def serving(api: ApiServer, folder: Path) -> AsyncIterator[Transport]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://{host}:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    try:
        yield await Transport.connect(str(file))
    finally:
        await runner.cleanup()


class Seen:
    """What a component was woken for."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.news = asyncio.Event()

    async def reconcile(self, namespace: str, name: str) -> None:
        self.names.append(name)
        self.news.set()

    async def until(self, name: str) -> None:
        while name not in self.names:
            self.news.clear()
            await self.news.wait()


async def watched(api: ApiServer, folder: Path, name: str, trouble: Callable[[], Awaitable[str]] = none) -> Seen:
    """Watch until the component was woken for ``name``; raises what the watch raises."""
    seen, stop, ready = Seen(), asyncio.Event(), asyncio.Event()
    queue = WorkQueue("test", seen.reconcile)
    subscriber = Subscriber(queue, lambda body: body["metadata"])
    async with serving(api, folder) as transport:
        working = asyncio.create_task(queue.run())
        following = asyncio.create_task(watch(transport, [subscriber], stop=stop, ready=ready, trouble=trouble))
        found = asyncio.create_task(seen.until(name))
        try:
            async with asyncio.timeout(20):
                await asyncio.wait({following, found}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
            assert found.done(), "the watch ended without a word"
        finally:
            stop.set()
            queue.stop()
            await asyncio.gather(following, working, return_exceptions=True)
            found.cancel()
    return seen


async def closed(response: web.StreamResponse, number: int) -> None:
    """The server ends the watch, as it does every few minutes."""


async def torn(response: web.StreamResponse, number: int) -> None:
    """The connection breaks in the middle of an event."""
    await response.write(b'{"type": "MOD')
    assert response._req is not None
    assert response._req.transport is not None
    response._req.transport.close()


def refused(code: int, reason: str) -> Stream:
    async def stream(response: web.StreamResponse, number: int) -> None:
        await response.write(error(code, reason))

    return stream


async def tells(response: web.StreamResponse, number: int) -> None:
    await response.write(event("ADDED", incident("told", 9)))
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    "first",
    [closed, torn, refused(410, "Expired"), refused(500, "etcdserver: leader changed"), refused(504, "Timeout")],
    ids=["closed", "torn", "expired", "500", "504"],
)
async def test_a_watch_that_breaks_is_begun_anew_and_hears_what_comes(first: Stream, tmp_path: Path) -> None:
    seen = await watched(ApiServer(first, tells), tmp_path, "told")
    assert seen.names.count("told") == 1


async def test_a_watch_that_is_refused_for_a_while_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "settings", impatient)
    api = ApiServer(tells)
    api.refusals = 4
    assert (await watched(api, tmp_path, "told")).names.count("told") == 1


async def test_a_watcher_that_vanishes_without_a_word_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "HEARING_SECONDS", 0.1)

    async def vanishes(response: web.StreamResponse, number: int) -> None:
        for task in asyncio.all_tasks():
            if task.get_name().startswith("watcher for incidents"):
                task.cancel()
        await asyncio.sleep(60)

    assert (await watched(ApiServer(vanishes, tells), tmp_path, "told")).names.count("told") == 1


async def test_work_that_is_being_done_is_not_ended_with_the_watch(tmp_path: Path) -> None:
    done: list[str] = []

    async def busy(response: web.StreamResponse, number: int) -> None:
        work.append(asyncio.create_task(later()))
        await asyncio.sleep(0)
        await response.write(error(500, "etcdserver: leader changed"))

    async def later() -> None:
        await asyncio.sleep(1.5)
        done.append("done")

    work: list[asyncio.Task[None]] = []
    await watched(ApiServer(busy, tells), tmp_path, "told")
    await asyncio.gather(*work)
    assert done == ["done"]


async def test_what_is_not_there_is_waited_for_and_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_FOR_SECONDS", 0.01)
    answers = iter(["not installed", "not installed", "not installed", ""])

    async def trouble() -> str:
        return next(answers, "")

    with structlog.testing.capture_logs() as said:
        await watched(ApiServer(tells), tmp_path, "told", trouble)
    assert [(one["event"], one.get("reason")) for one in said] == [
        ("Incidents cannot be watched; trying again", "not installed"),
        ("Incidents can be watched again", None),
    ]


async def test_a_resource_that_is_taken_away_is_told_without_a_traceback_of_kopf(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "settings", impatient)
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    try:
        logs.configure(LogLevel.INFO)
        await watched(ApiServer(refused(404, "404 page not found"), tells), tmp_path, "told")
    finally:
        root.handlers[:], config = before[0], before[2]
        root.setLevel(before[1])
        structlog.configure(**config)
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["message"], "404" in line["reason"]) == ("Incidents are no longer watched; beginning anew", True)


def impatient() -> Any:
    """Kopf that gives up a request at once."""
    found = usual()
    found.networking.error_backoffs = (0.01,)
    return found


usual = watching.settings


class Nowhere:
    """A transport to an API server that is not there."""

    async def credentials(self) -> Credentials:
        return Credentials("http://127.0.0.1:9", "", None, True, None, None)


async def test_watching_needs_no_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the image the process runs as a number without an entry in /etc/passwd."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr(getpass, "getuser", nameless)
    stop, ready = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, stop.set)
    await asyncio.wait_for(watch(cast(Transport, Nowhere()), [], stop=stop, ready=ready, trouble=none), 20)


def test_kopf_would_ask_for_it() -> None:
    """So that this can go when Kopf does no longer."""
    from kopf._core.engines import peering

    source: Any = peering.detect_own_id
    assert "getuser" in source.__code__.co_names
