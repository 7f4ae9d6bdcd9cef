"""A workload as diagnosis sees it: its top controller, its pods, and what its newest revision changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from incident_commander.api import kinds
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields, pods, queries
from incident_commander.evidence.evidence import Evidence, reference, target_of
from incident_commander.evidence.health import WorkloadHealth, workload_health
from incident_commander.evidence.owners import Objects
from incident_commander.evidence.revisions import Revision, in_newest, pods_of_revision, revisions
from incident_commander.ports import Object

RECENT_ROLLOUT = timedelta(hours=1)
"""A revision younger than this, now or when the symptom began, is suspected."""

_FIRST_ROLLOUT = timedelta(minutes=10)
"""A Deployment that got its newest revision this soon after it was made may never have been available."""


@dataclass(frozen=True)
class Workload:
    """One top controller (or bare pod) with its pods."""

    object: Object
    pods: tuple[Object, ...]
    own: Objects
    """Itself, its pods, ReplicaSets, ControllerRevisions and Jobs; a kind that was not read is absent."""
    evidence: Evidence
    now: datetime
    symptom_at: datetime | None

    @cached_property
    def ref(self) -> str:
        """``Kind/namespace/name``."""
        return reference(self.object)

    @cached_property
    def target(self) -> TargetRef:
        """A reference to this incarnation."""
        return target_of(self.object)

    @property
    def kind(self) -> str:
        """Kind of the top controller."""
        return fields.text(self.object, "kind")

    @cached_property
    def health(self) -> WorkloadHealth:
        """By status and pods."""
        return workload_health(self.target, self.own)

    @cached_property
    def revisions(self) -> tuple[Revision, ...]:
        """Newest first."""
        return tuple(revisions(self.object, self.own))

    @cached_property
    def living(self) -> tuple[Object, ...]:
        """Pods that count: neither being deleted nor left over from a finished rollout.

        Failed pods of Jobs and bare pods do count; those of other controllers were replaced already, and those of
        a Job that has completed were tried again.
        """
        keeps_failed = self.kind in ("Job", "CronJob", "Pod") and self.health.healthy is not True
        found = []
        for pod in self.pods:
            if pods.terminating(pod) or (pods.phase(pod) == "Failed" and not keeps_failed):
                continue
            if self.health.rollout_complete and in_newest(pod, self.object, self.revisions) is False:
                continue
            found.append(pod)
        return tuple(found)

    @cached_property
    def ready(self) -> tuple[Object, ...]:
        """Living pods that are ready."""
        return tuple(p for p in self.living if pods.ready(p))

    @property
    def rollout_age(self) -> timedelta | None:
        """Since when the newest revision is the newest."""
        since = self.revisions[0].since if self.revisions else None
        return max(timedelta(0), self.now - since) if since is not None else None

    @property
    def recent_rollout(self) -> bool:
        """Whether a change of the template can have brought the symptom. The very first revision is no change."""
        age = self.rollout_age
        if age is None or len(self.revisions) < 2:
            return False
        if age <= RECENT_ROLLOUT:
            return True
        since = self.revisions[0].since
        if since is None or self.symptom_at is None:
            return False
        return timedelta(minutes=-1) <= self.symptom_at - since <= RECENT_ROLLOUT

    def only_newest(self, sick: list[Object]) -> bool:
        """Whether all of the sick pods are of the newest revision."""
        return bool(sick) and all(in_newest(p, self.object, self.revisions) is True for p in sick)

    @cached_property
    def previous_healthy(self) -> str:
        """``true``, ``false`` or ``unknown``."""
        if len(self.revisions) < 2:
            return "unknown"
        previous = self.revisions[1]
        if fields.integer(previous.source, "status", "readyReplicas"):
            return "true"
        alive = [p for p in pods_of_revision(previous, list(self.pods)) if not pods.terminating(p)]
        if any(pods.ready(p) for p in alive):
            return "true"
        if alive and all(pods.troubles(p) for p in alive):
            return "false"
        measured = self._previous_in_metrics(previous)
        return "true" if measured == "unknown" and self._was_available() else measured

    def _was_available(self) -> bool:
        """Whether the Deployment was available until its newest revision came, as its condition says."""
        since = self.revisions[0].since
        available = fields.condition(self.object, "Available")
        turned, made = fields.moment(available, "lastTransitionTime"), fields.created(self.object)
        if since is None or turned is None or made is None:
            return False
        if fields.text(available, "status") == "True":
            return turned < since
        return turned >= since and since - made > _FIRST_ROLLOUT

    def _previous_in_metrics(self, previous: Revision) -> str:
        """Whether pods of that ReplicaSet ran for five minutes without a restart."""
        measured = self.evidence.metrics.get("container_restarts")
        if measured is None or self.kind != "Deployment" or not self._is_target:
            return "unknown"
        seen = [s for s in measured.series if s.labels.get("pod", "").startswith(f"{previous.name}-")]
        lasting = [s for s in seen if s.points and s.points[-1][0] - s.points[0][0] >= 300]
        if not lasting:
            return "unknown"
        return "true" if all(s.points[-1][1] == s.points[0][1] for s in lasting) else "false"

    @property
    def _is_target(self) -> bool:
        return self.evidence.target is not None and str(self.evidence.target) == self.ref

    def previous_container(self, name: str) -> dict[str, Any]:
        """Spec of the container in the previous revision, or an empty object."""
        return _container(self.revisions[1].template, name) if len(self.revisions) > 1 else {}

    def changed(self, name: str) -> list[str]:
        """What the newest revision changed in a container and its surroundings."""
        if len(self.revisions) < 2:
            return []
        new, old = self.revisions[0].template, self.revisions[1].template
        return changes(_container(old, name), _container(new, name), old, new)

    def differences(self, name: str) -> list[tuple[Object, str]]:
        """Where the fields that the newest revision changed in a container stand: object and path, new before old."""
        found: list[tuple[Object, str]] = []
        for part in self.changed(name) if len(self.revisions) > 1 else ():
            for key in _PARTS.get(part, ()):
                new, old = (_container(r.template, name) for r in self.revisions[:2])
                for step_new, step_old in _variables(new, old) if key == "env" else [(key, key)]:
                    if new.get(key) != old.get(key):
                        places = zip(self.revisions[:2], (step_new, step_old), strict=True)
                        found += [(r.source, path) for r, step in places if (path := _path(r, name, step))]
        return found

    def facts(self, pod: Object | None = None, container: str = "") -> dict[str, str]:
        """The facts that any hypothesis about this workload may carry (see ``facts``)."""
        found = {}
        if self.kind != "Pod":
            found["controller"] = f"{self.kind}/{fields.name(self.object)}"
        if container:
            found["container"] = container
        if pod is not None:
            found["pod"] = fields.name(pod)
        if self.revisions:
            found["currentRevision"] = str(self.revisions[0].number)
        if len(self.revisions) > 1:
            found["previousRevision"] = str(self.revisions[1].number)
            found["previousHealthy"] = self.previous_healthy
        if self.revisions:
            found["recentRollout"] = _yes(self.recent_rollout)
        if self.rollout_age is not None:
            found["rolloutAgeSeconds"] = str(int(self.rollout_age.total_seconds()))
        if self.evidence.asked(kinds.POD):
            others = [p for p in self.ready if pod is None or fields.name(p) != fields.name(pod)]
            found["otherReplicasHealthy"] = _yes(bool(others))
            found["readyReplicas"] = str(len(self.ready))
        if self.health.desired is not None and self.kind in queries.KINDS_WITH_PODS:
            found["desiredReplicas"] = str(self.health.desired)
        return found


_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PARTS: dict[str, tuple[str, ...]] = {
    "image": ("image",),
    "command": ("command",),
    "args": ("args",),
    "env": ("env",),
    "config": ("envFrom",),
    "resources": ("resources",),
    "probes": _PROBES,
    "ports": ("ports",),
    "volumes": ("volumeMounts",),
}
_PLACEMENT = ("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints")


def changes(old: dict[str, Any], new: dict[str, Any], old_pod: dict[str, Any], new_pod: dict[str, Any]) -> list[str]:
    """Names of what differs between two versions of a container (and of its pod template)."""
    if not old or not new:
        return ["other"] if old or new else []
    found = [part for part, keys in _PARTS.items() if any(old.get(k) != new.get(k) for k in keys)]
    if _volumes(old_pod) != _volumes(new_pod) and "volumes" not in found:
        found.append("volumes")
    if any(fields.value(old_pod, "spec", key) != fields.value(new_pod, "spec", key) for key in _PLACEMENT):
        found.append("placement")
    known = {key for keys in _PARTS.values() for key in keys}
    if any(old.get(k) != new.get(k) for k in (old.keys() | new.keys()) - known):
        found.append("other")
    return found


def _volumes(template: dict[str, Any]) -> Any:
    return fields.value(template, "spec", "volumes")


def _container(template: dict[str, Any], name: str) -> dict[str, Any]:
    specs = fields.items(template, "spec", "containers") + fields.items(template, "spec", "initContainers")
    return next((c for c in specs if c.get("name") == name), {})


def _variables(new: dict[str, Any], old: dict[str, Any]) -> list[tuple[str, str]]:
    """Of the variables that differ, where each stands in both; empty where it is in one only.

    One by one, since the name of each decides whether its value may be shown.
    """
    places = [
        {fields.text(v, "name"): (v, f"env[{n}].{'value' if 'value' in v else 'valueFrom'}") for n, v in _env(side)}
        for side in (new, old)
    ]
    absent: tuple[dict[str, Any], str] = ({}, "")
    pairs = [[side.get(name, absent) for side in places] for name in dict.fromkeys((*places[0], *places[1]))]
    return [(now[1], before[1]) for now, before in pairs if now[0] != before[0]]


def _env(spec: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((n, v) for n, v in enumerate(spec.get("env") or ()) if isinstance(v, dict))


def _path(revision: Revision, name: str, key: str) -> str:
    """Of a container's field in what a revision is kept in; empty when the container or the field is not there."""
    if not key:
        return ""
    base = "spec.template.spec" if fields.text(revision.source, "kind") == "ReplicaSet" else "data.spec.template.spec"
    for part in ("containers", "initContainers"):
        for n, spec in enumerate(fields.items(revision.template, "spec", part)):
            if spec.get("name") == name:
                return f"{base}.{part}[{n}].{key}"
    return ""


def _yes(value: bool) -> str:
    return "true" if value else "false"
