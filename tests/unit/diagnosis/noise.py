"""Healthy neighbours that look suspicious: what every cluster has, and what is nobody's incident."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from incident_commander.api import kinds
from incident_commander.evidence.evidence import Evidence, Log
from incident_commander.ports import Object

_LINES = (
    "INFO handled GET /items status=200 in 12 ms",
    "WARN slow query took 130 ms",
    "INFO error budget ok: 0 errors in the last hour",
    "ERROR could not parse user agent, ignored",
    "ERROR user 4711 entered a wrong password",
    "WARN connection reset by peer",
    "INFO retry 1 of 5 succeeded",
    "WARN deprecated option timeout, use deadline",
    "ERROR invalid input from client: quantity must be positive",
    "INFO failed=0 refused=0 denied=0",
    "INFO listening on :8080",
    "WARN Deadlock found when trying to get lock; try restarting transaction",
    "INFO pool: idle=9 active=1 waiting=0",
    "ERROR remote host closed connection",
)
_WARNINGS = (
    ("DNSConfigForming", "Nameserver limits were exceeded, some nameservers have been omitted"),
    ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    ("BackOff", "Back-off restarting failed container"),
    ("FailedMount", 'MountVolume.SetUp failed for volume "t": failed to sync secret cache: timed out'),
    ("FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu."),
    ("FailedGetResourceMetric", "unable to get metrics for resource cpu"),
    ("NodeNotSchedulable", "Node status is now: NodeNotSchedulable"),
)


def with_noise(evidence: Evidence, chance: random.Random) -> Evidence:
    """Up to eight neighbours in good health, in the same namespace, with old troubles and noisy logs."""
    namespaces = [o["metadata"]["namespace"] for o in evidence.of(kinds.POD)] or ["shop"]
    objects = {resource: list(found) for resource, found in evidence.objects.items()}
    logs = list(evidence.logs)
    for n in range(chance.randrange(3, 9)):
        made = _neighbour(f"calm-{n}", namespaces[0], evidence.captured_at, chance)
        for obj in made:
            kind = kinds.kind_of(obj["apiVersion"], obj["kind"])
            assert kind is not None
            if kind.resource in objects:
                objects[kind.resource].append(obj)
        pod = next(o for o in made if o["kind"] == "Pod")
        lines = tuple(chance.choice(_LINES) for _ in range(chance.randrange(20, 200)))
        logs.append(Log(namespaces[0], pod["metadata"]["name"], "main", False, lines))
    for found in objects.values():
        chance.shuffle(found)
    return replace(evidence, objects=objects, logs=tuple(logs))


def _neighbour(name: str, namespace: str, now: datetime, chance: random.Random) -> list[Object]:
    days = chance.randrange(2, 40)
    long_ago = _text(now - timedelta(days=days))
    port = chance.choice((8080, 9000, 5000, 3000))
    labels = {"app": name}
    template: Object = {"metadata": {"labels": labels}, "spec": {"containers": [_container(name, port)]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(name, namespace, long_ago, generation=1),
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        "status": {
            "observedGeneration": 1,
            "replicas": 1,
            "readyReplicas": 1,
            "updatedReplicas": 1,
            "availableReplicas": 1,
        },
    }
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": _meta(f"{name}-6b7d9c8f55", namespace, long_ago, owner=deployment, labels=labels),
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(f"{name}-6b7d9c8f55-x2k4p", namespace, long_ago, owner=replica_set, labels=labels),
        "spec": {"nodeName": "elsewhere", **template["spec"]},
        "status": {
            "phase": "Running",
            "podIP": f"10.250.{chance.randrange(200)}.{chance.randrange(2, 250)}",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [_status(now, days, chance)],
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(name, namespace, long_ago),
        "spec": {"selector": labels, "ports": [{"port": port, "targetPort": port, "protocol": "TCP"}]},
    }
    made = [deployment, replica_set, pod, service]
    for _ in range(chance.randrange(3)):
        made.append(_old_warning(pod, now - timedelta(hours=chance.uniform(1.2, 20)), chance))
    return made


def _container(name: str, port: int) -> Object:
    return {"name": "main", "image": f"registry.example.org/{name}:1", "ports": [{"containerPort": port}]}


def _status(now: datetime, days: int, chance: random.Random) -> Object:
    """Ready for long, whatever happened before."""
    since = now - timedelta(days=days / 2)
    found: Object = {
        "name": "main",
        "ready": True,
        "restartCount": chance.choice((0, 0, 1, 4)),
        "state": {"running": {"startedAt": _text(since)}},
    }
    if found["restartCount"]:
        code, reason = chance.choice(((137, "OOMKilled"), (1, "Error"), (143, "Error")))
        ended: Object = {"exitCode": code, "reason": reason, "finishedAt": _text(since), "startedAt": _text(since)}
        found["lastState"] = {"terminated": ended}
    return found


def _old_warning(about: Object, at: datetime, chance: random.Random) -> Object:
    reason, message = chance.choice(_WARNINGS)
    meta = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": _meta(f"{meta['name']}.{chance.getrandbits(40):x}", meta["namespace"], _text(at)),
        "involvedObject": {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"]},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": 1,
        "lastTimestamp": _text(at),
    }


def _meta(name: str, namespace: str, created: str, *, owner: Object | None = None, **more: object) -> Object:
    found: Object = {"name": name, "namespace": namespace, "creationTimestamp": created, **more}
    if owner is not None:
        ref: Object = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
        found["ownerReferences"] = [{**ref, "controller": True}]
    return found


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
