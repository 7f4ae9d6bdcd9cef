"""All nodes' kubelets: a worker for each pod that is bound, and the logs of its containers."""

from __future__ import annotations

from collections.abc import Iterator

from incident_commander import errors
from incident_commander.api.kinds import POD
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.behaviour import Registry
from incident_commander.rehearsal.controllers.events import EventRecorder
from incident_commander.rehearsal.kubelet.container import Container
from incident_commander.rehearsal.kubelet.pod import PodWorker
from incident_commander.rehearsal.objects import dig, name_of, namespace_of, uid_of
from incident_commander.rehearsal.store import WatchEvent, WatchType


class Kubelet:
    """Runs what the scheduler binds."""

    def __init__(self, api: ApiServer, registry: Registry) -> None:
        self._api = api
        self._registry = registry
        self._events = EventRecorder(api, "kubelet")
        self._workers: dict[str, PodWorker] = {}
        self._addresses = 0
        self._lost_nodes: set[str] = set()
        api.store.watch(self._notice)

    def _notice(self, event: WatchEvent) -> None:
        if event.kind != POD:
            return
        pod = event.object
        worker = self._workers.get(uid_of(pod))
        if event.type is WatchType.DELETED:
            self._workers.pop(uid_of(pod), None)
        elif worker is not None:
            worker.notice(pod)
        elif dig(pod, "spec", "nodeName") and not pod["metadata"].get("deletionTimestamp"):
            self._addresses += 1
            address = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 2}"
            worker = PodWorker(self._api, self._registry, self._events, pod, address)
            worker.connected = dig(pod, "spec", "nodeName") not in self._lost_nodes
            self._workers[uid_of(pod)] = worker

    def lose(self, node: str) -> None:
        """The kubelet of a node loses the API server: it reports nothing more."""
        self._lost_nodes.add(node)
        for worker in self._workers.values():
            if dig(worker.pod, "spec", "nodeName") == node:
                worker.connected = False

    def regain(self, node: str) -> None:
        """It is back, and reports."""
        self._lost_nodes.discard(node)
        for worker in list(self._workers.values()):
            if dig(worker.pod, "spec", "nodeName") == node:
                worker.connected = True
                worker.changed()
                worker.confirm_stop()

    def reconsider(self, repository: str) -> None:
        """Let the running programs of an image notice that the world has changed (more load, more data)."""
        for _, container in list(self.running()):
            if container.pulled is not None and container.pulled[0].repository == repository:
                container.reconsider()

    def running(self) -> Iterator[tuple[Object, Container]]:
        """Every container whose process runs on a node that can be scraped, in a stable order."""
        for worker in sorted(self._workers.values(), key=lambda w: (namespace_of(w.pod) or "", name_of(w.pod))):
            if worker.connected:
                yield from ((worker.pod, container) for container in worker.containers if container.running)

    def read(self, namespace: str, pod: str, container: str, *, previous: bool) -> list[str]:
        """All lines of a container's log. Raises ``NotFound`` or ``LogsUnavailable``."""
        found = self._api.store.get(POD, namespace, pod)
        if found is None:
            raise errors.NotFound(f'pods "{pod}" not found')
        if not dig(found, "spec", "nodeName"):
            return []
        worker = self._workers.get(uid_of(found))
        run = next((c for c in worker.containers if c.name == container), None) if worker is not None else None
        if run is None or run.started_at is None:
            waiting = "ContainerCreating" if run is None else dig(run.state, "waiting", "reason")
            raise errors.LogsUnavailable(
                f'no log of {namespace}/{pod}/{container}: container "{container}" in pod "{pod}" is waiting to start: '
                f"{waiting}"
            )
        if not previous:
            return list(run.log)
        if not run.last_state:
            raise errors.LogsUnavailable(
                f'no previous log of {namespace}/{pod}/{container}: previous terminated container "{container}" '
                f'in pod "{pod}" not found'
            )
        last_run_is_over = "waiting" in run.state
        return list(run.log if last_run_is_over else run.previous_log or [])
