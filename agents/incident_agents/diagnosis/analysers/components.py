"""A component of a node or of the control plane does not work: kubelet, runtime, kube-proxy, CNI, scheduler, etcd.

Told by what systemd or the component's own pod says, by the reason and the message of the node's Ready condition,
and by the words of the kubelet when it cannot talk to the runtime or the network plugin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_agents.diagnosis.analysers.nodes import known, on_node, touched
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.units import stopped
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_UNITS = {
    "kubelet": Cause.KUBELET_DOWN,
    "k3s-agent": Cause.KUBELET_DOWN,
    "rke2-agent": Cause.KUBELET_DOWN,
    "containerd": Cause.CONTAINER_RUNTIME_DOWN,
    "crio": Cause.CONTAINER_RUNTIME_DOWN,
    "cri-o": Cause.CONTAINER_RUNTIME_DOWN,
    "cri-docker": Cause.CONTAINER_RUNTIME_DOWN,
    "docker": Cause.CONTAINER_RUNTIME_DOWN,
    "kube-proxy": Cause.KUBE_PROXY_DOWN,
    "kube-scheduler": Cause.SCHEDULER_DOWN,
    "kube-apiserver": Cause.CONTROL_PLANE_DOWN,
    "kube-controller-manager": Cause.CONTROL_PLANE_DOWN,
    "etcd": Cause.CONTROL_PLANE_DOWN,
    "flanneld": Cause.NETWORK_PLUGIN_DOWN,
    "calico-node": Cause.NETWORK_PLUGIN_DOWN,
}
_LABELS = ("component", "k8s-app", "app.kubernetes.io/name", "app")
_PODS = _UNITS | {
    "flannel": Cause.NETWORK_PLUGIN_DOWN,
    "kube-flannel": Cause.NETWORK_PLUGIN_DOWN,
    "cilium": Cause.NETWORK_PLUGIN_DOWN,
    "kube-router": Cause.NETWORK_PLUGIN_DOWN,
    "weave-net": Cause.NETWORK_PLUGIN_DOWN,
}
_SAY = {
    Cause.KUBELET_DOWN: "the kubelet",
    Cause.CONTAINER_RUNTIME_DOWN: "the container runtime",
    Cause.KUBE_PROXY_DOWN: "kube-proxy",
    Cause.NETWORK_PLUGIN_DOWN: "the network plugin",
    Cause.SCHEDULER_DOWN: "the scheduler",
    Cause.CONTROL_PLANE_DOWN: "a part of the control plane",
    Cause.NODE_CLOCK_SKEWED: "the clock",
}
_RUNTIME = re.compile(
    r"(?:containerd|crio|cri-dockerd|dockershim|docker)\.sock|container runtime is (?:down|not (?:running|ready))"
    r"|failed to connect to the runtime|PLEG is not healthy|runtime service is not (?:running|ready)",
    re.IGNORECASE,
)
_CNI = re.compile(
    r"cni (?:plugin|config) (?:not initialized|uninitialized)|network plugin (?:is not ready|returns error)"
    r"|failed to set ?up network for sandbox|NetworkPluginNotReady|runtime network not ready",
    re.IGNORECASE,
)
_CLOCKS = ("NTPProblem", "ClockSkew", "ClockUnsynchronised", "ClockNotSynchronised")
_STALE = timedelta(seconds=40)
"""Node leases are renewed every 10 s; the node controller gives a node up after 40 s (50 s since 1.32)."""


@dataclass(frozen=True, slots=True)
class _Sign:
    node: Object
    cause: Cause
    confidence: int
    words: str
    evidence: tuple[Citation, ...]


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each node and component, of the surest sign."""
    best: dict[tuple[str, Cause], list[_Sign]] = {}
    for sign in (*_by_unit(case), *_by_pod(case), *_by_words(case), *_by_lease(case)):
        best.setdefault((fields.name(sign.node), sign.cause), []).append(sign)
    for signs in best.values():
        signs.sort(key=lambda s: -s.confidence)
        yield _finding(case, signs)


def _finding(case: Case, signs: list[_Sign]) -> Finding:
    top = signs[0]
    node, name = top.node, fields.name(top.node)
    facts = {"node": name, "reason": clean_line(top.words)[:256]}
    if top.cause is Cause.CONTROL_PLANE_DOWN:
        facts["component"] = clean_line(top.words.split(" ", 1)[0])[:256]
    about = touched(case, node) if top.cause is not Cause.SCHEDULER_DOWN else frozenset({reference(node)})
    return Finding(
        cause=top.cause,
        object=target_of(node),
        confidence=min(97, top.confidence + (2 if len(signs) > 1 else 0)),
        summary=clean_line(f"{_SAY[top.cause]} on node {name} does not work: {top.words}")[:1000],
        evidence=tuple(dict.fromkeys(c for s in signs for c in s.evidence)),
        facts=facts,
        about=about,
    )


