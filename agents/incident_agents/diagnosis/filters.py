"""The scheduler's filters over again, from the objects alone: for when its own words were not kept.

In the order of the default profile; of each node the first filter that it fails counts, in the scheduler's words. What
cannot be known (pods that were not read, limits of storage drivers, images) lets a node pass, so an answer that no
node passes is certain, and a node that passes may still have been refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from incident_agents.diagnosis import placement
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.labels import matches
from incident_agents.diagnosis.scheduler_words import CORDONED, Reason, reason_of
from incident_commander.api import kinds
from incident_commander.evidence import fields, pods
from incident_commander.evidence.owners import claims_of
from incident_commander.ports import Object

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Filtered:
    """``passed``: names of the nodes that fail no filter, as far as can be known."""

    reasons: tuple[Reason, ...]
    passed: tuple[str, ...]


def filtered(case: Case, pod: Object) -> Filtered:
    """Why a pod finds no node."""
    nodes = case.evidence.of(kinds.NODE)
    if (claim := _claim(case, pod)) is not None:
        return Filtered((claim,), ())
    placed = _placed(case)
    said: Counter[str] = Counter()
    passed = []
    for node in nodes:
        why = next(_refusals(case, pod, node, nodes, placed), "")
        if why:
            said[why] += 1
        else:
            passed.append(fields.name(node))
    found = (reason_of(why, count) for why, count in said.most_common())
    return Filtered(tuple(r for r in found if r is not None), tuple(passed))


def _claim(case: Case, pod: Object) -> Reason | None:
    """A claim that is missing, or that must be bound before a node is looked for and is not."""
    place = fields.namespace(pod)
    for name in claims_of(pod) if case.evidence.asked(kinds.PERSISTENT_VOLUME_CLAIM) else ():
        claim = case.find(kinds.PERSISTENT_VOLUME_CLAIM, place, name)
        if claim is None:
            return reason_of(f'persistentvolumeclaim "{name}" not found', 0)
        class_ = case.find(kinds.STORAGE_CLASS, "", fields.text(claim, "spec", "storageClassName"))
        waits = fields.text(class_, "volumeBindingMode") == "WaitForFirstConsumer"
        if fields.text(claim, "status", "phase") == "Pending" and not waits:
            return reason_of("pod has unbound immediate PersistentVolumeClaims", 0)
    return None


def _placed(case: Case) -> Mapping[str, Sequence[Object]]:
    """Pods by node, those that have ended left out."""

    def by_node() -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for pod in case.evidence.of(kinds.POD):
            if fields.text(pod, "spec", "nodeName") and not pods.finished(pod):
                found.setdefault(fields.text(pod, "spec", "nodeName"), []).append(pod)
        return found

    return case.once("pods by node", by_node)


def _refusals(
    case: Case, pod: Object, node: Object, nodes: Sequence[Object], placed: Mapping[str, Sequence[Object]]
) -> Iterator[str]:
    here = placed.get(fields.name(node), ())
    cordon = {"key": CORDONED, "effect": "NoSchedule"}
    if fields.flag(node, "spec", "unschedulable") and not placement.tolerates(pod, cordon):
        yield "node(s) were unschedulable"
    for taint in fields.items(node, "spec", "taints"):
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not placement.tolerates(pod, taint):
            yield f"node(s) had untolerated taint {{{fields.text(taint, 'key')}: {fields.text(taint, 'value')}}}"
    if not (placement.selected(pod, node) and placement.liked(pod, node)):
        yield "node(s) didn't match Pod's node affinity/selector"
    if host_ports(pod) & {port for other in here for port in host_ports(other)}:
        yield "node(s) didn't have free ports for the requested pod ports"
    yield from _resources(case, pod, node, here)
    if not _reachable(case, pod, node):
        yield "node(s) had volume node affinity conflict"
    yield from _spread(pod, node, nodes, placed)
    yield from _affinity(case, pod, node, nodes, placed)


def host_ports(pod: Object) -> set[tuple[str, int]]:
    """Protocol and number of the ports that a pod takes on its node."""
    on_host = fields.flag(pod, "spec", "hostNetwork") is True
    found = set()
    for spec in fields.items(pod, "spec", "containers"):
        for port in fields.items(spec, "ports"):
            number = fields.integer(port, "hostPort") or (fields.integer(port, "containerPort") if on_host else None)
            if number:
                found.add((fields.text(port, "protocol") or "TCP", number))
    return found


def requested(pod: Object, resource: str) -> Decimal:
    """What the scheduler counts: the containers' sum or the largest init container, and the overhead."""
    whole = fields.quantity(pod, "spec", "resources", "requests", resource)
    total = first = Decimal(0)
    for container in pods.containers(pod):
        own = fields.mapping(container.spec, "resources")
        # Without a request the limit counts: the API server writes it there.
        wanted = fields.quantity(own, "requests", resource) or fields.quantity(own, "limits", resource) or Decimal(0)
        if container.init and fields.text(container.spec, "restartPolicy") != "Always":
            first = max(first, wanted)
        else:
            total += wanted
    overhead = fields.quantity(pod, "spec", "overhead", resource) or Decimal(0)
    return (whole if whole is not None else max(total, first)) + overhead


