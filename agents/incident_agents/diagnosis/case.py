"""The evidence of one incident, arranged for analysers: workloads, events, logs, and what is near the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from incident_agents.diagnosis.addresses import Complaint, addresses
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.incident import Incident
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import Evidence, Log, reference
from incident_commander.evidence.owners import chain, controller, find, pods_of, top_controller
from incident_commander.evidence.pods import Container
from incident_commander.evidence.trim import event_time
from incident_commander.ports import Object

FRESH = timedelta(hours=1)
"""Older events and terminations are history, not symptoms."""

RECOVERED = timedelta(minutes=10)
"""The kubelet's back-off is at most five minutes: who is ready for twice that is not in a loop."""

_MAX_LINES = 200
"""Lines of one log that are searched for addresses."""


@dataclass(frozen=True)
class Case:
    """Lookups over evidence, each computed once. ``now`` is the time of judging."""

    evidence: Evidence
    incident: Incident
    now: datetime

    @cached_property
    def symptom_at(self) -> datetime | None:
        """When the earliest alert began."""
        return min((a.starts_at for a in self.incident.spec.alerts), default=None)

    @cached_property
    def target(self) -> Object | None:
        """The target's object, or None."""
        ref = self.evidence.target
        kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
        return self.evidence.find(kind, ref.namespace, ref.name) if ref is not None and kind is not None else None

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Every top controller and bare pod, the target's first; a workload without pods is one as well."""
        found: dict[str, Object] = {}
        members: dict[str, list[Object]] = {}
        for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.CRON_JOB, kinds.JOB):
            for obj in self.evidence.of(kind):
                top = top_controller(obj, self.evidence.objects)
                found.setdefault(reference(top), top)
        for pod in self.evidence.of(kinds.POD):
            top = self._top(pod)
            found.setdefault(reference(top), top)
            members.setdefault(reference(top), []).append(pod)
        made = [
            Workload(obj, tuple(members.get(ref, ())), self.evidence, self.now, self.symptom_at)
            for ref, obj in found.items()
        ]
        return tuple(sorted(made, key=lambda w: w.ref not in self.target_refs))

    def _top(self, pod: Object) -> Object:
        top = top_controller(pod, self.evidence.objects)
        if top is not pod or controller(pod) is None:
            return top
        # Its ReplicaSet could not be read: the Deployment is found by the hash in the name.
        deployments = self.evidence.of(kinds.DEPLOYMENT)
        return next((d for d in deployments if any(p is pod for p in pods_of(d, self.evidence.objects))), pod)

    @cached_property
    def _by_pod(self) -> dict[str, Workload]:
        return {reference(p): w for w in self.workloads for p in w.pods}

    def workload_of(self, obj: Object) -> Workload | None:
        """The workload that a pod or an owned controller belongs to."""
        if fields.text(obj, "kind") == "Pod":
            return self._by_pod.get(reference(obj))
        top = reference(top_controller(obj, self.evidence.objects))
        return next((w for w in self.workloads if w.ref == top), None)

    @cached_property
    def target_refs(self) -> frozenset[str]:
        """The target, everything above it, and its pods."""
        if self.target is None:
            return frozenset({str(self.evidence.target)}) if self.evidence.target is not None else frozenset()
        found = {reference(o) for o in chain(self.target, self.evidence.objects)}
        if fields.text(self.target, "kind") not in ("Node", "Service", "PersistentVolumeClaim"):
            found |= {reference(p) for p in self.target_pods}
        return frozenset(found)

    @cached_property
    def target_pods(self) -> tuple[Object, ...]:
        """The pods that the target stands for."""
        return tuple(pods_of(self.target, self.evidence.objects)) if self.target is not None else ()

    @cached_property
    def near_refs(self) -> frozenset[str]:
        """What is attached to the target: Services, claims, HPAs and nodes of its pods, and their workloads."""
        found: set[str] = set()
        for pod in self.target_pods:
            found.add(reference(pod))
            if (workload := self.workload_of(pod)) is not None:
                found.add(workload.ref)
            if node := fields.text(pod, "spec", "nodeName"):
                found.add(f"Node/{node}")
        for kind in (kinds.SERVICE, kinds.PERSISTENT_VOLUME_CLAIM, kinds.HORIZONTAL_POD_AUTOSCALER):
            for obj in self.evidence.of(kind):
                if any(reference(p) in self.target_refs for p in pods_of(obj, self.evidence.objects)):
                    found.add(reference(obj))
        if self.target is not None and fields.text(self.target, "kind") == "HorizontalPodAutoscaler":
            found |= {w.ref for p in self.target_pods if (w := self.workload_of(p)) is not None}
        return frozenset(found)

    @cached_property
    def _events(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for event in self.evidence.of(kinds.EVENT):
            about = fields.mapping(event, "involvedObject")
            kind = kinds.kind_named(fields.text(about, "kind"))
            parts = [fields.text(about, "kind"), fields.text(about, "namespace"), fields.text(about, "name")]
            if kind is not None and not kind.namespaced:
                parts[1] = ""
            found.setdefault("/".join(p for p in parts if p), []).append(event)
        for events in found.values():
            events.sort(key=event_time, reverse=True)
        return found

    def events(self, obj: Object, *reasons: str) -> list[Object]:
        """Fresh events about an object, newest first; of these reasons when any are given."""
        return [
            e
            for e in self._events.get(reference(obj), ())
            if (not reasons or fields.text(e, "reason") in reasons) and self.fresh(fields.parse_moment(event_time(e)))
        ]

    def fresh(self, at: datetime | None) -> bool:
        """Whether something happened recently enough to be a symptom; a missing time counts as recent."""
        return at is None or self.now - at <= FRESH

    def recovered(self, container: Container) -> bool:
        """Whether a container has been ready for a while since its last end (longer than any back-off)."""
        started = fields.moment(container.status, "state", "running", "startedAt")
        return container.ready and started is not None and self.now - started >= RECOVERED

    def logs(self, pod: Object, container: str | None = None) -> Iterator[Log]:
        """Logs of a pod; the previous container first, which holds the last words."""
        found = [
            log
            for log in self.evidence.logs_of(fields.namespace(pod), fields.name(pod))
            if container is None or log.container == container
        ]
        return iter(sorted(found, key=lambda log: not log.previous))

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """One object by name."""
        return find(self.evidence.objects, kind, namespace, name)

    @cached_property
    def complaints(self) -> dict[str, tuple[Complaint, ...]]:
        """What the pods of each workload (by its reference) say about connections that failed."""
        return {
            w.ref: tuple(
                Complaint(address, log, line)
                for pod in w.living
                for log in self.logs(pod)
                for line in log.lines[-_MAX_LINES:]
                for address in addresses(line)
            )
            for w in self.workloads
        }

    @cached_property
    def sick(self) -> tuple[tuple[Workload, Object], ...]:
        """Living pods that are not well now, or whose containers ended recently, with their workloads."""
        return tuple((w, p) for w in self.workloads for p in w.living if self.unwell(p))

    def unwell(self, pod: Object) -> bool:
        """Whether the pod is in trouble now, or one of its containers crashed recently."""
        if pods.troubles(pod) or pods.phase(pod) in ("Pending", "Failed"):
            return True
        return any(crashed_at is None or self.fresh(crashed_at) for crashed_at in _crashes(pod))


def _crashes(pod: Object) -> Iterator[datetime | None]:
    for container in pods.containers(pod):
        ended = fields.mapping(container.status, "lastState", "terminated")
        if ended and container.restarts and fields.integer(ended, "exitCode") != 0:
            yield fields.moment(ended, "finishedAt")


def probe_kills(case: Case, pod: Object, container: str) -> list[Object]:
    """Fresh events by which the kubelet ended a container because of its liveness or startup probe."""
    wanted = (f"Container {container} failed liveness probe", f"Container {container} failed startup probe")
    return [e for e in case.events(pod, "Killing") if fields.text(e, "message").startswith(wanted)]
