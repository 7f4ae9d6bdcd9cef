"""The graph holds each relation once, with where it is said; a drawing of it carries no markup of others."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from incident_commander.api import kinds
from incident_commander.cli.render.graph import dot, mermaid
from incident_commander.evidence.citing import value_at
from incident_commander.evidence.evidence import Evidence, Log, reference
from incident_commander.evidence.graph import Edge, Graph, Relation, graph
from incident_commander.ports import Object, Series
from tests.unit.diagnosis.builders import (
    NOW,
    NS,
    container,
    crash_looping,
    deployment,
    merged,
    pod,
    replica_set,
    running,
    service,
)

WEB, STORE = deployment(), deployment("store")
WEB_RS, STORE_RS = replica_set(WEB, "6d4b75cb6d"), replica_set(STORE, "5b5c9d7f6c")
WEB_POD = merged(
    pod(WEB_RS, "abcde", running()),
    {
        "spec": {
            "nodeName": "n1",
            "serviceAccountName": "web",
            "volumes": [
                {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "c", "configMap": {"name": "conf"}},
                {"name": "s", "secret": {"secretName": "tls"}},
            ],
            "containers": [
                container(
                    env=[
                        {"name": "STORE", "value": "http://store:6379"},
                        {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}},
                    ],
                    envFrom=[{"configMapRef": {"name": "common"}}],
                )
            ],
        }
    },
)
STORE_POD = pod(STORE_RS, "fghij", crash_looping("store"))
INGRESS: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "front", "namespace": NS},
    "spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]},
}
POLICY: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny", "namespace": NS},
    "spec": {"podSelector": {}},
}
CLAIM: Object = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": NS},
    "spec": {"volumeName": "pv-1"},
}
HPA: Object = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": NS},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
}
OBJECTS = (
    WEB, STORE, WEB_RS, STORE_RS, WEB_POD, STORE_POD,
    service("web", {"app": "web"}), service("store", {"app": "store"}),
    INGRESS, POLICY, CLAIM, HPA,
)  # fmt: skip


def seen(
    *objects: Object, logs: tuple[Log, ...] = (), series: Mapping[str, tuple[Series, ...]] | None = None
) -> Evidence:
    found: dict[str, list[Object]] = {}
    for obj in objects:
        kind = kinds.kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        found.setdefault(kind.resource, []).append(obj)
    return Evidence(None, NOW, found, logs, series=series or {})


def drawn(found: Graph) -> set[tuple[str, str, str]]:
    return {
        (edge.source.replace(f"/{NS}", ""), edge.relation.value, edge.target.replace(f"/{NS}", ""))
        for edge in found.edges
    }


def test_everything_that_the_objects_say_is_an_edge() -> None:
    found = drawn(graph(seen(*OBJECTS)))
    assert found >= {
        ("Service/web", "selects", "Deployment/web"),
        ("Service/store", "selects", "Deployment/store"),
        ("Ingress/front", "routes to", "Service/web"),
        ("Deployment/web", "calls", "Service/store"),
        ("Deployment/web", "runs on", "Node/n1"),
        ("Deployment/web", "runs as", "ServiceAccount/web"),
        ("Deployment/web", "mounts", "PersistentVolumeClaim/data"),
        ("Deployment/web", "mounts", "ConfigMap/conf"),
        ("Deployment/web", "mounts", "Secret/tls"),
        ("Deployment/web", "reads", "Secret/db"),
        ("Deployment/web", "reads", "ConfigMap/common"),
        ("PersistentVolumeClaim/data", "is bound to", "PersistentVolume/pv-1"),
        ("HorizontalPodAutoscaler/web", "scales", "Deployment/web"),
        ("NetworkPolicy/deny", "filters", "Deployment/store"),
    }


def test_calls_are_seen_in_logs_and_in_metrics() -> None:
    log = Log(
        NS, STORE_POD["metadata"]["name"], "store", False, (f"dial tcp: web.{NS}.svc.cluster.local:8080 refused",)
    )
    series = {"requests": (Series({"client": "web", "server": "store"}, ((NOW.timestamp(), 1.0),)),)}
    plain = [o for o in OBJECTS if o is not WEB_POD]
    found = drawn(graph(seen(*plain, logs=(log,), series=series)))
    assert ("Deployment/store", "calls", "Service/web") in found
    assert ("Deployment/web", "calls", "Service/store") in found


def test_each_edge_cites_what_stands_there() -> None:
    by_ref = {reference(o): o for o in OBJECTS}
    for edge in graph(seen(*OBJECTS)).edges:
        assert value_at(by_ref[edge.evidence.ref], edge.evidence.path) is not None, edge


def test_what_has_a_pod_that_is_not_ready_is_sick() -> None:
    assert graph(seen(*OBJECTS)).sick == {f"Deployment/{NS}/store"}


HOSTILE = 'a"]; click n0 "http://evil" \\" <script> \x1b[31m -->|x| b\n%%{init}%%'


@pytest.fixture
def hostile() -> Graph:
    edge = Edge(HOSTILE, Relation.CALLS, "Service/x/y", graph(seen(*OBJECTS)).edges[0].evidence)
    return Graph((HOSTILE, "Service/x/y"), (edge,), frozenset({HOSTILE}))


def test_hostile_names_are_labels_in_mermaid(hostile: Graph) -> None:
    lines = mermaid(hostile).splitlines()
    assert len(lines) == 5
    label = re.fullmatch(r'  n0\["(.*)"\]', lines[1])
    assert label is not None
    assert not re.search(r'["<>\[\]%|\x00-\x1f]', label[1])


def test_hostile_names_are_strings_in_dot(hostile: Graph) -> None:
    lines = dot(hostile).splitlines()
    assert len(lines) == 7
    for line in lines:
        assert '"' not in re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
        assert line.isprintable()
