"""The same hostility against everything that is broken at once in one application, with notes, series and alerts."""

import copy
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.evidence.evidence import Evidence, Note
from incident_commander.ports import Series
from tests.unit.diagnosis import (
    test_claims,
    test_components,
    test_network,
    test_policies,
    test_quota,
    test_references,
    test_startup,
)
from tests.unit.diagnosis.builders import NOW, ago, container, crash_looping, event, incident, log, meta
from tests.unit.diagnosis.shop import shop
from tests.unit.diagnosis.test_hostile_evidence import HOSTILE, check, leaves, odd, put


def broken() -> Evidence:
    """One of each."""
    made = shop()
    test_references.given(made, "web", ORDERS_URL="http://order:8081")
    made.pods["web"]["spec"] |= {"dnsPolicy": "None"}
    spec = made.pods["orders"]["spec"]
    spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec["containers"].append(container("proxy", ports=[{"containerPort": 8080}]))
    spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    made.pods["orders"]["status"]["containerStatuses"] = [crash_looping("orders")]
    made.deployments["db"]["spec"]["replicas"] = 0
    made.services["db"]["spec"]["ports"][0]["protocol"] = "UDP"
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta("data"),
        "spec": {**test_claims.CLAIM, "selector": {"matchLabels": {"disk": "ssd"}}},
        "status": {"phase": "Pending"},
    }
    account = 'pods "web-" is forbidden: error looking up service account shop/web: serviceaccount "web" not found'
    owner = made.more[0]
    owner["status"] |= {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": account}]}
    made.more += [
        claim,
        test_claims.volume(labels={"disk": "hdd"}),
        test_quota.used_up("services", "3", "3"),
        test_references.ingress("order", 8080),
        test_policies.policy(podSelector=test_policies.ORDERS, ingress=[]),
        test_components.lease("node-a", 3),
        test_components.lease("node-b", 90),
        event(made.pods["orders"], "FailedCreatePodSandBox", test_startup.RUNC),
        event(made.pods["orders"], "FailedMount", 'MountVolume.SetUp failed for volume "data" : permission denied'),
    ]
    made.logs = [
        log(
            made.pods["orders"],
            *["Access denied for user 'x'@'y'", "open /data/a: permission denied", "bind: address already in use"] * 3,
            *["dial tcp 10.96.0.1:3307: i/o timeout", "Communications link failure"] * 3,
            container="orders",
        ),
        log(made.pods["web"], *["lookup orders on 10.96.0.10:53: no such host"] * 5, container="web"),
    ]
    series: dict[str, Sequence[Series]] = {
        "latency_p90": [test_network.stepped(30, 900, service="web"), test_network.stepped(5, 800, service="orders")],
        "node_cpu": [test_network.stepped(20, 95, node="node-a")],
    }
    alert = Alert(
        fingerprint="f1",
        status=AlertStatus.FIRING,
        labels={"alertname": "Retransmissions", "node": "node-b"},
        annotations={"description": f"1 -> 9 {HOSTILE}"[:1000]},
        starts_at=ago(seconds=300),
    )
    found = made.evidence(series=series, notes=[test_components.status("kube-proxy", "failed")])
    return replace(found, alerts=(alert,))


def test_all_of_it_at_once_is_diagnosed() -> None:
    whole = broken()
    found = diagnose(whole, incident(), NOW)
    assert len({h.cause for h in found.hypotheses}) == 8
    check(found, whole)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_still_gives_a_sound_diagnosis(data: st.DataObject) -> None:
    whole = broken()
    objects = {resource: copy.deepcopy(list(found)) for resource, found in whole.objects.items()}
    everything = [o for found in objects.values() for o in found]
    for _ in range(data.draw(st.integers(1, 8))):
        target = data.draw(st.sampled_from(everything))
        paths = leaves(target)
        if paths:
            put(target, data.draw(st.sampled_from(paths)), copy.deepcopy(data.draw(odd)))
    mutated = replace(whole, objects=objects)
    check(diagnose(mutated, incident(), NOW), mutated)


points = st.lists(st.tuples(st.floats(), st.floats()), max_size=30)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=12), st.lists(points, min_size=3, max_size=3), st.text(max_size=80))
def test_any_text_and_points_still_give_a_sound_diagnosis(
    lines: list[str], drawn: list[list[tuple[float, float]]], name: str
) -> None:
    whole = broken()
    series = {
        f"{name}_cpu": [Series({"service": "web"}, tuple(drawn[0]))],
        "latency": [Series({"service": "orders"}, tuple(drawn[1])), Series({"node": "node-a"}, tuple(drawn[2]))],
    }
    raw = {
        "http_server_requests_seconds_sum": {"status": name},
        "http_server_requests_seconds_count": {"status": "500"},
        "grpc_server_handling_seconds_bucket": {"le": name},
        "http_request_duration_seconds": {"quantile": name},
        "container_cpu_cfs_throttled_periods_total": {"pod": name},
        "kafka_consumergroup_lag": {},
    }
    for n, (metric, labels) in enumerate(raw.items()):
        series[metric] = [Series({"service": "web", **labels}, tuple(drawn[n % 3]))]
    series["istio_requests_total"] = [Series({"service": "web", "response_flags": "FI"}, tuple(drawn[0]))]
    series["node_cpu_seconds_total"] = [
        Series({"node": "node-a", "cpu": "0", "mode": mode}, tuple(drawn[n])) for n, mode in enumerate(("idle", "user"))
    ]
    series["grpc_server_handling_seconds_bucket"] += [Series({"service": "web", "le": "+Inf"}, tuple(drawn[1]))]
    notes = (Note(f"x.node-b.{name}", tuple(lines)), Note("y", (*lines, HOSTILE, "Service: web", "called by: orders")))
    spoken = replace(whole, series=series, notes=notes)
    check(diagnose(spoken, incident(), NOW), spoken)
