"""A Lease (coordination.k8s.io): one holder at a time, and a heartbeat that others can see.

Coordinator and executor hold one so that there is one of each; an agent holds one so that nobody else speaks with
its name, and its renewals are its heartbeat. The client library has a leader election of its own; it loads the
typed models (half a process) and ends the process when the Lease is lost, which stateless reconcilers need not.

Times are compared by this process' clock only, as in client-go: another holder counts as alive until its record has
not changed for its duration, whatever its clock says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog

from incident_commander.api.kinds import LEASE
from incident_commander.api.meta import format_time
from incident_commander.errors import AlreadyExists, ClusterError, Conflict, NotFound
from incident_commander.ports import Clock, Cluster, Object, PatchType

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """``duration``: how long a silent holder keeps it. ``renew``: how often it is renewed. Seconds.

    An agent that takes the place of one that was killed must speak well within the coordinator's 60 s. (A container
    that is restarted in its pod has the name of the holder, and waits for nobody.)
    """

    duration: int = 15
    renew: int = 5

    @property
    def margin(self) -> timedelta:
        """How long after its last renewal the holder itself still relies on it: less than others wait."""
        return timedelta(seconds=self.duration * 2 / 3)


class LeaseHold:
    """Tries to hold one Lease. ``held`` is safe to ask before every write: it runs out by itself.

    ``annotations``: what the holder tells of itself, written along with its renewals.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        *,
        namespace: str,
        name: str,
        holder: str,
        times: LeaseTimes = LeaseTimes(),
        changed: Callable[[bool], None] | None = None,
        annotations: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._namespace = namespace
        self._name = name
        self._holder = holder
        self._times = times
        self._changed = changed
        self._annotations = dict(annotations)
        self._until: datetime | None = None
        self._other: tuple[tuple[object, object], datetime] | None = None
        self._told = False

    def held(self) -> bool:
        """Whether this process holds the Lease now."""
        return self._until is not None and self._clock.now() < self._until

    async def run(self) -> None:
        """Acquire and renew for ever; cancel to stop, then call ``release``."""
        while True:
            pause = float(self._times.renew)
            try:
                await self.step()
            except ClusterError as error:
                # A lost renewal is tried again soon: there is time for some before the Lease runs out.
                pause = max(1.0, pause / 5)
                _log.warning("Lease was not renewed", lease=self._name, held=self.held(), error=str(error))
            self._tell()
            await asyncio.sleep(pause)

    async def step(self) -> None:
        """One try to acquire or renew. Raises ``ClusterError`` when the API server gave no usable answer."""
        now = self._clock.now()
        try:
            lease = await self._cluster.get(LEASE, self._namespace, self._name)
        except NotFound:
            await self._create(now)
            return
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self._holder) and not self._abandoned(spec, now):
            self._until = None
            return
        renewed: Object = {
            "holderIdentity": self._holder,
            "leaseDurationSeconds": self._times.duration,
            "renewTime": _micro(now),
        }
        if holder != self._holder:
            renewed["acquireTime"] = _micro(now)
            renewed["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        # The resourceVersion lets only one of two that found it abandoned have it.
        metadata: Object = {"resourceVersion": lease["metadata"]["resourceVersion"]}
        if self._annotations:
            metadata["annotations"] = self._annotations
        body = {"metadata": metadata, "spec": renewed}
        try:
            await self._cluster.patch(LEASE, self._namespace, self._name, body, patch_type=PatchType.MERGE)
        except Conflict:
            self._until = None
            return
        self._until = now + self._times.margin

    async def release(self) -> None:
        """Give it back, so that the next one need not wait. Does nothing when it is not held."""
        if not self.held():
            return
        self._until = None
        self._tell()
        try:
            lease = await self._cluster.get(LEASE, self._namespace, self._name)
            if (lease.get("spec") or {}).get("holderIdentity") != self._holder:
                return
            body = {
                "metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]},
                "spec": {"holderIdentity": ""},
            }
            await self._cluster.patch(LEASE, self._namespace, self._name, body, patch_type=PatchType.MERGE)
        except ClusterError as error:
            _log.warning("Lease was not released; it runs out by itself", lease=self._name, error=str(error))

    async def _create(self, now: datetime) -> None:
        body: Object = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.kind,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": self._times.duration,
                "acquireTime": _micro(now),
                "renewTime": _micro(now),
                "leaseTransitions": 0,
            },
        }
        if self._annotations:
            body["metadata"]["annotations"] = self._annotations
        try:
            await self._cluster.create(LEASE, self._namespace, body)
        except AlreadyExists:
            return
        self._until = now + self._times.margin

    def _abandoned(self, spec: Object, now: datetime) -> bool:
        record = (spec.get("holderIdentity"), spec.get("renewTime"))
        if self._other is None or self._other[0] != record:
            if self._other is None or self._other[0][0] != record[0]:
                _log.info("Lease is held by another; waiting", lease=self._name, holder=record[0])
            self._other = (record, now)
            return False
        return now - self._other[1] > timedelta(seconds=int(spec.get("leaseDurationSeconds") or self._times.duration))

    def _tell(self) -> None:
        held = self.held()
        if held is not self._told:
            self._told = held
            _log.info("Lease is held" if held else "Lease is not held", lease=self._name, holder=self._holder)
            if self._changed is not None:
                self._changed(held)


def _micro(at: datetime) -> str:
    """``MicroTime``: the API server refuses fewer digits than six in a Lease."""
    return format_time(at).replace("Z", "000Z")
