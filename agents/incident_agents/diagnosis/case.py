"""The evidence of one incident, arranged for analysers: workloads, events, logs, and what is near the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from incident_agents.diagnosis.addresses import TROUBLED, Address, Complaint, addresses, is_ip
from incident_agents.diagnosis.listening import OVER, PASSED, STALE, Listened
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.incident import Alert, Incident
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields, pods
from incident_commander.evidence.evidence import Evidence, Log, reference
from incident_commander.evidence.owners import claims_of, selects
from incident_commander.evidence.pods import Container
from incident_commander.evidence.topology import Topology
from incident_commander.evidence.trim import event_time
from incident_commander.ports import Object

_T = TypeVar("_T")

FRESH = timedelta(hours=1)
"""Older events and terminations are history, not symptoms."""

RECOVERED = timedelta(minutes=10)
"""The kubelet's back-off is at most five minutes: who is ready for twice that is not in a loop."""

_OCCASIONS, _COMPLAINTS = 20, 400
"""Lines of one kind whose addresses are read, and complaints of one log: the last ones."""


@dataclass(frozen=True)
class Case:
    """Lookups over evidence, each computed once. ``now`` is the time of judging."""

    evidence: Evidence
    incident: Incident | None
    now: datetime
    answering: Callable[[Case], frozenset[str]] = lambda _: frozenset()
    """Who answers requests without errors now, as far as that is measured."""

    @property
    def alerts(self) -> Sequence[Alert]:
        """The Incident's, or those of the evidence when there is no Incident."""
        return self.incident.spec.alerts if self.incident is not None else self.evidence.alerts

    def once(self, key: object, make: Callable[[], _T]) -> _T:
        """What ``make`` returns, computed once for each key: for lookups that live in other modules."""
        if key not in self._once:
            self._once[key] = make()
        found: _T = self._once[key]
        return found

    @cached_property
    def _once(self) -> dict[object, Any]:
        return {}

    @cached_property
    def symptom_at(self) -> datetime | None:
        """When the earliest alert began."""
        return min((a.starts_at for a in self.alerts), default=None)

    @cached_property
    def target(self) -> Object | None:
        """The target's object, or None."""
        ref = self.evidence.target
        kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
        return self.evidence.find(kind, ref.namespace, ref.name) if ref is not None and kind is not None else None

    @cached_property
    def topology(self) -> Topology:
        """Who belongs to whom."""
        return Topology(self.evidence.objects)

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Every top controller and bare pod, the target's first; a workload without pods is one as well."""
        tops: dict[str, Object] = {}
        for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.CRON_JOB, kinds.JOB, kinds.POD):
            for obj in self.evidence.of(kind):
                top = self.topology.top(obj)
                tops.setdefault(reference(top), top)
        if not self.evidence.asked(kinds.DEPLOYMENT):
            # Of a Deployment that was not read, the ReplicaSets in use stand for it, with or without pods.
            used = (r for r in self.evidence.of(kinds.REPLICA_SET) if fields.integer(r, "spec", "replicas"))
            tops |= {reference(r): r for r in used}
        made = [self._workload(top) for top in tops.values()]
        return tuple(sorted(made, key=lambda w: w.ref not in self.target_refs))

    def _workload(self, top: Object) -> Workload:
        """With only its own objects, so that judging all workloads is linear in the number of objects."""
        own: dict[str, list[Object]] = {
            kind.resource: self.topology.under(top, kind)
            for kind in (kinds.POD, kinds.REPLICA_SET, kinds.CONTROLLER_REVISION, kinds.JOB)
            if self.evidence.asked(kind)
        }
        kind = kinds.kind_of(fields.text(top, "apiVersion"), fields.text(top, "kind"))
        if kind is not None and all(top is not o for o in own.get(kind.resource, ())):
            own.setdefault(kind.resource, []).append(top)
        members = tuple(own.get(kinds.POD.resource, ()))
        return Workload(top, members, own, self.evidence, self.now, self.symptom_at)

    @cached_property
    def _by_pod(self) -> dict[str, Workload]:
        return {reference(p): w for w in self.workloads for p in w.pods}

    def workload_of(self, obj: Object) -> Workload | None:
        """The workload that a pod or an owned controller belongs to."""
        if fields.text(obj, "kind") == "Pod":
            return self._by_pod.get(reference(obj))
        return self._by_ref.get(reference(self.topology.top(obj)))

    @cached_property
    def _by_ref(self) -> dict[str, Workload]:
        return {w.ref: w for w in self.workloads}

    @cached_property
    def target_refs(self) -> frozenset[str]:
        """The target, everything above it, and its pods."""
        if self.target is None:
            return frozenset({str(self.evidence.target)}) if self.evidence.target is not None else frozenset()
        found = {reference(o) for o in self.topology.chain(self.target)}
        if fields.text(self.target, "kind") not in ("Node", "Service", "PersistentVolumeClaim"):
            found |= {reference(p) for p in self.target_pods}
        return frozenset(found)

    @cached_property
    def target_pods(self) -> tuple[Object, ...]:
        """The pods that the target stands for."""
        return tuple(self.topology.pods_of(self.target)) if self.target is not None else ()

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
            place = fields.namespace(pod)
            found |= {f"PersistentVolumeClaim/{place}/{claim}" for claim in claims_of(pod)}
            labels = fields.strings(pod, "metadata", "labels")
            for service in self.evidence.of(kinds.SERVICE):
                if fields.namespace(service) == place and selects(fields.strings(service, "spec", "selector"), labels):
                    found.add(reference(service))
        for hpa in self.evidence.of(kinds.HORIZONTAL_POD_AUTOSCALER):
            scaled = self.topology.scale_target(hpa)
            if scaled is not None and reference(scaled) in self.target_refs:
                found.add(reference(hpa))
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

    def events_of(self, kind: str, namespace: str, *reasons: str) -> list[Object]:
        """Fresh events of these reasons about any object of a kind in a namespace, whether or not it was read."""
        return [
            e
            for ref, events in self._events.items()
            if ref.startswith(f"{kind}/{namespace}/")
            for e in events
            if fields.text(e, "reason") in reasons and self.fresh(fields.parse_moment(event_time(e)))
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
        place = fields.namespace(pod), fields.name(pod)
        found = [log for log in self._logs.get(place, ()) if container is None or log.container == container]
        return iter(sorted(found, key=lambda log: not log.previous))

    def listen(self, log: Log) -> Listened:
        """What one of the logs says."""
        return self.once(("listened", id(log)), lambda: Listened(log, self._over_before(log), self._passed(log)))

    def _over_before(self, log: Log) -> datetime | None:
        pod = self.find(kinds.POD, log.namespace, log.pod)
        return None if pod is None or self.unwell(pod) else self.now - STALE

    def _passed(self, log: Log) -> datetime | None:
        """What a pod that is well said before this is the trace of another outage: it has served without errors since.

        Not what it said since the symptom began.
        """
        pod = self.find(kinds.POD, log.namespace, log.pod)
        workload = self.workload_of(pod) if pod is not None and not self.unwell(pod) else None
        if workload is None or workload.ref not in self.once("answering", lambda: self.answering(self)):
            return None
        return min(self.now - PASSED, self.symptom_at or self.now)

    @cached_property
    def _logs(self) -> dict[tuple[str, str], list[Log]]:
        found: dict[tuple[str, str], list[Log]] = {}
        for log in self.evidence.logs:
            found.setdefault((log.namespace, log.pod), []).append(log)
        return found

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """One object by name."""
        return self.topology.find(kind, namespace, name)

    @cached_property
    def complaints(self) -> dict[str, tuple[Complaint, ...]]:
        """What the pods of each workload (by its reference) say about connections that failed."""
        return {
            w.ref: tuple(
                complaint
                for pod in w.living
                for log in self.logs(pod)
                for complaint in self._complaints(log, well=not self.unwell(pod))
            )
            for w in self.workloads
        }

    def _complaints(self, log: Log, *, well: bool) -> Iterator[Complaint]:
        listened = self.listen(log)
        places: list[int] = []
        for remark in reversed(list(listened.holding(TROUBLED))):
            if len(places) >= _COMPLAINTS or (well and listened.recency(remark.last) < OVER):
                break
            if addresses(remark.line):
                places += remark.places[-_OCCASIONS:]
        for place in sorted(places):
            line, at = log.lines[place], listened.recency(place)
            yield from (Complaint(address, log, line, at) for address in addresses(line))

    @cached_property
    def complaints_about(self) -> dict[str, list[tuple[Workload, Complaint]]]:
        """By Service (its reference): one complaint of each workload that is not behind it, the latest."""
        found: dict[str, dict[str, tuple[Workload, Complaint]]] = {}
        for workload in self.workloads:
            own = {reference(p) for p in workload.pods}
            for complaint in self.complaints[workload.ref]:
                service = self.service_at(complaint.address, fields.namespace(workload.object))
                if service is None or any(reference(p) in own for p in self.topology.pods_of(service)):
                    continue
                found.setdefault(reference(service), {})[workload.ref] = (workload, complaint)
        return {service: list(said.values()) for service, said in found.items()}

    def service_at(self, address: Address, namespace: str) -> Object | None:
        """The Service of a namespace behind a host name, a cluster IP, or the IP of one of its pods."""
        if is_ip(address.host):
            return self._services_by_ip.get((namespace, address.host))
        labels = address.host.split(".")
        # SERVICE[.NAMESPACE...], or a stateful pod's own name: POD.SERVICE[.NAMESPACE...]
        for at in (0, 1):
            found = self._services_by_name.get((namespace, labels[at])) if len(labels) > at else None
            if found is not None and labels[at + 1 : at + 2] in ([], [namespace]):
                return found
        return None

    @cached_property
    def _services_by_name(self) -> dict[tuple[str, str], Object]:
        return {(fields.namespace(s), fields.name(s).lower()): s for s in self.evidence.of(kinds.SERVICE)}

    @cached_property
    def _services_by_ip(self) -> dict[tuple[str, str], Object]:
        found: dict[tuple[str, str], Object] = {}
        for service in self.evidence.of(kinds.SERVICE):
            place = fields.namespace(service)
            for pod in self.topology.pods_of(service):
                if ip := fields.text(pod, "status", "podIP"):
                    found.setdefault((place, ip), service)
        for service in self.evidence.of(kinds.SERVICE):
            if ip := fields.text(service, "spec", "clusterIP"):
                found[fields.namespace(service), ip] = service
        return found

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
