"""A claim finds no volume: which of its wishes no volume meets.

A claim that nothing provisions for binds to a volume that exists: of its class, with its access modes, large enough,
with the labels of its selector, and free. The volume that comes closest is the one that was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.labels import matches
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_BAD = ("ProvisioningFailed", "FailedBinding", "VolumeMismatch", "ClaimLost", "ClaimMisbound")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each claim that waits for a volume and should not."""
    for claim in case.evidence.of(kinds.PERSISTENT_VOLUME_CLAIM):
        phase = fields.text(claim, "status", "phase")
        if phase in ("Pending", "Lost"):
            found = _unbound(case, claim, phase)
            if found is not None:
                yield found


@dataclass(frozen=True, slots=True)
class _Why:
    reason: str
    words: str
    confidence: int
    volume: str
    evidence: tuple[Citation, ...]


def _unbound(case: Case, claim: Object, phase: str) -> Finding | None:
    users = case.topology.pods_of(claim)
    events = case.events(claim)
    bad = [e for e in events if fields.text(e, "reason") in _BAD]
    wrong = _why(case, claim)
    if not bad and phase == "Pending":
        waits = any(fields.text(e, "reason") == "WaitForFirstConsumer" for e in events)
        if not users or (waits and (wrong is None or not any(_finds_no_volume(case, p) for p in users))):
            return None  # waits for a pod, as it should
    class_name = fields.text(claim, "spec", "storageClassName")
    said = clean_line(fields.text(bad[0], "message"))[:300] if bad else ""
    why = wrong or _Why(
        clean_line(fields.text(bad[0], "reason"))[:256] if bad else phase,
        said or "no volume was found for it",
        86 if bad else 76,
        "",
        (),
    )
    evidence = [citing.of_object(claim, "status.phase"), *(citing.of_event(e) for e in bad[:2]), *why.evidence]
    workloads = [w for p in users if (w := case.workload_of(p)) is not None]
    facts = {"claim": fields.name(claim), "reason": why.reason, "storageClass": class_name, "volume": why.volume}
    if workloads:
        facts["dependent"] = f"{workloads[0].kind}/{fields.name(workloads[0].object)}"[:256]
    return Finding(
        cause=Cause.VOLUME_CLAIM_PENDING,
        object=target_of(claim),
        confidence=why.confidence,
        summary=f"claim {fields.name(claim)} is {phase}: {why.words}"[:1000],
        evidence=tuple(evidence),
        facts={k: v for k, v in facts.items() if v},
        about=frozenset({reference(claim), *(reference(p) for p in users), *(w.ref for w in workloads)}),
    )


def _finds_no_volume(case: Case, pod: Object) -> bool:
    """Whether the scheduler looked for the pod's volumes already, and found none on any node."""
    return any(_NO_VOLUME in fields.text(e, "message") for e in case.events(pod, "FailedScheduling"))


_NO_VOLUME = "find available persistent volumes to bind"


def _why(case: Case, claim: Object) -> _Why | None:
    """By comparing the claim with the volumes; None when there is nothing to compare with."""
    class_name = fields.text(claim, "spec", "storageClassName")
    classes = case.evidence.of(kinds.STORAGE_CLASS)
    named = next((c for c in classes if fields.name(c) == class_name), None)
    if class_name and named is not None and not _static(named):
        return None  # a provisioner makes the volume: its own words say why it does not
    volumes = case.evidence.of(kinds.PERSISTENT_VOLUME)
    asked = fields.text(claim, "spec", "volumeName")
    candidates = [v for v in volumes if not asked or fields.name(v) == asked]
    if not candidates:
        return _without_volume(case, claim, class_name, named)
    mismatches = [(_mismatches(claim, v), v) for v in candidates]
    mismatches.sort(key=lambda found: (len(found[0]), "VolumeOccupied" in found[0]))
    wrong, volume = mismatches[0]
    if not wrong:
        return None
    name, shown = fields.name(volume), {reason: _SHOWN[reason] for reason in wrong}
    reason = wrong[0]
    words = "; ".join(f"{_SAY[r]} of volume {name}" for r in wrong)
    evidence = [citing.of_object(claim, paths[0]) for paths in shown.values() if paths[0]]
    evidence += [citing.of_object(volume, paths[1]) for paths in shown.values()]
    return _Why(reason, words, 93 if len(wrong) == 1 else 82, name, tuple(evidence))


def _static(storage_class: Object) -> bool:
    return fields.text(storage_class, "provisioner") == "kubernetes.io/no-provisioner"


def _without_volume(case: Case, claim: Object, class_name: str, named: Object | None) -> _Why | None:
    cited = (citing.of_object(claim, "spec.storageClassName"),)
    if class_name and named is None and case.evidence.asked(kinds.STORAGE_CLASS):
        return _Why("StorageClassMissing", f"storage class {class_name} does not exist", 92, "", cited)
    asked = fields.text(claim, "spec", "volumeName")
    if asked and case.evidence.asked(kinds.PERSISTENT_VOLUME):
        return _Why("VolumeMissing", f"volume {asked} does not exist", 90, asked, ())
    return None


_SAY = {
    "StorageClassMismatch": "its storage class is not that",
    "SelectorMismatch": "its selector does not match the labels",
    "AccessModeMismatch": "it asks for access modes that are not those",
    "CapacityMismatch": "it asks for more than the capacity",
    "VolumeModeMismatch": "its volume mode is not that",
    "VolumeOccupied": "another claim holds the place",
}
_SHOWN = {
    "StorageClassMismatch": ("spec.storageClassName", "spec.storageClassName"),
    "SelectorMismatch": ("spec.selector", "metadata.labels"),
    "AccessModeMismatch": ("spec.accessModes", "spec.accessModes"),
    "CapacityMismatch": ("spec.resources.requests.storage", "spec.capacity.storage"),
    "VolumeModeMismatch": ("spec.volumeMode", "spec.volumeMode"),
    "VolumeOccupied": ("", "spec.claimRef"),
}


def _mismatches(claim: Object, volume: Object) -> list[str]:
    """What keeps the claim from this volume, in the order in which a person would look."""
    found = []
    if fields.text(claim, "spec", "storageClassName") != fields.text(volume, "spec", "storageClassName"):
        found.append("StorageClassMismatch")
    if not matches(fields.mapping(claim, "spec", "selector"), fields.strings(volume, "metadata", "labels")):
        found.append("SelectorMismatch")
    modes = fields.words(claim, "spec", "accessModes")
    if not set(modes) <= set(fields.words(volume, "spec", "accessModes")):
        found.append("AccessModeMismatch")
    wanted = fields.quantity(claim, "spec", "resources", "requests", "storage")
    held = fields.quantity(volume, "spec", "capacity", "storage")
    if wanted is not None and held is not None and wanted > held:
        found.append("CapacityMismatch")
    mode = [fields.text(o, "spec", "volumeMode") or "Filesystem" for o in (claim, volume)]
    if mode[0] != mode[1]:
        found.append("VolumeModeMismatch")
    if _occupied(claim, volume):
        found.append("VolumeOccupied")
    return found


def _occupied(claim: Object, volume: Object) -> bool:
    holder = fields.mapping(volume, "spec", "claimRef")
    here = (fields.namespace(claim), fields.name(claim))
    if holder:
        return (fields.text(holder, "namespace"), fields.text(holder, "name")) != here
    return fields.text(volume, "status", "phase") in ("Released", "Failed")
