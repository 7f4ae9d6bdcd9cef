"""What needs what, read from objects."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.evidence.dependencies import Link, Relation, links
from incident_commander.ports import Object


def workload(name: str, *env: tuple[str, str], args: tuple[str, ...] = ()) -> Object:
    container: dict[str, Any] = {"name": "app", "env": [{"name": n, "value": v} for n, v in env], "args": list(args)}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": template}}


def pod(owner: str, *, node: str = "", ready: bool = True, claim: str = "") -> Object:
    ref = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{owner}-7d9", "controller": True}
    labels = {"app": owner, "pod-template-hash": "7d9"}
    meta = {"name": f"{owner}-7d9-x", "namespace": "shop", "labels": labels, "ownerReferences": [ref]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}] if claim else []
    conditions = [{"type": "Ready", "status": str(ready)}]
    spec = {"nodeName": node, "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"conditions": conditions}}


def service(name: str) -> Object:
    spec = {"selector": {"app": name}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def found(*objects: Object) -> list[Link]:
    by_kind: dict[str, list[Object]] = {}
    for obj in objects:
        by_kind.setdefault(kinds.kind_of(obj["apiVersion"], obj["kind"]).resource, []).append(obj)  # type: ignore[union-attr]
    return list(links(by_kind))


def callees(*env: tuple[str, str], args: tuple[str, ...] = ()) -> set[str]:
    others = [x for name in ("db", "redis", "app", "web2") for x in (workload(name), pod(name), service(name))]
    return {
        link.cause.rsplit("/", 1)[1]
        for link in found(workload("web", *env, args=args), pod("web"), service("web"), *others)
        if link.relation is Relation.CALLS
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://app:secret@db:5432/shop"),
        ("DB_HOST", "db"),
        ("DB_ADDR", "db:5432"),
        ("X", "db.shop.svc.cluster.local:5432"),
        ("UPSTREAM", "http://db/api"),
        ("BROKERS_URL", "db:9092,other:9092"),
    ],
)
def test_an_address_in_the_environment_is_a_call(name: str, value: str) -> None:
    assert callees((name, value)) == {"db"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_NAME", "db"),
        ("LOG_LEVEL", "app"),
        ("CACHE_URL", "redis://elsewhere.example.com:6379"),
        ("API_URL", "http://elsewhere.example.com/db/web2/"),
        ("DB_HOST", "db.other.svc.cluster.local"),
        ("SELF_URL", "http://web:80"),
    ],
)
def test_what_only_looks_like_a_service_is_no_call(name: str, value: str) -> None:
    assert callees((name, value)) == set()


def test_arguments_name_what_is_called_as_well() -> None:
    assert callees(args=("--backend=http://db:80", "serve", "web2")) == {"db"}


def test_the_words_say_where_the_call_is_written() -> None:
    (link,) = found(workload("web", ("DB_HOST", "db")), workload("db"), pod("db"), service("db"))[1:]
    assert link == Link(
        "Deployment/shop/web", "Deployment/shop/db", Relation.CALLS, "its environment (DB_HOST) names the Service db"
    )


def test_a_workload_suffers_from_its_node_where_its_pod_is_not_ready_and_from_its_claims() -> None:
    told = found(workload("web"), pod("web", node="n1", ready=False, claim="data"))
    assert [(link.cause, link.relation) for link in told] == [
        ("Node/n1", Relation.RUNS_ON),
        ("PersistentVolumeClaim/shop/data", Relation.MOUNTS),
    ]
    assert found(workload("web"), pod("web", node="n1")) == []


def test_a_service_needs_the_workload_that_it_selects() -> None:
    (link,) = found(workload("db"), pod("db"), service("db"))
    assert (link.effect, link.cause, link.relation) == ("Service/shop/db", "Deployment/shop/db", Relation.SELECTS)


def test_odd_objects_have_no_links() -> None:
    assert links({"pods": [{}], "services": [{"spec": {"selector": 5}}], "deployments.apps": [{"spec": []}]}) == ()