def _by_unit(case: Case) -> Iterator[_Sign]:
    for unit in stopped(case):
        cause = _UNITS.get(unit.name)
        if cause is not None:
            yield _Sign(unit.node, cause, 95, f"{unit.name}.service is {unit.state}", unit.cited)


def _by_pod(case: Case) -> Iterator[_Sign]:
    """Components that run as pods. A recording may know of them no more than name and node."""
    for pod in case.evidence.of(kinds.POD):
        labels = fields.strings(pod, "metadata", "labels")
        cause = next((_PODS[labels[key]] for key in _LABELS if labels.get(key) in _PODS), None)
        if cause is None or fields.namespace(pod) not in ("kube-system", "kube-flannel", "calico-system"):
            continue
        troubles = pods.troubles(pod)
        node = case.find(kinds.NODE, "", fields.text(pod, "spec", "nodeName"))
        if node is None or not troubles or pods.terminating(pod):
            continue
        words = f"{fields.name(pod)}: {troubles[0].reason}"
        yield _Sign(node, cause, 88, words, (citing.of_object(pod, "status.containerStatuses"),))


def _by_words(case: Case) -> Iterator[_Sign]:
    """What the kubelet says about runtime, network plugin and clock, on nodes that are not well now."""
    for node in known(case):
        conditions = fields.items(node, "status", "conditions")
        for n, condition in enumerate(conditions):
            if condition.get("type") in _CLOCKS and condition.get("status") == "True":
                cited = (citing.of_object(node, f"status.conditions[{n}].status"),)
                yield _Sign(node, Cause.NODE_CLOCK_SKEWED, 84, str(condition.get("type")), cited)
        ready = fields.condition(node, "Ready")
        broken = bool(ready) and fields.text(ready, "status") != "True"
        said = [(fields.text(e, "message"), citing.of_event(e)) for e in _words(case, node)]
        if broken and fields.text(ready, "message"):
            at = conditions.index(ready)
            said.insert(0, (fields.text(ready, "message"), citing.of_object(node, f"status.conditions[{at}].message")))
        for cause, pattern in ((Cause.CONTAINER_RUNTIME_DOWN, _RUNTIME), (Cause.NETWORK_PLUGIN_DOWN, _CNI)):
            found = [(text, cited) for text, cited in said if pattern.search(text)]
            unread = not ready and not conditions
            if found and (broken or unread or len(found) > 1):
                words = clean_line(found[0][0])[:200]
                sure = 92 if broken else 82 if unread else 70
                yield _Sign(node, cause, sure, words, tuple(c for _, c in found[:4]))


def _words(case: Case, node: Object) -> Iterator[Object]:
    """Warnings about the node, and about those of its pods that are still waiting to start."""
    if fields.condition(node, "Ready").get("status") != "True":
        yield from case.events(node, "ContainerGCFailed", "ImageGCFailed", "KubeletNotReady")
    for pod in on_node(case, node):
        if pods.phase(pod) == "Pending" and not pods.terminating(pod):
            yield from case.events(pod, "FailedCreatePodSandBox", "FailedKillPod")[:1]


def _by_lease(case: Case) -> Iterator[_Sign]:
    """A kubelet that stopped to renew its lease, before the node controller has noticed."""
    renewed: dict[str, tuple[datetime, Object]] = {}
    for lease in case.evidence.of(kinds.LEASE):
        at = fields.moment(lease, "spec", "renewTime")
        if fields.namespace(lease) == "kube-node-lease" and at is not None:
            renewed[fields.name(lease)] = (at, lease)
    newest = max((at for at, _ in renewed.values()), default=None)
    for node in case.evidence.of(kinds.NODE):
        own = renewed.get(fields.name(node))
        if own is None or newest is None or newest - own[0] < _STALE:
            continue
        if fields.condition(node, "Ready").get("status") != "True":
            continue  # noticed: the node is lost, and whether its kubelet, machine or network is, is not told
        words = f"its lease was last renewed {int((newest - own[0]).total_seconds())} s before those of other nodes"
        cited = (citing.of_object(own[1], "spec.renewTime"),)
        yield _Sign(node, Cause.KUBELET_DOWN, 70, words, cited)
