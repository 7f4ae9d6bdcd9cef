"""The target does not exist, or was replaced by another object of the same name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation, CitationKind
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Evidence

_TRACES = 3
"""Of one sort that are cited."""


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
        shown = traces(case.evidence, ref, case.alerts) or _named_by(case, ref)
        yield Finding(Cause.TARGET_GONE, ref, 95, f"{ref} {found}"[:1000], shown, facts, frozenset({str(ref)}))
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


def _named_by(case: Case, ref: TargetRef) -> tuple[Citation, ...]:
    """The Incident itself, which names its target."""
    incident = case.incident
    if incident is None or incident.spec.target_ref is None:
        return ()
    named = citing.spoken(f"Incident/{incident.metadata.namespace}/{incident.metadata.name}", 1024)
    return (Citation(kind=CitationKind.OBJECT, ref=named, path="spec.targetRef.name", value=citing.spoken(ref.name)),)


def traces(evidence: Evidence, ref: TargetRef, alerts: Sequence[Alert]) -> tuple[Citation, ...]:
    """What speaks of an object that is not there: Events, what it owned, alerts. A few of each."""
    events = [e for e in evidence.of(kinds.EVENT) if _names(fields.mapping(e, "involvedObject"), ref)]
    owned = []
    for kind in (kinds.REPLICA_SET, kinds.POD, kinds.JOB):
        for obj in evidence.of(kind):
            owners = fields.items(obj, "metadata", "ownerReferences")
            for at, owner in enumerate(owners):
                here = {**owner, "namespace": fields.namespace(obj)}
                if _names(here, ref):
                    owned.append(citing.of_object(obj, f"metadata.ownerReferences[{at}].name"))
    label = ref.kind.lower()
    telling = [a for a in alerts if a.labels.get(label) == ref.name and a.labels.get("namespace") == ref.namespace]
    return (
        *(citing.of_event(event) for event in events[-_TRACES:]),
        *owned[:_TRACES],
        *(citing.of_alert(alert) for alert in telling[:_TRACES]),
    )


def _names(said: Mapping[str, Any], ref: TargetRef) -> bool:
    kind, name = fields.text(said, "kind"), fields.text(said, "name")
    return (kind, name, fields.text(said, "namespace")) == (ref.kind, ref.name, ref.namespace or "")


def _missing(case: Case, ref: TargetRef) -> str:
    """Only what had a UID is known to have been there before."""
    # No namespace at all is a list that was not answered: every cluster has some.
    namespaces = {fields.name(n) for n in case.evidence.of(kinds.NAMESPACE)}
    if ref.namespace and namespaces and ref.namespace not in namespaces and _all_read(case, kinds.NAMESPACE):
        return f"does not exist: there is no namespace {ref.namespace}"
    return "does not exist any more" if ref.uid else "does not exist"


def _all_read(case: Case, kind: kinds.Kind) -> bool:
    return not any(kind.resource in gap.partition(":")[0].split(", ") for gap in case.evidence.gaps)
