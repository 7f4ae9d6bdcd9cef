"""What may be done at all, and where."""

from __future__ import annotations

from collections.abc import Iterator

from incident_commander.api import kinds
from incident_commander.api.names import LABEL_MANAGED
from incident_commander.cli.doctor.facts import Facts, Unread, policy_of
from incident_commander.cli.doctor.finding import Finding, ok, unknown, warn
from incident_commander.guards.deny_list import SYSTEM_NAMESPACES
from incident_commander.ports import Object

_OPENED = "incidentcommander.io/system-namespaces"
"""Annotation of the binding: what the chart's value executor.systemNamespaces lists."""


def scope(facts: Facts) -> Iterator[Finding]:
    """What may be done at all; nothing, by default."""
    if not facts.installed:
        return
    policies, namespaces = facts.of(kinds.REMEDIATION_POLICY), facts.of(kinds.NAMESPACE)
    if isinstance(policies, Unread):
        yield unknown("Scope", policies.why, "ask for `list` on remediationpolicies.incidentcommander.io")
        return
    if isinstance(namespaces, Unread):
        yield unknown("Scope", namespaces.why, "ask for `list` on namespaces")
        return
    managed = [n["metadata"]["name"] for n in namespaces if _managed(n)]
    modes = [str((p.get("spec") or {}).get("mode", "Observe")) for p in policies]
    acting = sorted(mode for mode in modes if mode != "Observe")
    if not acting:
        yield ok("Scope", "observes everywhere: it recommends, and writes to no workload")
    elif not managed:
        yield warn(
            "Scope",
            f"{len(acting)} policies allow actions, and no namespace is opted in",
            f"kubectl label namespace NAME {LABEL_MANAGED}=true",
        )
    else:
        shown = ", ".join(managed[:5]) + (" …" if len(managed) > 5 else "")
        yield ok("Scope", f"{', '.join(acting)}; opted in: {shown}")


def system_namespaces(facts: Facts) -> Iterator[Finding]:
    """A policy that names kube-system is not enough: admission refuses the executor there until the chart opens it."""
    policies = facts.of(kinds.REMEDIATION_POLICY)
    bindings = facts.of(kinds.VALIDATING_ADMISSION_POLICY_BINDING)
    if not facts.installed or isinstance(policies, Unread) or isinstance(bindings, Unread):
        return  # said by the checks of scope and admission
    opened = {
        name
        for binding in bindings
        if policy_of(binding) == "executor-not-here"
        for name in str((binding["metadata"].get("annotations") or {}).get(_OPENED, "")).split(",")
    }
    for policy in policies:
        closed = sorted(_acts_on(policy) & SYSTEM_NAMESPACES - opened)
        if closed:
            yield warn(
                "Scope",
                f"policy {policy['metadata']['name']} names {', '.join(closed)}, where the executor is refused",
                f"upgrade with --set 'executor.systemNamespaces={{{','.join(sorted(closed))}}}', or take it out of "
                "spec.match.namespaces: every plan there would be escalated",
            )


def _acts_on(policy: Object) -> set[str]:
    spec = policy.get("spec") or {}
    return set() if spec.get("mode", "Observe") == "Observe" else set((spec.get("match") or {}).get("namespaces") or [])


def _managed(namespace: Object) -> bool:
    return (namespace["metadata"].get("labels") or {}).get(LABEL_MANAGED) == "true"
