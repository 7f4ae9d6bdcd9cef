"""A small application in good health: web calls orders, orders calls its database. Tests break one thing in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.statement import Diagnosis
from incident_commander.evidence.evidence import Evidence, Log, Note
from incident_commander.ports import Object, Series
from tests.unit.diagnosis.builders import (
    NOW,
    container,
    deployment,
    endpoint_slice,
    evidence,
    incident,
    meta,
    node,
    pod,
    replica_set,
    running,
    service,
    template,
)


def tier(name: str, image: str, port: int, **env: str) -> dict[str, Any]:
    """A container that serves one port."""
    return container(
        name,
        image,
        ports=[{"name": "main", "containerPort": port, "protocol": "TCP"}],
        env=[{"name": key, "value": value} for key, value in env.items()],
    )


@dataclass
class Shop:
    """Objects by their short name, to be changed before ``diagnose``."""

    deployments: dict[str, Object] = field(default_factory=dict)
    pods: dict[str, Object] = field(default_factory=dict)
    services: dict[str, Object] = field(default_factory=dict)
    more: list[Object] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)
    endpoints: dict[str, tuple[bool, ...]] = field(default_factory=dict)
    nodes: list[Object] = field(default_factory=lambda: [node("node-a"), node("node-b")])

    def add(self, name: str, spec: dict[str, Any], port: int, *, on: str = "node-a", **pod_spec: Any) -> None:
        """One more Deployment with a pod and a Service."""
        made = deployment(name, replicas=1, template=template(name, spec, **pod_spec))
        owner = replica_set(made, "6d4b75cb6d", replicas=1, ready=1)
        self.deployments[name] = made
        self.more.append(owner)
        self.pods[name] = pod(owner, "abcde", running(spec["name"]), nodeName=on)
        self.pods[name]["status"]["podIP"] = f"10.244.1.{len(self.pods) + 20}"
        address = f"10.96.0.{len(self.pods)}"
        self.services[name] = service(name, {"app": name}, port=port, target=port, clusterIP=address)
        self.endpoints[name] = (True,)

    def without_endpoints(self, name: str) -> None:
        """As if no pod of it were ready."""
        self.endpoints[name] = ()

    def has_secret(self, name: str) -> None:
        """Its name, as far as Secrets are recorded."""
        self.more.append({"apiVersion": "v1", "kind": "Secret", "metadata": meta(name)})

    def restarts(self, name: str, **state: Any) -> None:
        """Its container keeps ending."""
        made = self.pods[name]
        spec = made["spec"]["containers"][0]["name"]
        made["status"]["containerStatuses"] = [running(spec, ready=False, restarts=6, age=20, **state)]
        made["status"]["conditions"][1]["status"] = "False"
        self.endpoints[name] = ()

    def evidence(self, *, series: dict[str, Sequence[Series]] | None = None, notes: Sequence[Note] = ()) -> Evidence:
        """Everything, about no target."""
        slices = [endpoint_slice(self.services[name], *self.endpoints[name]) for name in self.services]
        objects = [*self.deployments.values(), *self.pods.values(), *self.services.values()]
        found = evidence(None, *objects, *self.more, *slices, *self.nodes, logs=self.logs)
        return replace(found, series=series or {}, notes=tuple(notes))

    def diagnose(self, **more: Any) -> Diagnosis:
        """The diagnosis of it as it is."""
        return diagnose(self.evidence(**more), incident(), NOW)


def shop(kind: str = "mysql:8.4", port: int = 3306) -> Shop:
    """web (node-a) → orders (node-b) → db (node-a)."""
    made = Shop()
    made.add("db", tier("db", kind, port), port)
    orders = tier("orders", "registry.example.com/orders:2", 8080, DB_HOST="db", DB_PORT=str(port))
    made.add("orders", orders, 8080, on="node-b")
    made.add("web", tier("web", "registry.example.com/web:7", 8000, ORDERS_URL="http://orders:8080"), 80)
    made.services["web"]["spec"]["ports"][0]["targetPort"] = 8000
    return made
