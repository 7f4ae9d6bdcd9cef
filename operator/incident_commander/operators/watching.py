"""Kopf watches Incidents and wakes the components that they concern. Kopf writes nothing, anywhere.

Only ``on.event`` is used: other handlers would leave annotations and finalizers on Incidents, and an uninstalled
operator must never leave one stuck.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import kopf
import structlog

from incident_commander.adapters.kube_transport import Transport
from incident_commander.api.kinds import INCIDENT
from incident_commander.api.names import EVENT_COMPONENT, GROUP
from incident_commander.operators.wakeup import Interest, Memory
from incident_commander.operators.workqueue import Key, WorkQueue

RELIST_SECONDS = 300
"""A watch ends after this time, and the next begins with a list: what was lost in between is seen then.

Whole seconds: the API server refuses a fraction."""
LOOK_AGAIN_SECONDS = 60.0
"""Open Incidents are put into the queue that often, whatever the watch says."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
LOOK_FOR_SECONDS = 5.0
"""Where there can be no watch: until the next look."""
HEARING_SECONDS = 5.0
_PAGE = 200
_WATCHER = f"watcher for {INCIDENT.plural}."
"""How Kopf calls the task that follows a watch of Incidents."""

_log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who is told what the watch sees."""

    def saw(self, event_type: str | None, body: Mapping[str, Any]) -> None:
        """An event of the watch; ``event_type`` None is an object of the initial list."""
        ...

    def look_again(self) -> None:
        """It is time to look at everything that is open."""
        ...


class Subscriber:
    """One component's view of the watch: wakes its queue for news, and now and then for what is still open."""

    def __init__(self, queue: WorkQueue, interest: Interest) -> None:
        self.queue = queue
        self._memory = Memory(interest)
        self._open: set[Key] = set()

    def saw(self, event_type: str | None, body: Mapping[str, Any]) -> None:
        """An event of the watch; ``event_type`` None is an object of the initial list."""
        meta = body.get("metadata") or {}
        key = Key(str(meta.get("namespace")), str(meta.get("name")))
        news = event_type != "DELETED" and self._memory.news(body)
        if event_type == "DELETED" or not self._memory.concerned(body):
            self._open.discard(key)
            return
        self._open.add(key)
        if news:
            self.queue.add(key)

    def look_again(self) -> None:
        """Put every open Incident into the queue."""
        for key in self._open:
            self.queue.add(key)


async def watch(
    transport: Transport,
    listeners: Sequence[Listener],
    *,
    stop: asyncio.Event,
    ready: asyncio.Event,
    trouble: Callable[[], Awaitable[str]],
    signals: Callable[[], None] = lambda: None,
) -> None:
    """Feed the listeners until ``stop`` is set. Whatever ends the watch before is logged, and it is begun anew.

    To Kopf an error that the API server sends in a watch (etcd changes its leader, a time-out) is the end of the
    operator, and one that it cannot resolve is a watch of nothing. ``ready`` is not set while nothing is being watched.
    ``trouble`` tells why there can be no watch now (empty: there can). ``signals`` takes those back that Kopf listens
    to: it needs seconds to end, and work and Leases should not wait for that.
    """
    again = asyncio.create_task(_look_again(listeners))
    clock, pause = asyncio.get_running_loop().time, FIRST_PAUSE_SECONDS
    try:
        while not stop.is_set():
            await _no_trouble(trouble, stop)
            if stop.is_set():
                return
            began = clock()
            reason = await _follow(transport, listeners, stop, ready, signals)
            if stop.is_set():
                return
            ready.clear()
            pause = FIRST_PAUSE_SECONDS if clock() - began > LONGEST_PAUSE_SECONDS else pause
            _log.error("Incidents are no longer watched; beginning anew", reason=reason, again_in_seconds=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    finally:
        again.cancel()
        await asyncio.wait({again})


async def _no_trouble(trouble: Callable[[], Awaitable[str]], stop: asyncio.Event) -> None:
    """Wait until there can be a watch, or ``stop`` is set; say once why there is none, and when there is again."""
    told = ""
    while (found := await trouble()) and not stop.is_set():
        if found != told:
            _log.error("Incidents cannot be watched; trying again", reason=found, every_seconds=LOOK_FOR_SECONDS)
        told = found
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_FOR_SECONDS)
    if told and not found:
        _log.info("Incidents can be watched again")


async def _follow(
    transport: Transport,
    listeners: Sequence[Listener],
    stop: asyncio.Event,
    ready: asyncio.Event,
    signals: Callable[[], None],
) -> str:
    """Run Kopf until it ends, or hears nothing any more; why it did."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(transport)

    @kopf.on.event(INCIDENT.group, INCIDENT.version, INCIDENT.plural, registry=registry)
    async def incident(event: Mapping[str, Any], **_: Any) -> None:
        for listener in listeners:
            listener.saw(event["type"], event["object"])

    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings(),
        # Kopf would name itself after the user, and a container's user has no name.
        identity=cast(Any, EVENT_COMPONENT),
        standalone=True,
        clusterwide=True,
        stop_flag=stop,
        ready_flag=ready,
    )
    signals()
    running = asyncio.create_task(kopf.run_tasks(tasks, ignored=_All()), name="kopf")
    hearing = asyncio.create_task(_until_deaf(ready))
    try:
        await asyncio.wait({running, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            return "no task of Kopf follows Incidents any more"
        error = running.exception()
        return f"{type(error).__name__}: {error}" if error is not None else "Kopf ended by itself"
    finally:
        for task in (running, hearing):
            task.cancel()
        await asyncio.gather(running, hearing, return_exceptions=True)


class _All(Collection[Any]):
    """Every task of the process. When Kopf ends it cancels whatever was begun after it, unless told to ignore it."""

    def __contains__(self, task: object) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def _until_deaf(ready: asyncio.Event) -> None:
    """Ends when Kopf has no task that follows Incidents: one that is cancelled leaves no trace and is not replaced."""
    await ready.wait()
    missed = 0
    while missed < 2:
        await asyncio.sleep(HEARING_SECONDS)
        heard = any(task.get_name().startswith(_WATCHER) for task in asyncio.all_tasks())
        missed = 0 if heard else missed + 1


def settings() -> kopf.OperatorSettings:
    """Kopf set up to read only."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False
    found.posting.reporting_component = EVENT_COMPONENT
    found.scanning.disabled = True
    found.watching.server_timeout = RELIST_SECONDS
    found.watching.connect_timeout = 10.0
    found.watching.chunk_size = _PAGE
    found.queueing.exit_timeout = 0.5
    found.process.ultimate_exiting_timeout = None
    # Never used with on.event alone; named all the same, since the defaults are shared by every Kopf operator.
    found.persistence.finalizer = f"{GROUP}/kopf"
    found.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    found.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    return found


async def connection_info(transport: Transport) -> kopf.ConnectionInfo:
    """The transport's address and credentials, as Kopf wants them; asked for again when they are refused."""
    found = await transport.credentials()
    scheme, _, token = found.authorization.partition(" ")
    return kopf.ConnectionInfo(
        server=found.server,
        ca_path=found.ca_file,
        insecure=found.insecure,
        scheme=scheme or None,
        token=token or None,
        certificate_path=found.certificate_file,
        private_key_path=found.key_file,
    )


async def _look_again(listeners: Sequence[Listener]) -> None:
    while True:
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        for listener in listeners:
            listener.look_again()
