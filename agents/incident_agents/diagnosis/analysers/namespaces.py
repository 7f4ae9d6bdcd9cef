"""A namespace is being deleted and does not come to an end: what remains in it, or what it waits for."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line

_WHY = (
    "NamespaceFinalizersRemaining",
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionGroupVersionParsingFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
)
"""In the order of what to look at first: content remains because of finalizers, or because an API does not answer."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each namespace with workloads that is Terminating."""
    for namespace in case.evidence.of(kinds.NAMESPACE):
        if fields.text(namespace, "status", "phase") != "Terminating":
            continue
        conditions = fields.items(namespace, "status", "conditions")
        holding = [
            (n, c)
            for type_ in _WHY
            for n, c in enumerate(conditions)
            if c.get("type") == type_ and c.get("status") == "True"
        ]
        name = fields.name(namespace)
        reason = clean_line(fields.text(holding[0][1], "message"))[:256] if holding else ""
        here = [w for w in case.workloads if fields.namespace(w.object) == name]
        yield Finding(
            cause=Cause.NAMESPACE_TERMINATING,
            object=target_of(namespace),
            confidence=(84 if holding else 66) if here or case.evidence.namespace in (None, name) else 44,
            summary=clean_line(f"namespace {name} is being deleted: {reason or 'nothing says what it waits for'}")[
                :1000
            ],
            evidence=(
                citing.of_object(namespace, "status.phase"),
                *(citing.of_object(namespace, f"status.conditions[{n}].message") for n, _ in holding[:3]),
            ),
            facts={"reason": reason} if reason else {},
            about=frozenset({reference(namespace), *(w.ref for w in here)}),
        )
