"""LimitTraffic: one client less, and only where a NetworkPolicy means just that."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.actions.action import Bounds
from incident_commander.api.plan import ActionName, Risk, Verb
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from tests.unit.actions.workloads import plan, pod, refusal, workload

LIMIT = ActionName.LIMIT_TRAFFIC
ENFORCED = Bounds(network_policies_enforced=True)
CLIENT: dict[str, Any] = {"clientNamespace": "load", "clientLabel": "app=loader"}
POLICIES, SERVICES = "networkpolicies.networking.k8s.io", "services"


def web(**pod_spec: Any) -> Object:
    found = workload(spec={"selector": {"matchLabels": {"app": "web"}}})
    found["spec"]["template"]["spec"] |= pod_spec
    return found


def beside(policies: list[Object] | None = None, services: list[Object] | None = None) -> dict[str, list[Object]]:
    return {POLICIES: policies or [], SERVICES: services or []}


def policy(selector: dict[str, Any], **spec: Any) -> Object:
    return {"metadata": {"name": "other", "namespace": "shop"}, "spec": {"podSelector": selector, **spec}}


def service(**spec: Any) -> Object:
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"app": "web"}, **spec}}


def made() -> Object:
    step = plan(LIMIT, web(), beside(services=[service()]), bounds=ENFORCED, **CLIENT)
    assert (step.verb, step.risk, step.undo.possible) == (Verb.CREATE, Risk.MEDIUM, True)
    found: Object = json.loads(step.operations[0].value or "")
    return found


def test_the_policy_is_the_targets_and_goes_with_it() -> None:
    found = made()
    assert found["spec"]["podSelector"] == {"matchLabels": {"app": "web"}}
    assert found["spec"]["policyTypes"] == ["Ingress"]
    assert found["metadata"]["ownerReferences"][0]["uid"] == "uid-Deployment-web"
    assert found["metadata"]["name"].startswith("limit-web-")


NAMESPACES = st.sampled_from(["load", "shop", "monitoring"])
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["loader", "web", "x"]))


@given(NAMESPACES, LABELS)
def test_all_pods_but_the_client_are_let_in(namespace: str, labels: dict[str, str]) -> None:
    named = {"kubernetes.io/metadata.name": namespace}
    let_in = any(
        matches_selector(named, peer["namespaceSelector"]) and matches_selector(labels, peer.get("podSelector", {}))
        for rule in made()["spec"]["ingress"]
        for peer in rule["from"]
    )
    assert let_in == (not (namespace == "load" and labels.get("app") == "loader"))


@pytest.mark.parametrize(
    ("target", "related", "reason"),
    [
        (web(), beside([policy({})]), "OtherPolicies"),
        (web(), beside([policy({"matchLabels": {"app": "web"}}, policyTypes=["Ingress"])]), "OtherPolicies"),
        (web(), beside(services=[service(type="LoadBalancer")]), "ExternallyReachable"),
        (web(), beside(services=[service(type="NodePort")]), "ExternallyReachable"),
        (web(), beside(services=[service(externalIPs=["192.0.2.1"])]), "ExternallyReachable"),
        (web(hostNetwork=True), beside(), "HostNetwork"),
        (web(), {SERVICES: []}, "NotObserved"),
        (web(), {POLICIES: []}, "NotObserved"),
        (pod(), beside(), "KindNotSupported"),
    ],
)
def test_where_it_would_mean_something_else_it_is_refused(
    target: Object, related: dict[str, list[Object]], reason: str
) -> None:
    assert refusal(LIMIT, target, related, bounds=ENFORCED, **CLIENT) == reason


@pytest.mark.parametrize(
    "other", [policy({"matchLabels": {"app": "db"}}), policy({"matchLabels": {"app": "web"}}, policyTypes=["Egress"])]
)
def test_policies_about_something_else_do_not_matter(other: Object) -> None:
    assert plan(LIMIT, web(), beside([other]), bounds=ENFORCED, **CLIENT).operations


def test_where_nobody_says_that_policies_are_enforced_it_is_refused() -> None:
    assert refusal(LIMIT, web(), beside(), **CLIENT) == "EnforcementUnknown"


def test_the_target_cannot_be_its_own_client() -> None:
    own = {"clientNamespace": "shop", "clientLabel": "app=web"}
    assert refusal(LIMIT, web(), beside(), bounds=ENFORCED, **own) == "ClientIsTarget"


@pytest.mark.parametrize("label", ["app", "=x", "app=", ""])
def test_a_label_that_is_none_is_refused(label: str) -> None:
    given_ = {"clientNamespace": "load", "clientLabel": label}
    assert refusal(LIMIT, web(), beside(), bounds=ENFORCED, **given_) in ("BadParameter", "MissingParameter")
