"""The target does not exist, or was replaced by another object of the same name."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import citing, fields


def analyse(case: Case) -> Iterator[Finding]:
    """Only when objects of the target's kind could be read."""
    ref = case.evidence.target
    kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
    if ref is None or kind is None or not case.evidence.asked(kind):
        return
    if case.target is None and not _all_read(case, kind):
        return  # the list was cut: the target may be among the rest
    if case.target is None:
        found = _missing(case, ref)
        facts = {"found": found}
        yield Finding(Cause.TARGET_GONE, ref, 95, f"{ref} {found}"[:1000], (), facts, frozenset({str(ref)}))
        return
    uid = fields.text(case.target, "metadata", "uid")
    if ref.uid and uid and uid != ref.uid:
        yield Finding(
            Cause.TARGET_GONE,
            ref,
            95,
            f"{ref} was deleted; another object has its name now (UID {uid}, expected {ref.uid})"[:1000],
            (citing.of_object(case.target, "metadata.uid"),),
            facts={"found": "was deleted; another object has its name now"},
            about=frozenset({str(ref)}),
        )


def _missing(case: Case, ref: TargetRef) -> str:
    """Only what had a UID is known to have been there before."""
    # No namespace at all is a list that was not answered: every cluster has some.
    namespaces = {fields.name(n) for n in case.evidence.of(kinds.NAMESPACE)}
    if ref.namespace and namespaces and ref.namespace not in namespaces and _all_read(case, kinds.NAMESPACE):
        return f"does not exist: there is no namespace {ref.namespace}"
    return "does not exist any more" if ref.uid else "does not exist"


def _all_read(case: Case, kind: kinds.Kind) -> bool:
    return not any(kind.resource in gap.partition(":")[0].split(", ") for gap in case.evidence.gaps)
