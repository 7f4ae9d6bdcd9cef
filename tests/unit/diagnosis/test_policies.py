"""NetworkPolicies, certificates, slow dependencies, autoscalers and budgets."""

from typing import Any

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import log, meta, told
from tests.unit.diagnosis.shop import Shop, shop

TIMEOUT = 'Get "http://orders:8080/": dial tcp 10.96.0.2:8080: i/o timeout'


def policy(**spec: Any) -> Object:
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("strict"), "spec": spec}


def complaining(*lines: str) -> Shop:
    made = shop()
    made.logs = [log(made.pods["web"], *["up"] * 5, *lines, container="web")]
    return made


ORDERS = {"matchLabels": {"app": "orders"}}


@pytest.mark.parametrize(
    ("spec", "direction"),
    [
        (
            {"podSelector": ORDERS, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "admin"}}}]}]},
            "Ingress",
        ),
        ({"podSelector": {}, "policyTypes": ["Egress"], "egress": []}, "Egress"),
    ],
)
def test_a_policy_that_admits_nobody_else_is_the_cause(spec: dict[str, Any], direction: str) -> None:
    made = complaining(*[TIMEOUT] * 5)
    made.more.append(policy(**spec))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["direction"]) == (Cause.NETWORK_POLICY_BLOCKS, direction), told(found)


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": ORDERS, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]},
        {"podSelector": ORDERS, "ingress": [{}]},
        {"podSelector": {"matchLabels": {"app": "other"}}, "ingress": []},
    ],
)
def test_a_policy_that_lets_the_caller_in_is_not(spec: dict[str, Any]) -> None:
    made = complaining(*[TIMEOUT] * 5)
    made.more.append(policy(**spec))
    assert Cause.NETWORK_POLICY_BLOCKS not in {h.cause for h in made.diagnose().hypotheses}


def test_a_ready_dependency_that_does_not_answer_in_time_is_slow() -> None:
    found = complaining(*[TIMEOUT] * 5).diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (Cause.DEPENDENCY_SLOW, "orders"), told(found)
    assert top.confidence < 70


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x509: certificate has expired or is not yet valid: current time 2026-03-03T12:00:00Z", "Expired"),
        ("x509: certificate is valid for a.example.com, not orders", "Name"),
        ("sun.security.validator.ValidatorException: PKIX path building failed", "Authority"),
    ],
)
def test_a_certificate_is_refused_for_a_reason(line: str, problem: str) -> None:
    top = complaining(*[line] * 4).diagnose().hypotheses[0]
    assert (top.cause, top.facts["problem"]) == (Cause.TLS_CERTIFICATE_INVALID, problem)


@pytest.mark.parametrize(
    "line",
    [
        "http: TLS handshake error from 10.0.0.4:33456: remote error: tls: bad certificate",
        "SSL_do_handshake() failed (sslv3 alert bad certificate) while SSL handshaking, client: 203.0.113.7",
    ],
)
def test_a_caller_who_refuses_our_certificate_is_no_trouble_of_ours(line: str) -> None:
    found = complaining(*[line] * 4).diagnose()
    assert all(h.cause is not Cause.TLS_CERTIFICATE_INVALID for h in found.hypotheses), told(found)


def test_a_fault_that_a_mesh_injects_is_called_so() -> None:
    top = complaining(*["503: fault filter abort"] * 4).diagnose().hypotheses[0]
    assert top.cause is Cause.FAULT_INJECTED


def test_an_autoscaler_without_metrics_says_so() -> None:
    made = shop()
    made.more.append(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": meta("orders"),
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "orders"},
                "maxReplicas": 5,
            },
            "status": {
                "conditions": [
                    {
                        "type": "ScalingActive",
                        "status": "False",
                        "reason": "FailedGetResourceMetric",
                        "message": "the HPA was unable to compute the replica count: no metrics returned",
                    }
                ]
            },
        }
    )
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= BAR) == (Cause.HPA_CANNOT_SCALE, True), told(found)


WEB = {"matchLabels": {"app": "web"}}
TO_ORDERS = {"to": [{"podSelector": ORDERS}]}
TO_DNS = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
UNRESOLVED = "dial tcp: lookup orders on 10.96.0.10:53: i/o timeout: no such host"


def out(*rules: dict[str, Any]) -> Object:
    return policy(podSelector=WEB, policyTypes=["Egress"], egress=list(rules))


def test_a_policy_without_port_53_keeps_names_from_resolving() -> None:
    made = complaining(*[UNRESOLVED] * 5)
    made.more.append(out(TO_ORDERS))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["dependency"]) == (Cause.NETWORK_POLICY_BLOCKS, "kube-dns"), told(found)


@pytest.mark.parametrize(
    "rule",
    [TO_DNS, {"ports": [{"port": 53, "protocol": "UDP"}]}, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, {}],
    ids=["to the DNS", "that port anywhere", "anywhere by address", "anything"],
)
def test_a_policy_that_lets_out_to_port_53_does_not(rule: dict[str, Any]) -> None:
    made = complaining(*[UNRESOLVED] * 5)
    made.more.append(out(TO_ORDERS, rule))
    assert Cause.NETWORK_POLICY_BLOCKS not in {h.cause for h in made.diagnose().hypotheses}


@pytest.mark.parametrize(
    ("ports", "blocks"),
    [
        ([{"port": 9090}], True),
        ([{"port": 8080}], False),
        ([{"port": 8000, "endPort": 8100}], False),
        ([{"port": "main"}], False),
    ],
)
def test_a_rule_for_another_port_does_not_let_the_caller_in(ports: list[dict[str, Any]], blocks: bool) -> None:
    made = complaining(*[TIMEOUT] * 5)
    made.more.append(policy(podSelector=ORDERS, ingress=[{"from": [{"podSelector": WEB}], "ports": ports}]))
    assert (Cause.NETWORK_POLICY_BLOCKS in {h.cause for h in made.diagnose().hypotheses}) == blocks


def test_an_ingress_whose_certificate_is_not_there_is_named() -> None:
    made = shop()
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta("web"),
        "spec": {"tls": [{"hosts": ["shop.example.com"], "secretName": "web-tls"}], "rules": []},
    }
    made.more.append(ingress)
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses), "no Secret at all was recorded"
    made.has_secret("another")
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["problem"], str(top.object)) == (
        Cause.TLS_CERTIFICATE_INVALID,
        "Missing",
        "Ingress/shop/web",
    )
    made.has_secret("web-tls")
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)
