"""Which rights each identity must have, and must not have. Says what deploy/rbac grants, in few lines of each."""

from __future__ import annotations

from collections.abc import Sequence

from incident_commander.api.names import ROLES
from incident_commander.cli.doctor.facts import Right

SETUP = "setup"
INSTALLING: tuple[tuple[str, str], ...] = (
    ("create", "customresourcedefinitions.apiextensions.k8s.io"),
    ("create", "clusterroles.rbac.authorization.k8s.io"),
    ("escalate", "clusterroles.rbac.authorization.k8s.io"),
    ("create", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    ("create", "namespaces"),
    ("create", "deployments.apps"),
    ("create", "secrets"),
)
"""What whoever installs must be allowed to do; a cluster-admin is."""

_NEEDED: dict[str, tuple[tuple[str, str], ...]] = {
    "gateway": (
        ("create", "incidents.incidentcommander.io"),
        ("patch", "incidents.incidentcommander.io"),
        ("create", "tokenreviews.authentication.k8s.io"),
        ("create", "subjectaccessreviews.authorization.k8s.io"),
    ),
    "coordinator": (
        ("patch", "incidents.incidentcommander.io/status"),
        ("patch", "agents.incidentcommander.io/status"),
        ("list", "pods"),
    ),
    "executor": (("patch", "incidents.incidentcommander.io/status"), ("list", "pods")),
    "agent": (("patch", "incidents.incidentcommander.io"), ("list", "agents.incidentcommander.io")),
}
_FORBIDDEN: dict[str, tuple[tuple[str, str], ...]] = {
    "gateway": (("patch", "deployments.apps"), ("patch", "agents.incidentcommander.io"), ("list", "secrets")),
    "coordinator": (("patch", "deployments.apps"), ("patch", "agents.incidentcommander.io"), ("list", "secrets")),
    "executor": (
        ("patch", "agents.incidentcommander.io"),
        ("list", "secrets"),
        ("patch", "clusterroles.rbac.authorization.k8s.io"),
    ),
    "agent": (("patch", "agents.incidentcommander.io"), ("list", "secrets")),
}


def installing(namespace: str) -> list[Right]:
    """Of whoever asks."""
    return [Right("", verb, resource, namespace) for verb, resource in INSTALLING]


def needed(namespace: str) -> list[Right]:
    """Of every ServiceAccount of the operator, anywhere in the cluster."""
    return _of_all(namespace, _NEEDED)


def forbidden(namespace: str) -> list[Right]:
    """What none of them may have: whoever has it can decide and act alone, or read what is secret."""
    return _of_all(namespace, _FORBIDDEN)


def of_the_setup_hook(namespace: str) -> list[Right]:
    """What the chart's hook may do while Helm runs it, and nobody of that name before and after."""
    user = service_account(namespace, SETUP)
    return [Right(user, "create", "secrets", namespace), Right(user, "create", "agents.incidentcommander.io")]


def service_account(namespace: str, name: str) -> str:
    """Its user name."""
    return f"system:serviceaccount:{namespace}:{name}"


def _of_all(namespace: str, table: dict[str, tuple[tuple[str, str], ...]]) -> list[Right]:
    names: Sequence[tuple[str, str]] = [(name, name) for name in ("gateway", "coordinator", "executor")]
    names = [*names, *((f"agent-{role}", "agent") for role in ROLES)]
    return [
        Right(service_account(namespace, name), verb, resource) for name, row in names for verb, resource in table[row]
    ]
