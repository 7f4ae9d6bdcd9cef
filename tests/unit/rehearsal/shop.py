"""A small world with one service in it."""

from __future__ import annotations

from typing import Any

from incident_commander.api.kinds import DEPLOYMENT, EVENT, POD
from incident_commander.ports import Object
from incident_commander.rehearsal.behaviour import Behaviour, Context, Image
from incident_commander.rehearsal.world import World


class Shop:
    """A namespace with one Deployment ``web``; each tag of its image behaves as given."""

    def __init__(self, behaviours: dict[str, Behaviour], *, nodes: int = 2, **spec: Any) -> None:
        self.world = World(seed=5)
        self.world.add_namespace("shop", managed=True)
        for number in range(nodes):
            self.world.add_node(f"node-{number}", cpu="2", memory="2Gi")

        def program(context: Context) -> Behaviour:
            return behaviours[context.tag]

        self.world.registry.publish(Image("registry.example/web", frozenset(behaviours), program))
        self.world.apply(DEPLOYMENT, "shop", self.body(next(iter(behaviours)), **spec))
        self.world.clock.advance(30)

    def body(self, tag: str, *, container: dict[str, Any] | None = None, **spec: Any) -> Object:
        base = {
            "name": "web",
            "image": f"registry.example/web:{tag}",
            "resources": {"limits": {"memory": "128Mi"}},
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2},
        }
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [base | (container or {})]}}
        fields = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
        return {"metadata": {"name": "web"}, "spec": fields | spec}

    def release(self, tag: str) -> None:
        def released(old: Object) -> Object:
            container = old["spec"]["template"]["spec"]["containers"][0] | {"image": f"registry.example/web:{tag}"}
            inner = old["spec"]["template"]["spec"] | {"containers": [container]}
            return {**old, "spec": old["spec"] | {"template": old["spec"]["template"] | {"spec": inner}}}

        self.world.api.change(DEPLOYMENT, "shop", "web", released)

    @property
    def deployment(self) -> Object:
        return self.world.api.get(DEPLOYMENT, "shop", "web")

    @property
    def pods(self) -> list[Object]:
        return self.world.api.list(POD, "shop", None, None)

    def container(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.pods[number]["status"]["containerStatuses"][0]
        return found

    def events(self, reason: str) -> list[Object]:
        return [e for e in self.world.api.list(EVENT, "shop", None, None) if e["reason"] == reason]

    def condition(self, type_: str) -> dict[str, Any]:
        found: dict[str, Any] = next(c for c in self.deployment["status"]["conditions"] if c["type"] == type_)
        return found
