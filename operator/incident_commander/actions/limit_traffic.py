"""LimitTraffic: one client is kept away from a workload that it swamps; everybody else goes on."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from incident_commander.actions import rollouts
from incident_commander.actions.action import Bounds, Parameters, Situation
from incident_commander.actions.objects import MANAGED_BY, WHOLE, make, mark_of, marked, name_of, remove
from incident_commander.actions.steps import check, related, required
from incident_commander.api import kinds
from incident_commander.api.plan import ActionName, FieldValue, Risk, Step, Undo, Verb
from incident_commander.errors import Refusal
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.owners import selects
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object

_NAMESPACE_NAME = "kubernetes.io/metadata.name"


class LimitTraffic:
    """Parameters ``clientNamespace`` and ``clientLabel`` (``app=loader``): the pods that are kept away.

    What every cluster can do without a mesh: a NetworkPolicy that lets all pods of the cluster reach the target but
    these. It holds only for what comes from pods, and only where the network plugin enforces NetworkPolicies, which no
    API tells: the policy has to say so (``spec.networkPolicies: Enforced``). NetworkPolicies add up to what is allowed,
    so beside another one on the same pods it would open what that one closes. Refused in all these cases.
    Medium risk: the client gets nothing at all until the policy is taken away again, and clients on the nodes' own
    network are treated as the plugin pleases. Connections that stand already may go on.
    """

    name = ActionName.LIMIT_TRAFFIC
    takes = Parameters(needed=("clientNamespace", "clientLabel"))
    kinds = rollouts.KINDS

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """See ``Action.plan``. Refuses where the NetworkPolicy would do nothing, or something else."""
        target = check(self, situation, parameters)
        namespace = required(self, parameters, "clientNamespace")
        label, value = _label(required(self, parameters, "clientLabel"))
        if not bounds.network_policies_enforced:
            raise Refusal(
                "EnforcementUnknown",
                "no RemediationPolicy says that the network plugin enforces NetworkPolicies, and elsewhere one would do"
                " nothing: set spec.networkPolicies: Enforced where it does",
            )
        own = fields.strings(target, "spec", "template", "metadata", "labels")
        if namespace == fields.namespace(target) and own.get(label) == value:
            raise Refusal("ClientIsTarget", f"{label}={value} are the pods of {reference(target)} themselves")
        _require_alone(target, own, situation)
        _require_inside(target, own, situation)
        mark = mark_of(target, issued_at, step_name)
        policy = marked(_policy(target, namespace, label, value, mark), mark)
        return Step(
            name=step_name,
            action=self.name,
            target=target_of(target),
            parameters=dict(parameters),
            verb=Verb.CREATE,
            operations=[make(policy)],
            pre_image=[FieldValue(path=WHOLE)],
            undo=Undo(possible=True, operations=[remove()]),
            risk=Risk.MEDIUM,
            summary=f"keep the pods {label}={value} of namespace {namespace} away from {reference(target)}"
            f" (NetworkPolicy {policy['metadata']['name']}) until somebody deletes it; all other pods still reach it",
        )


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise Refusal("BadParameter", f"LimitTraffic: clientLabel is {text[:64]!r}; write one, such as app=loader")
    return key, value


def _require_alone(target: Object, labels: Mapping[str, str], situation: Situation) -> None:
    for other in related(situation, kinds.NETWORK_POLICY):
        ingress = "Ingress" in (fields.words(other, "spec", "policyTypes") or ["Ingress"])
        if ingress and matches_selector(labels, fields.mapping(other, "spec", "podSelector")):
            raise Refusal(
                "OtherPolicies",
                f"NetworkPolicy {fields.name(other)} already says what may reach {reference(target)}; a second one"
                " could only allow more. Take the client out of that one",
            )


def _require_inside(target: Object, labels: Mapping[str, str], situation: Situation) -> None:
    """Traffic from outside of the cluster would be cut off with the client."""
    if fields.flag(target, "spec", "template", "spec", "hostNetwork"):
        raise Refusal("HostNetwork", f"{reference(target)} runs on its nodes' network, where no NetworkPolicy holds")
    for service in related(situation, kinds.SERVICE):
        outside = fields.text(service, "spec", "type") in ("NodePort", "LoadBalancer") or fields.words(
            service, "spec", "externalIPs"
        )
        if outside and selects(fields.strings(service, "spec", "selector"), labels):
            raise Refusal(
                "ExternallyReachable",
                f"Service {fields.name(service)} lets clients from outside of the cluster reach {reference(target)};"
                " they would be cut off, too. Limit the client where the traffic comes in",
            )


def _policy(target: Object, namespace: str, label: str, value: str, mark: str) -> Object:
    meta = target["metadata"]
    others = {"key": _NAMESPACE_NAME, "operator": "NotIn", "values": [namespace]}
    elsewhere: dict[str, Any] = {"namespaceSelector": {"matchExpressions": [others]}}
    there: dict[str, Any] = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_NAME: namespace}},
        "podSelector": {"matchExpressions": [{"key": label, "operator": "NotIn", "values": [value]}]},
    }
    return {
        "apiVersion": kinds.NETWORK_POLICY.api_version,
        "kind": kinds.NETWORK_POLICY.kind,
        "metadata": {
            "name": name_of(f"limit-{meta['name']}", mark),
            "namespace": meta["namespace"],
            "labels": dict(MANAGED_BY),
            "ownerReferences": [
                {
                    "apiVersion": target["apiVersion"],
                    "kind": target["kind"],
                    "name": meta["name"],
                    "uid": meta["uid"],
                }
            ],
        },
        "spec": {
            "podSelector": copy.deepcopy(fields.mapping(target, "spec", "selector")),
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [elsewhere, there]}],
        },
    }
