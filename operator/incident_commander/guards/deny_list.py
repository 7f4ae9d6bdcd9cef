"""What is never touched, whatever RBAC or a policy says."""

from __future__ import annotations

from incident_commander.api.kinds import kind_named
from incident_commander.api.names import GROUP
from incident_commander.api.plan import ActionName
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.guards.guard import GuardInput, GuardVerdict
from incident_commander.guards.verdicts import allow, deny

KINDS = frozenset({"Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}) | {
    "CustomResourceDefinition",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "CertificateSigningRequest",
    "Namespace",
    "Lease",
}
GROUPS = frozenset(
    {
        "rbac.authorization.k8s.io",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "certificates.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        GROUP,
    }
)
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Allowed only where the policy names them literally (a glob does not count). Admission refuses the executor there all
the same (``executor-not-here``), unless the installation opens them."""
_PART_OF = "app.kubernetes.io/part-of"
_OWN = "incident-commander"
_NODE_ACTIONS = frozenset({ActionName.CORDON_NODE, ActionName.UNCORDON_NODE, ActionName.DRAIN_NODE})


def not_denied(given: GuardInput) -> GuardVerdict:
    """Judges both the object as it was read and what the step claims to act on."""
    claimed, target = given.step.target, given.target
    for api_version, kind in ((claimed.api_version, claimed.kind), _type_of(given)):
        group = api_version.split("/", 1)[0] if "/" in api_version else ""
        if kind in KINDS or group in GROUPS:
            return deny("DeniedKind", f"{kind} is never touched by remediation; change {reference(target)} by hand")
        if kind == "Node" and given.step.action not in _NODE_ACTIONS:
            return deny("DeniedKind", f"a Node may be cordoned, uncordoned or drained, not {given.step.action}")
    for namespace in {claimed.namespace or "", fields.namespace(target)} - {""}:
        if namespace == given.operator_namespace:
            return deny("OwnNamespace", f"{namespace} is the operator's own namespace; it does not mend itself")
        if namespace in SYSTEM_NAMESPACES and namespace not in _named(given):
            return deny(
                "SystemNamespace",
                f"{namespace} is left alone unless the policy names it literally in spec.match.namespaces, and the"
                " chart's value executor.systemNamespaces lists it",
            )
    if fields.strings(target, "metadata", "labels").get(_PART_OF) == _OWN:
        return deny("OwnObject", f"{reference(target)} is part of the operator; it does not mend itself")
    return allow("NotDenied")


def _type_of(given: GuardInput) -> tuple[str, str]:
    kind = fields.text(given.target, "kind")
    known = kind_named(kind)
    return fields.text(given.target, "apiVersion") or (known.api_version if known else ""), kind


def _named(given: GuardInput) -> list[str]:
    return given.policy.spec.match.namespaces if given.policy is not None else []
