"""What an analyser says: one possible cause, seen from one angle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

Key = tuple[Cause, str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """A candidate hypothesis before ranking.

    ``confidence`` is 0-100, as if nothing else were wrong. ``about`` names the objects (``Kind/namespace/name``)
    whose trouble this is: pods, their controllers, Services, nodes, claims. ``depends_on`` names what a finding
    itself points to as its reason: the dependency's Service and workload, the node, the claim.
    """

    cause: Cause
    object: TargetRef | None
    confidence: int
    summary: str
    evidence: tuple[Citation, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    about: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    """After ranking: how the confidence came about, in words."""
    explained_by: frozenset[Key] = frozenset()
    """After ranking: the findings that explain it, at any distance."""

    @property
    def key(self) -> Key:
        """What tells it apart from other findings of a diagnosis."""
        return self.cause, str(self.object), self.facts.get("dependency", "")


Analyser = Callable[[Case], Iterable[Finding]]
"""A pure function from the evidence to findings; one file each in ``analysers``."""


def of_workload(
    cause: Cause,
    workload: Workload,
    sick: Sequence[Object],
    container: str,
    *,
    confidence: int,
    summary: str,
    evidence: Iterable[Citation],
    facts: Mapping[str, str] | None = None,
    depends_on: Iterable[str] = (),
) -> Finding:
    """A finding about some pods of a workload; what is to be acted on is the top controller."""
    pod = sick[0] if sick else None
    more = {name: clean_line(value)[:256] for name, value in (facts or {}).items() if value}
    return Finding(
        cause=cause,
        object=workload.target,
        confidence=confidence,
        summary=clean_line(summary)[:1000],
        evidence=tuple(evidence),
        facts=workload.facts(pod, container) | more,
        about=frozenset({workload.ref, *(reference(p) for p in sick)}),
        depends_on=frozenset(depends_on),
    )
