"""How kinds differ for the API server (``strategy.go`` of each registry): status, generation, QoS."""

from __future__ import annotations

from typing import Any

from incident_commander.api.kinds import DEPLOYMENT, JOB, Kind
from incident_commander.api.names import GROUP
from incident_commander.ports import Object, Propagation
from incident_commander.rehearsal.objects import annotations_of, dig

_GENERATION = frozenset(
    {
        "pods",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
        "poddisruptionbudgets.policy",
        "ingresses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "endpointslices.discovery.k8s.io",
    }
)
_STATUS = frozenset(
    {
        "pods",
        "services",
        "nodes",
        "namespaces",
        "persistentvolumes",
        "persistentvolumeclaims",
        "resourcequotas",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
        "horizontalpodautoscalers.autoscaling",
        "poddisruptionbudgets.policy",
        "ingresses.networking.k8s.io",
        f"incidents.{GROUP}",
        f"remediationpolicies.{GROUP}",
        f"agents.{GROUP}",
    }
)


def counts_generation(kind: Kind) -> bool:
    """Whether ``metadata.generation`` is kept: 1 at creation, raised by every change of the content."""
    return kind.resource in _GENERATION or kind.group == GROUP


def has_status(kind: Kind) -> bool:
    """Whether ``status`` is a subresource: only written through it, and never with anything else."""
    return kind.resource in _STATUS


def content(kind: Kind, obj: Object) -> dict[str, Any]:
    """What the generation counts: all but metadata and status; of a Deployment also its annotations."""
    counted = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    if kind == DEPLOYMENT:
        counted["annotations"] = annotations_of(obj)
    return counted


def default_propagation(kind: Kind) -> Propagation:
    """What a delete without a word about it does: Jobs leave their pods behind, as they always did."""
    return Propagation.ORPHAN if kind == JOB else Propagation.BACKGROUND


def qos_class(pod: Object) -> str:
    """Guaranteed, Burstable or BestEffort, from requests and limits."""
    containers = [container.get("resources") or {} for container in dig(pod, "spec", "containers") or []]
    if not any(resources.get("limits") or resources.get("requests") for resources in containers):
        return "BestEffort"
    guaranteed = all(
        set(resources.get("limits") or {}) >= {"cpu", "memory"} and resources.get("limits") == resources.get("requests")
        for resources in containers
    )
    return "Guaranteed" if guaranteed else "Burstable"
