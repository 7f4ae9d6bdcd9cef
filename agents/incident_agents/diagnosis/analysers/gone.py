"""The target does not exist any more, or was replaced by another object of the same name."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields


def analyse(case: Case) -> Iterator[Finding]:
    """Only when objects of the target's kind could be read."""
    ref = case.evidence.target
    kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
    if ref is None or kind is None or not case.evidence.asked(kind):
        return
    if any(gap.startswith(f"{kind.resource}:") for gap in case.evidence.gaps) and case.target is None:
        return  # the list was cut: the target may be among the rest
    if case.target is None:
        yield Finding(Cause.TARGET_GONE, ref, 95, f"{ref} does not exist any more", (), about=frozenset({str(ref)}))
        return
    uid = fields.text(case.target, "metadata", "uid")
    if ref.uid and uid and uid != ref.uid:
        yield Finding(
            Cause.TARGET_GONE,
            ref,
            95,
            f"{ref} was deleted; another object has its name now (UID {uid}, expected {ref.uid})"[:1000],
            (citing.of_object(case.target, "metadata.uid"),),
            about=frozenset({str(ref)}),
        )
