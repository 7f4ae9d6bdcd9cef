"""A NetworkPolicy keeps a caller from a Service whose pods are well, or from the cluster's DNS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.labels import matches
from incident_agents.diagnosis.probing import number_of
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
    yield from _without_names(case)
    for service in case.evidence.of(kinds.SERVICE):
        behind = case.topology.pods_of(service)
        if not behind or not endpoints.ready(case, service):
            continue
        for caller, complaint in case.complaints_about.get(reference(service), ()):
            for pod in caller.living[:1]:
                for policy, direction in _between(case, pod, behind[0], _targets(service, behind[0])):
                    said = citing.of_log(complaint.log, complaint.line)
                    yield _finding(case, policy, direction, caller, service, said)


def _without_names(case: Case) -> Iterator[Finding]:
    """Names do not resolve for a workload that no policy lets out to port 53: the most frequent gap of egress rules."""
    resolver = {"metadata": {"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}}
    for workload in case.workloads:
        unresolved = [c for c in case.complaints[workload.ref] if c.of_name]
        for pod in workload.living[:1] if unresolved else ():
            applied = [p for p in case.evidence.of(kinds.NETWORK_POLICY) if _applies(p, pod, "Egress")]
            if applied and not any(_admits(case, p, resolver, "Egress", "to", frozenset({53})) for p in applied):
                said = citing.of_log(unresolved[-1].log, unresolved[-1].line)
                yield _finding(case, applied[0], "Egress", workload, None, said)


def _targets(service: Object, pod: Object) -> frozenset[int]:
    """The ports of a pod that a Service sends to; empty when that cannot be told."""
    found = {
        number
        for part in fields.items(service, "spec", "ports")
        for spec in fields.items(pod, "spec", "containers")
        if (number := number_of(spec, part.get("targetPort") or part.get("port"))) is not None
    }
    return frozenset(found)


def _between(case: Case, caller: Object, callee: Object, ports: frozenset[int]) -> Iterator[tuple[Object, str]]:
    """A policy that applies on either side, when no policy of that side lets the other in or out."""
    for subject, other, direction, key in ((callee, caller, "Ingress", "from"), (caller, callee, "Egress", "to")):
        applied = [p for p in case.evidence.of(kinds.NETWORK_POLICY) if _applies(p, subject, direction)]
        if applied and not any(_admits(case, p, other, direction, key, ports) for p in applied):
            yield applied[0], direction


def _applies(policy: Object, pod: Object, direction: str) -> bool:
    types = fields.words(policy, "spec", "policyTypes") or ["Ingress"]
    same = fields.namespace(policy) == fields.namespace(pod)
    return same and direction in types and _matches(fields.mapping(policy, "spec", "podSelector"), pod)


def _matches(selector: dict[str, Any], obj: Object) -> bool:
    return matches(selector, fields.strings(obj, "metadata", "labels"))


def _admits(case: Case, policy: Object, other: Object, direction: str, key: str, ports: frozenset[int]) -> bool:
    """A port that is named, not numbered, is taken for the right one, so as not to accuse wrongly."""
    for rule in fields.items(policy, "spec", direction.lower()):
        if not _any_port(rule, ports):
            continue
        peers = fields.items(rule, key)
        if not peers or any(_peer(case, policy, peer, other) for peer in peers):
            return True
    return False


def _any_port(rule: dict[str, Any], wanted: frozenset[int]) -> bool:
    allowed = fields.items(rule, "ports")
    if not allowed or not wanted:
        return True
    for entry in allowed:
        first = fields.integer(entry, "port")
        last = fields.integer(entry, "endPort") or first
        if first is None or last is None or any(first <= port <= last for port in wanted):
            return True
    return False


def _peer(case: Case, policy: Object, peer: dict[str, Any], other: Object) -> bool:
    if "ipBlock" in peer:
        return True
    if "namespaceSelector" in peer:
        namespace = case.find(kinds.NAMESPACE, "", fields.namespace(other))
        known = namespace or {"metadata": {"labels": {"kubernetes.io/metadata.name": fields.namespace(other)}}}
        if not _matches(fields.mapping(peer, "namespaceSelector"), known) and (namespace is not None or _by_name(peer)):
            return False
    elif fields.namespace(policy) != fields.namespace(other):
        return False
    return "podSelector" not in peer or _matches(fields.mapping(peer, "podSelector"), other)


def _by_name(peer: dict[str, Any]) -> bool:
    """Whether a namespace is selected by nothing but its name, which needs no reading of its labels."""
    selector = fields.mapping(peer, "namespaceSelector")
    keys = {
        *fields.strings(selector, "matchLabels"),
        *(e.get("key") for e in fields.items(selector, "matchExpressions")),
    }
    return keys == {"kubernetes.io/metadata.name"}


def _finding(
    case: Case, policy: Object, direction: str, caller: Workload, service: Object | None, said: Citation
) -> Finding:
    """``service`` None: the cluster's DNS."""
    name, dependency = fields.name(policy), fields.name(service) if service is not None else "kube-dns"
    return Finding(
        cause=Cause.NETWORK_POLICY_BLOCKS,
        object=target_of(policy),
        confidence=88,
        summary=f"NetworkPolicy {name} does not let {caller.ref} reach Service {dependency} ({direction})",
        evidence=(
            citing.of_object(policy, "spec"),
            said,
            *(endpoints.cited(case, service)[:1] if service is not None else ()),
        ),
        facts={
            "networkPolicy": name,
            "direction": direction,
            "dependency": dependency,
            "dependent": f"{caller.kind}/{fields.name(caller.object)}"[:256],
        },
        about=frozenset({reference(policy), caller.ref, *([reference(service)] if service is not None else [])}),
    )
