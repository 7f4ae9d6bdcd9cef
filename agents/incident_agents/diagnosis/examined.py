"""What was looked for and not found: the other half of a diagnosis."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from incident_agents.diagnosis.analysers import ALL, databases
from incident_agents.diagnosis.case import LAST_LINES, Case
from incident_commander.api import kinds
from incident_commander.api.incident import Incident
from incident_commander.api.kinds import Kind
from incident_commander.evidence.evidence import Evidence

_ALWAYS = (kinds.POD, kinds.EVENT)
_NEEDS: Mapping[str, tuple[Kind, ...]] = {
    "autoscaling": (kinds.HORIZONTAL_POD_AUTOSCALER,),
    "claims": (kinds.PERSISTENT_VOLUME_CLAIM, kinds.PERSISTENT_VOLUME),
    "components": (kinds.NODE,),
    "config": (kinds.CONFIG_MAP,),
    "jobs": (kinds.JOB,),
    "nodes": (kinds.NODE,),
    "policies": (kinds.NETWORK_POLICY, kinds.SERVICE),
    "quota": (kinds.RESOURCE_QUOTA,),
    "references": (kinds.SERVICE,),
    "routes": (kinds.INGRESS, kinds.SERVICE),
    "scaled": (kinds.DEPLOYMENT,),
    "scheduling": (kinds.NODE,),
    "services": (kinds.SERVICE,),
    "unreached": (kinds.SERVICE,),
    "volumes": (kinds.PERSISTENT_VOLUME_CLAIM,),
}
"""By analyser: without these kinds, finding nothing means nothing. All need pods and events."""

_NEED_SERIES = frozenset({"cpu", "memory", "network", "saturation", "volumes"})
_NEED_LOGS = frozenset({"databases", "dependencies", "resolution", "unreached"})
_OF_TARGETS = frozenset({"gone"})

KNOWN = frozenset(_NEEDS) | _NEED_SERIES | _NEED_LOGS | _OF_TARGETS
"""The analysers that are named here."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A question that an analyser asks, and found no sign of.

    What it needs: kinds of objects (by ``Kind.resource``), ``metrics`` and ``logs``. ``looked_at`` has how many
    objects, series and lines of those were read, ``missing`` those that could not be.
    """

    analyser: str
    question: str
    looked_at: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def answered(self) -> bool:
        """Whether finding nothing means anything."""
        return not self.missing


def without_finding(evidence: Evidence, incident: Incident | None, now: datetime) -> list[Examined]:
    """The analysers that found nothing, each with the first sentence of its documentation."""
    case = Case(evidence, incident, now)
    silent = [analyse.__module__ for analyse in ALL if not any(True for _ in analyse(case))]
    return [
        _examined(module, evidence)
        for module in silent
        if evidence.target is not None or module.rsplit(".", 1)[-1] not in _OF_TARGETS
    ]


def _examined(module: str, evidence: Evidence) -> Examined:
    analyser = module.rsplit(".", 1)[-1]
    found: dict[str, int | None] = {
        kind.resource: len(evidence.of(kind)) if evidence.asked(kind) else None
        for kind in (*_ALWAYS, *_NEEDS.get(analyser, ()))
    }
    if analyser in _NEED_SERIES:
        measured = (m.series for m in evidence.metrics.values())
        found["metrics"] = sum(map(len, (*evidence.series.values(), *measured))) or None
    if analyser in _NEED_LOGS:
        last = databases.LAST_LINES if analyser == "databases" else LAST_LINES
        found["logs"] = sum(min(len(log.lines), last) for log in evidence.logs) or None
    return Examined(
        analyser,
        _first_sentence(module),
        looked_at={what: amount for what, amount in found.items() if amount is not None},
        missing=tuple(what for what, amount in found.items() if amount is None),
    )


def _first_sentence(module: str) -> str:
    documentation = sys.modules[module].__doc__ or module
    return documentation.strip().split("\n", 1)[0].rstrip(".")
