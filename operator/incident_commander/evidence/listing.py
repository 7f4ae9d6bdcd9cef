"""Which lists are asked for: the namespace's own, and the few elsewhere that its workloads live on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.evidence import fields, pods
from incident_commander.ports import Object

SYSTEM = "kube-system"

_EVENTS_OF_NODES_IN = "default"
"""The kubelet and the node controller write events about nodes there."""

_LEASES_IN = (SYSTEM, "kube-node-lease")
"""Who of the control plane leads and lives, and when each node last said that it does."""

_DNS = "k8s-app in (kube-dns,coredns)"
_CONTROL_PLANE = "tier=control-plane"
_OF_EACH_NODE = "k8s-app in (kube-proxy,calico-node,canal,cilium,flannel,kube-router,weave-net)"
_NODES = 4
"""Nodes whose kube-proxy and network plugin are looked at: there may be thousands."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list. ``labels`` and ``fields`` are selectors in kubectl's syntax."""

    kind: Kind
    namespace: str | None
    labels: str | None = None
    fields: str | None = None

    def __str__(self) -> str:
        selected = self.labels or self.fields
        where = f" in {self.namespace}" if self.namespace is not None else ""
        return f"{self.kind.resource}{where}{f' ({selected})' if selected else ''}"


def listings(kind: Kind, namespace: str | None, target: TargetRef | None, *, system: bool) -> list[Listing]:
    """The lists that together are the objects of a kind. ``namespace`` None: of all namespaces.

    ``system``: with the cluster's DNS and its control plane, as far as they run as pods of kube-system.
    """
    if not kind.namespaced:
        return [Listing(kind, None)]
    if kind == kinds.POD and target is not None and target.kind == "Node":
        return [Listing(kind, None, fields=f"spec.nodeName={target.name}")]
    if namespace is None:
        return [Listing(kind, None)]
    if kind == kinds.LEASE:
        return [Listing(kind, place) for place in _LEASES_IN]
    found = [Listing(kind, namespace)]
    if kind == kinds.EVENT and namespace != _EVENTS_OF_NODES_IN:
        found.append(Listing(kind, _EVENTS_OF_NODES_IN, fields="involvedObject.kind=Node"))
    if system and namespace != SYSTEM and kind in (kinds.POD, kinds.DEPLOYMENT):
        found.append(Listing(kind, SYSTEM, labels=_DNS))
        if kind == kinds.POD:
            found.append(Listing(kind, SYSTEM, labels=_CONTROL_PLANE))
    return found


def of_nodes(found: Sequence[Object], namespace: str | None) -> list[Listing]:
    """kube-proxy and the network plugin on the nodes of these pods, first where pods are not ready."""
    if namespace in (None, SYSTEM):
        return []
    here = [p for p in found if fields.namespace(p) == namespace]
    names = dict.fromkeys(fields.text(p, "spec", "nodeName") for p in sorted(here, key=pods.ready))
    return [
        Listing(kinds.POD, SYSTEM, _OF_EACH_NODE, f"spec.nodeName={name}") for name in [n for n in names if n][:_NODES]
    ]
