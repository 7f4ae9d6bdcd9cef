"""Kopf watches Incidents and wakes the components that they concern. Kopf writes nothing, anywhere.

Only ``on.event`` is used: other handlers would leave annotations and finalizers on Incidents, and an uninstalled
operator must never leave one stuck.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import kopf

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
_PAGE = 200


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
    transport: Transport, listeners: Sequence[Listener], *, stop: asyncio.Event, ready: asyncio.Event
) -> None:
    """Feed the listeners until ``stop`` is set or the process is asked to end (Kopf listens to signals)."""
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await connection_info(transport)

    @kopf.on.event(INCIDENT.group, INCIDENT.version, INCIDENT.plural, registry=registry)
    async def incident(event: Mapping[str, Any], **_: Any) -> None:
        for listener in listeners:
            listener.saw(event["type"], event["object"])

    again = asyncio.create_task(_look_again(listeners))
    try:
        await kopf.operator(
            registry=registry,
            settings=settings(),
            # Kopf would name itself after the user, and a container's user has no name.
            identity=cast(Any, EVENT_COMPONENT),
            standalone=True,
            clusterwide=True,
            stop_flag=stop,
            ready_flag=ready,
        )
    finally:
        again.cancel()
        await asyncio.wait({again})


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
