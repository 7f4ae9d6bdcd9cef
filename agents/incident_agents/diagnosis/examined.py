"""What was looked for and not found: the other half of a diagnosis."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.asking import ASKING, Asking
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.movements import movements
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Incident
from incident_commander.evidence.evidence import Evidence

_ALWAYS = (kinds.POD, kinds.EVENT)
_OF_TARGETS = frozenset({"gone"})
_CAUSES_OF: Mapping[str, frozenset[Cause]] = {
    "exhaustion": frozenset({Cause.MEMORY_LEAK, Cause.MEMORY_LIMIT_TOO_LOW, Cause.CACHE_MEMORY_EXHAUSTED}),
    "memory": frozenset({Cause.MEMORY_LEAK, Cause.MEMORY_LIMIT_TOO_LOW}),
    "vertical": frozenset({Cause.HPA_CANNOT_SCALE}),
    "databases": frozenset({Cause.MESSAGE_QUEUE_BACKLOG, Cause.REPLICATION_LAG}),
    "lagging": frozenset({Cause.MESSAGE_QUEUE_BACKLOG, Cause.REPLICATION_LAG}),
    "disks": frozenset({Cause.DISK_SATURATED}),
    "clients": frozenset({Cause.TRAFFIC_SURGE}),
    "permissions": frozenset({Cause.VOLUME_PERMISSION_DENIED}),
    "nodes": frozenset({Cause.NODE_CORDONED}),
    "components": frozenset({Cause.CONTROL_PLANE_DOWN, Cause.SCHEDULER_DOWN, Cause.KUBE_PROXY_DOWN}),
    "control_plane": frozenset({Cause.CONTROL_PLANE_DOWN}),
    "proxying": frozenset({Cause.KUBE_PROXY_DOWN}),
    "admission": frozenset({Cause.NAMESPACE_TERMINATING, Cause.POD_SECURITY_REFUSED}),
    "namespaces": frozenset({Cause.NAMESPACE_TERMINATING}),
    "gateways": frozenset({Cause.GATEWAY_MISROUTED}),
    "routes": frozenset({Cause.GATEWAY_MISROUTED}),
    "slow": frozenset({Cause.NETWORK_LATENCY, Cause.PACKET_LOSS}),
    "network": frozenset({Cause.DEPENDENCY_SLOW, Cause.CPU_SATURATED, Cause.CPU_THROTTLED}),
}
"""Causes that several analysers find: where another one found it, this one rules nothing out."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A question that an analyser asks, and found no sign of.

    What it needs: kinds of objects (by ``Kind.resource``), ``logs``, and ``metrics`` of what it compares.
    ``looked_at`` has how many objects, series and lines of those were read, ``missing`` those that could not be, or
    only in part. ``topic``: the trouble, in words that need no knowledge of the project.
    """

    analyser: str
    topic: str
    question: str
    looked_at: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def answered(self) -> bool:
        """Whether finding nothing means anything."""
        return not self.missing


def without_finding(evidence: Evidence, incident: Incident | None, now: datetime) -> list[Examined]:
    """The analysers that found nothing, each with the first sentence of its documentation.

    One that could have found something is left out where another one found the same trouble.
    """
    case = Case(evidence, incident, now)
    found = {analyse.__module__: [f.cause for f in analyse(case)] for analyse in ALL}
    causes = {cause for of_one in found.values() for cause in of_one}
    topics = {ASKING[_name(module)].topic for module, of_one in found.items() if of_one}
    silent = [
        _examined(module, case)
        for module, of_one in found.items()
        if not of_one and (evidence.target is not None or _name(module) not in _OF_TARGETS)
    ]
    return [
        e
        for e in silent
        if not e.answered or (e.topic not in topics and not causes & _CAUSES_OF.get(e.analyser, set()))
    ]


def _name(module: str) -> str:
    return module.rsplit(".", 1)[-1]


def _examined(module: str, case: Case) -> Examined:
    analyser, evidence = _name(module), case.evidence
    asking = ASKING[analyser]
    needed = (*_ALWAYS, *asking.kinds)
    looked_at = {kind.resource: len(evidence.of(kind)) for kind in needed if evidence.asked(kind)}
    missing = [kind.resource for kind in needed if not evidence.asked(kind)]
    missing += [f"all {kind.resource}" for kind in needed if evidence.asked(kind) and kind.resource in evidence.partial]
    if asking.measures or asking.queries:
        looked_at["metrics"] = _series(case, asking)
        missing += [] if looked_at["metrics"] else [_metrics(evidence, asking)]
    if asking.logs:
        looked_at["logs"] = sum(case.listen(log).searched for log in evidence.logs)
        missing += [] if looked_at["logs"] else ["logs"]
    read = {what: amount for what, amount in looked_at.items() if amount or what not in ("metrics", "logs")}
    return Examined(analyser, asking.topic, _first_sentence(module), read, tuple(missing))


def _series(case: Case, asking: Asking) -> int:
    measured = [case.evidence.metrics[name].series for name in asking.queries if name in case.evidence.metrics]
    moved = [m for m in movements(case) if m.measure in asking.measures and not m.alerted]
    return sum(map(len, measured)) + len(moved)


def _metrics(evidence: Evidence, asking: Asking) -> str:
    """``metrics`` where there are none at all; else which kind is missing."""
    if not evidence.series and not any(m.series for m in evidence.metrics.values()):
        return "metrics"
    return f"metrics of {' or '.join(_WORDS.get(m.value, m.value.lower()) for m in asking.measures) or 'volumes'}"


_WORDS = {"CPU": "CPU", "Loss": "packet loss", "ReplicationLag": "replication lag"}


def _first_sentence(module: str) -> str:
    documentation = sys.modules[module].__doc__ or module
    return documentation.strip().split("\n", 1)[0].rstrip(".")
