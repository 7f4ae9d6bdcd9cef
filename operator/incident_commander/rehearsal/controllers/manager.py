"""Runs controllers: a keyed work queue that watch events fill, as kube-controller-manager has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.store import Key, WatchEvent

_LAG_SECONDS = 0.02
"""From a change to the reaction of the controllers."""
_ENDLESS = 5_000


class Controller(Protocol):
    """Brings what one object asks for nearer."""

    def keys(self, event: WatchEvent) -> Iterable[Key]:
        """The objects that an event is about."""
        ...

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; answers in how many seconds it must look again, if nothing happens before."""
        ...


class ControllerManager:
    """All controllers of the cluster."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api
        self._controllers: list[Controller] = []
        self._dirty: dict[tuple[int, str, str], None] = {}
        self._planned: dict[tuple[int, str, str], datetime] = {}
        self._waking = False
        api.store.watch(self._notice)

    def add(self, controller: Controller) -> None:
        """Run this one too, from the next event on."""
        self._controllers.append(controller)

    def _notice(self, event: WatchEvent) -> None:
        for number, controller in enumerate(self._controllers):
            for namespace, name in controller.keys(event):
                self._enqueue(number, namespace, name)

    def _enqueue(self, number: int, namespace: str, name: str) -> None:
        self._dirty[number, namespace, name] = None
        if not self._waking:
            self._waking = True
            self._api.clock.after(_LAG_SECONDS, self._run)

    def _run(self) -> None:
        """One pass over what is dirty now; what that makes dirty waits for the next pass."""
        self._waking = False
        batch, self._dirty = list(self._dirty), {}
        if len(batch) > _ENDLESS:
            raise RuntimeError(f"{len(batch)} objects are dirty at once: controllers feed each other")
        for number, namespace, name in batch:
            again = self._controllers[number].reconcile(namespace, name)
            if again is not None:
                self._plan((number, namespace, name), self._api.clock.now() + timedelta(seconds=again))

    def _plan(self, key: tuple[int, str, str], due: datetime) -> None:
        """One appointment a key: the earliest."""
        if key in self._planned and self._planned[key] <= due:
            return
        self._planned[key] = due

        def keep() -> None:
            if self._planned.get(key) == due:
                del self._planned[key]
                self._enqueue(*key)

        self._api.clock.agenda.at(due, keep)
