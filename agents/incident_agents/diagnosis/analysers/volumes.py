"""A volume is full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.analysers.limits import WATCHES
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import LATE
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.quantity import format_memory
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference, target_of
from incident_commander.evidence.owners import claims_of
from incident_commander.evidence.series import latest
from incident_commander.ports import Object

_NO_SPACE = Words(
    re.compile(r"no space left on device|ENOSPC|disk quota exceeded|database or disk is full", re.IGNORECASE),
    ("no space", "enospc", "quota exceeded", "disk is full"),
)
_FULL = 0.95
_FILLING = 0.88


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each claim in trouble."""
    for claim in case.evidence.of(kinds.PERSISTENT_VOLUME_CLAIM):
        if fields.text(claim, "status", "phase") == "Bound":
            found = _full(case, claim)
            if found is not None:
                yield found


@dataclass(frozen=True, slots=True)
class _Fill:
    ratio: float
    citations: list[Citation]
    what: str


def _fill(case: Case, claim: Object) -> _Fill | None:
    """How full the volume is, of bytes or of inodes, whichever is fuller."""
    name, found = fields.name(claim), []
    used, capacity = _last(case, "volume_used", name), _last(case, "volume_capacity", name)
    if used is not None and capacity:
        query = case.evidence.metrics["volume_used"].query
        shown = f"{used:.0f} of {capacity:.0f} bytes ({name})"
        found.append(_Fill(used / capacity, [citing.of_metric(query, shown)], "its bytes"))
    inodes = _last(case, "volume_inodes_ratio", name)
    if inodes is not None:
        query = case.evidence.metrics["volume_inodes_ratio"].query
        found.append(_Fill(inodes, [citing.of_metric(query, f"{inodes:.3f} ({name})")], "its inodes"))
    return max(found, key=lambda fill: fill.ratio, default=None)


def _last(case: Case, key: str, claim: str) -> float | None:
    measured = case.evidence.metrics.get(key)
    for series in measured.series if measured is not None else ():
        if series.labels.get("persistentvolumeclaim") == claim:
            return latest(series.points, case.now.timestamp(), 3)
    return None


def _full(case: Case, claim: Object) -> Finding | None:
    users = case.topology.pods_of(claim)
    complaints = [(log, line) for pod in users for log, line in _complaints(case, pod)]
    fill = _fill(case, claim)
    if fill is None:
        # Without figures a complaint names no volume: it counts only where there is one to blame.
        if not complaints or any(len(claims_of(p)) != 1 for p in users):
            return None
        confidence, words = 60, "seems full: its pods report that no space is left"
    elif fill.ratio >= _FULL:
        confidence, words = (94 if complaints else 86), f"is full: {fill.ratio:.0%} of {fill.what}"
    elif fill.ratio >= _FILLING:
        confidence, words = (72 if complaints else 60), f"is nearly full: {fill.ratio:.0%} of {fill.what}"
    else:
        return None
    evidence = list(fill.citations) if fill is not None else []
    evidence += [citing.of_log(log, line) for log, line in complaints[:3]]
    evidence.append(citing.of_object(claim, "status.capacity.storage"))
    facts = {"claim": fields.name(claim)}
    if fill is not None:
        facts["usedPercent"] = str(round(fill.ratio * 100))
    capacity = fields.quantity(claim, "status", "capacity", "storage")
    if capacity is not None:
        facts["capacity"] = format_memory(int(capacity))
    if (class_name := fields.text(claim, "spec", "storageClassName")) != "":
        facts["storageClass"] = class_name
        storage_class = case.topology.find(kinds.STORAGE_CLASS, None, class_name)
        if storage_class is not None:
            grows = fields.flag(storage_class, "allowVolumeExpansion") is True
            facts["expandable"] = "true" if grows else "false"
            evidence.append(citing.of_object(storage_class, "allowVolumeExpansion"))
    return Finding(
        cause=Cause.VOLUME_FULL,
        object=target_of(claim),
        confidence=confidence,
        summary=f"the volume of claim {fields.name(claim)} {words}"[:1000],
        evidence=tuple(evidence),
        facts=facts,
        about=_about(case, claim, users),
    )


def _complaints(case: Case, pod: Object) -> Iterator[tuple[Log, str]]:
    for log in case.logs(pod):
        listened = case.listen(log)
        heard = [remark for remark in listened.heard(_NO_SPACE) if WATCHES.match(remark.line) is None]
        if heard and (log.previous or listened.recency(heard[-1].last) >= LATE):
            yield log, heard[-1].line


def _about(case: Case, claim: Object, users: list[Object]) -> frozenset[str]:
    workloads = {w.ref for p in users if (w := case.workload_of(p)) is not None}
    return frozenset({reference(claim), *(reference(p) for p in users), *workloads})