def _left(case: Case, node: Object, here: Sequence[Object], resource: str) -> Decimal | None:
    return case.once(("left", fields.name(node), resource), lambda: free(node, here, resource))


def free(node: Object, here: Sequence[Object], resource: str) -> Decimal | None:
    """What is left of a resource by the pods that are known; None when the node does not say what it has."""
    room = fields.mapping(node, "status", "allocatable") or fields.mapping(node, "status", "capacity")
    if not room:
        return None
    if resource == "pods":
        held = fields.quantity(room, "pods")
        return held - len(here) if held is not None else None
    return (fields.quantity(room, resource) or Decimal(0)) - sum((requested(p, resource) for p in here), Decimal(0))


def wanted(pod: Object) -> set[str]:
    """Resources that a pod asks for."""
    parts = [
        fields.mapping(pod, "spec", "resources"),
        *(fields.mapping(c.spec, "resources") for c in pods.containers(pod)),
    ]
    return {name for part in parts for key in ("requests", "limits") for name in fields.mapping(part, key)}


def tightest(case: Case, pod: Object, nodes: Sequence[Object]) -> str:
    """Of what the pod asks for, what these nodes have least left of in proportion; empty when that is not known."""
    placed = _placed(case)
    found: dict[str, Decimal] = {}
    for resource in wanted(pod):
        left = [_left(case, n, placed.get(fields.name(n), ()), resource) for n in nodes]
        most = max((room for room in left if room is not None), default=Decimal(0))
        if most > 0:
            found[resource] = requested(pod, resource) / most
    return max(sorted(found), key=lambda r: found[r], default="")


def _resources(case: Case, pod: Object, node: Object, here: Sequence[Object]) -> Iterator[str]:
    slots = _left(case, node, here, "pods")
    if slots is not None and slots < 1:
        yield "Too many pods"
    for resource in sorted(wanted(pod)):
        left = _left(case, node, here, resource)
        if left is not None and requested(pod, resource) > max(left, Decimal(0)):
            yield f"Insufficient {resource}"


def _reachable(case: Case, pod: Object, node: Object) -> bool:
    """Whether the volumes of the pod's bound claims can be used on the node."""
    for name in claims_of(pod):
        claim = case.find(kinds.PERSISTENT_VOLUME_CLAIM, fields.namespace(pod), name)
        volume = case.find(kinds.PERSISTENT_VOLUME, "", fields.text(claim, "spec", "volumeName"))
        terms = fields.items(volume, "spec", "nodeAffinity", "required", "nodeSelectorTerms")
        if terms and not any(placement.meets(term, node) for term in terms):
            return False
    return True


