"""Where a pod may run, as far as the pod itself decides: its node selector, its required node affinity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from incident_agents.diagnosis.labels import holds
from incident_commander.evidence import fields
from incident_commander.ports import Object

_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def is_control_plane(node: Object) -> bool:
    """By the labels that installers put: kubeadm's roles, or ``kubernetes.io/role``."""
    labels = fields.strings(node, "metadata", "labels")
    return any(role in labels for role in _CONTROL_PLANE) or labels.get("kubernetes.io/role") in (
        "master",
        "control-plane",
    )


def labels_of(node: Object) -> dict[str, str]:
    """The node's labels. Its name stands in for a host name label that was lost: the pod means that node."""
    return {"kubernetes.io/hostname": fields.name(node)} | fields.strings(node, "metadata", "labels")


def selected(pod: Object, node: Object) -> bool:
    """Whether the node has every label of ``spec.nodeSelector``."""
    labels = labels_of(node)
    return all(labels.get(key) == value for key, value in fields.strings(pod, "spec", "nodeSelector").items())


def required_terms(pod: Object) -> list[dict[str, Any]]:
    """Terms of the required node affinity; one of them must hold. None: no such requirement."""
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    return fields.items(pod, "spec", "affinity", "nodeAffinity", required, "nodeSelectorTerms")


def liked(pod: Object, node: Object) -> bool:
    """Whether the node meets the required node affinity."""
    terms = required_terms(pod)
    return not terms or any(meets(term, node) for term in terms)


def allowed(pod: Object, nodes: Sequence[Object]) -> list[Object]:
    """The nodes that the pod itself would accept."""
    return [n for n in nodes if selected(pod, n) and liked(pod, n)]


def meets(term: dict[str, Any], node: Object) -> bool:
    """Whether the node meets one term of a node selector."""
    labels = labels_of(node)
    wanted = fields.items(term, "matchExpressions")
    names = fields.items(term, "matchFields")
    if not wanted and not names:
        return False
    named = {"metadata.name": fields.name(node)}
    return all(holds(e, labels) for e in wanted) and all(holds(e, named) for e in names)


def tolerates(pod: Object, taint: dict[str, Any]) -> bool:
    """Whether one of the pod's tolerations covers the taint."""
    for toleration in fields.items(pod, "spec", "tolerations"):
        key, effect = fields.text(toleration, "key"), fields.text(toleration, "effect")
        if effect and effect != taint.get("effect"):
            continue
        exists = fields.text(toleration, "operator") == "Exists"
        if (not key and exists) or (
            key == taint.get("key") and (exists or fields.text(toleration, "value") == fields.text(taint, "value"))
        ):
            return True
    return False


def untolerated(pod: Object, node: Object) -> list[str]:
    """Keys of the node's taints that keep the pod away."""
    return [
        fields.text(taint, "key")
        for taint in fields.items(node, "spec", "taints")
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not tolerates(pod, taint)
    ]
