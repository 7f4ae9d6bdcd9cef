"""A NetworkPolicy keeps a caller from a Service whose pods are well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.labels import matches
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each policy and pair that it separates, when the caller complains."""
    if not case.evidence.of(kinds.NETWORK_POLICY):
        return
    for service in case.evidence.of(kinds.SERVICE):
        behind = case.topology.pods_of(service)
        if not behind or not endpoints.ready(case, service):
            continue
        for caller, complaint in case.complaints_about.get(reference(service), ()):
            for pod in caller.living[:1]:
                for policy, direction in _between(case, pod, behind[0]):
                    said = citing.of_log(complaint.log, complaint.line)
                    yield _finding(case, policy, direction, caller, service, said)


def _between(case: Case, caller: Object, callee: Object) -> Iterator[tuple[Object, str]]:
    """A policy that applies on either side, when no policy of that side lets the other in or out."""
    for subject, other, direction, key in ((callee, caller, "Ingress", "from"), (caller, callee, "Egress", "to")):
        applied = [p for p in case.evidence.of(kinds.NETWORK_POLICY) if _applies(p, subject, direction)]
        if applied and not any(_admits(case, p, other, direction, key) for p in applied):
            yield applied[0], direction


def _applies(policy: Object, pod: Object, direction: str) -> bool:
    types = fields.words(policy, "spec", "policyTypes") or ["Ingress"]
    same = fields.namespace(policy) == fields.namespace(pod)
    return same and direction in types and _matches(fields.mapping(policy, "spec", "podSelector"), pod)


def _matches(selector: dict[str, Any], obj: Object) -> bool:
    return matches(selector, fields.strings(obj, "metadata", "labels"))


def _admits(case: Case, policy: Object, other: Object, direction: str, key: str) -> bool:
    """Ports are not looked at: a rule for another port is taken for one that admits, so as not to accuse wrongly."""
    for rule in fields.items(policy, "spec", direction.lower()):
        peers = fields.items(rule, key)
        if not peers or any(_peer(case, policy, peer, other) for peer in peers):
            return True
    return False


def _peer(case: Case, policy: Object, peer: dict[str, Any], other: Object) -> bool:
    if "ipBlock" in peer:
        return True
    if "namespaceSelector" in peer:
        namespace = case.find(kinds.NAMESPACE, "", fields.namespace(other))
        if namespace is not None and not _matches(fields.mapping(peer, "namespaceSelector"), namespace):
            return False
    elif fields.namespace(policy) != fields.namespace(other):
        return False
    return "podSelector" not in peer or _matches(fields.mapping(peer, "podSelector"), other)


def _finding(case: Case, policy: Object, direction: str, caller: Workload, service: Object, said: Citation) -> Finding:
    name = fields.name(policy)
    return Finding(
        cause=Cause.NETWORK_POLICY_BLOCKS,
        object=target_of(policy),
        confidence=88,
        summary=f"NetworkPolicy {name} does not let {caller.ref} reach Service {fields.name(service)} ({direction})",
        evidence=(citing.of_object(policy, "spec"), said, *endpoints.cited(case, service)[:1]),
        facts={
            "networkPolicy": name,
            "direction": direction,
            "dependency": fields.name(service),
            "dependent": f"{caller.kind}/{fields.name(caller.object)}"[:256],
        },
        about=frozenset({reference(policy), caller.ref, reference(service)}),
    )