def _domain(node: Object, key: str) -> str | None:
    return placement.labels_of(node).get(key)


def _spread(
    pod: Object, node: Object, nodes: Sequence[Object], placed: Mapping[str, Sequence[Object]]
) -> Iterator[str]:
    labels = fields.strings(pod, "metadata", "labels")
    for rule in fields.items(pod, "spec", "topologySpreadConstraints"):
        key = fields.text(rule, "topologyKey")
        if fields.text(rule, "whenUnsatisfiable") == "ScheduleAnyway":
            continue
        if _domain(node, key) is None:
            yield "node(s) didn't match pod topology spread constraints (missing required label)"
            continue
        counts: Counter[str] = Counter()
        for other in placement.allowed(pod, nodes):
            if (domain := _domain(other, key)) is not None:
                counts[domain] += sum(_chosen(rule, pod, p) for p in placed.get(fields.name(other), ()))
        own = counts.get(_domain(node, key) or "", 0) + matches(fields.mapping(rule, "labelSelector"), labels)
        if own - min(counts.values(), default=0) > (fields.integer(rule, "maxSkew") or 1):
            yield "node(s) didn't match pod topology spread constraints"


def _chosen(rule: dict[str, Any], pod: Object, other: Object) -> bool:
    """Whether a rule of ``pod`` counts another pod."""
    spaces = fields.words(rule, "namespaces") or [fields.namespace(pod)]
    selector = fields.mapping(rule, "labelSelector")
    any_space = isinstance(rule.get("namespaceSelector"), dict)
    return (
        bool(selector)
        and (any_space or fields.namespace(other) in spaces)
        and matches(selector, fields.strings(other, "metadata", "labels"))
    )


def _affinity(
    case: Case, pod: Object, node: Object, nodes: Sequence[Object], placed: Mapping[str, Sequence[Object]]
) -> Iterator[str]:
    """Between pods: what the pod demands, and what the pods that are there demand of it."""
    for rule in fields.items(pod, "spec", "affinity", "podAffinity", _REQUIRED):
        near = _there(rule, node, nodes, placed)
        first = matches(fields.mapping(rule, "labelSelector"), fields.strings(pod, "metadata", "labels"))
        alone = not any(_chosen(rule, pod, p) for group in placed.values() for p in group)
        if not any(_chosen(rule, pod, p) for p in near) and not (first and alone):
            yield "node(s) didn't match pod affinity rules"
    for rule in fields.items(pod, "spec", "affinity", "podAntiAffinity", _REQUIRED):
        if any(_chosen(rule, pod, p) for p in _there(rule, node, nodes, placed)):
            yield "node(s) didn't match pod anti-affinity rules"
    for other, other_node, rule in case.once("required anti-affinity", lambda: list(_kept_apart(nodes, placed))):
        key = fields.text(rule, "topologyKey")
        same = _domain(node, key) is not None and _domain(node, key) == _domain(other_node, key)
        if same and _chosen(rule, other, pod):
            yield "node(s) didn't satisfy existing pods anti-affinity rules"


def _kept_apart(
    nodes: Sequence[Object], placed: Mapping[str, Sequence[Object]]
) -> Iterator[tuple[Object, Object, dict[str, Any]]]:
    """Each pod that is there and wants others away, where it is, and whom."""
    for node in nodes:
        for pod in placed.get(fields.name(node), ()):
            for rule in fields.items(pod, "spec", "affinity", "podAntiAffinity", _REQUIRED):
                yield pod, node, rule


def _there(
    rule: dict[str, Any], node: Object, nodes: Sequence[Object], placed: Mapping[str, Sequence[Object]]
) -> list[Object]:
    """Pods in the same topology domain as the node."""
    key = fields.text(rule, "topologyKey")
    domain = _domain(node, key)
    here = [n for n in nodes if domain is not None and _domain(n, key) == domain]
    return [p for n in here for p in placed.get(fields.name(n), ())]
