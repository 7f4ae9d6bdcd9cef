"""What a scenario is, and the workload that most of them are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from incident_commander.api.causes import Cause
from incident_commander.api.incident import Outcome
from incident_commander.api.kinds import DEPLOYMENT, POD, SERVICE, Kind
from incident_commander.api.plan import ActionName
from incident_commander.evidence.selectors import matches_selector
from incident_commander.ports import Object
from incident_commander.rehearsal.behaviour import MIB, Image, Program
from incident_commander.rehearsal.objects import annotations_of, dig, is_ready, labels_of
from incident_commander.rehearsal.world import World

_NAMES = ("checkout", "cart", "catalogue", "payments", "search", "shipping", "invoices", "sessions")
_NAMESPACES = ("shop", "store", "orders", "market")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is really wrong, and which ends are honest.

    ``cause`` None: nothing is wrong. ``mends`` are the actions of which any makes it better; nothing else may
    stay applied. Ends that are honest in ``outcomes`` but None: no Incident at all.
    """

    cause: Cause | None
    outcomes: frozenset[Outcome | None]
    mends: frozenset[ActionName] = frozenset()


@dataclass(frozen=True, slots=True)
class Stage:
    """A scenario that was set up in a world: what it is about, and when the fault comes."""

    world: World
    kind: Kind
    namespace: str
    name: str
    fault_at: datetime | None
    story: str

    def workload(self) -> Object | None:
        """The object now, or None."""
        return self.world.api.store.get(self.kind, self.namespace, self.name)

    def complete(self) -> bool:
        """Whether the newest revision has all its replicas, and only it."""
        found = self.workload()
        if found is None or dig(found, "status", "observedGeneration") != found["metadata"]["generation"]:
            return False
        desired = int(dig(found, "spec", "replicas") or 0)
        status = found.get("status") or {}
        counts = [int(status.get(key) or 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return counts == [desired] * 3

    def healthy(self) -> bool:
        """The truth: complete, every pod ready, and none restarted within the last half minute."""
        return self.complete() and all(is_ready(pod) and self._calm(pod) for pod in self.pods())

    def pods(self) -> list[Object]:
        """The workload's pods, by label."""
        found = self.workload()
        selector = dig(found, "spec", "selector")
        return [p for p in self.world.api.store.scan(POD, self.namespace) if matches_selector(labels_of(p), selector)]

    def template(self) -> Any:
        """The pod template with the replica count: what a remediation may have changed."""
        found = self.workload()
        return None if found is None else (found["spec"].get("replicas"), found["spec"]["template"])

    def _calm(self, pod: Object) -> bool:
        now = self.world.clock.now()
        started = [dig(c, "state", "running", "startedAt") for c in dig(pod, "status", "containerStatuses") or []]
        return all(text and now - datetime.fromisoformat(text) >= timedelta(seconds=30) for text in started)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of incident. ``prepare`` sets it up; from then on only the clock has to run."""

    name: str
    title: str
    truth: Truth
    prepare: Callable[[World], Stage]


@dataclass(slots=True)
class Service:
    """A Deployment with a Service in front, as most teams have them. Sizes in MiB, CPU in cores."""

    world: World
    namespace: str
    name: str
    program: Program
    tags: tuple[str, ...]
    replicas: int
    memory_mib: int = 256
    cpu: str = "500m"
    env: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    """A ConfigMap that is read as the environment at the start."""
    strategy: str = "RollingUpdate"

    @classmethod
    def drawn(cls, world: World, program: Program, *, memory_mib: int = 0, **more: Any) -> Service:
        """Names, versions and sizes from the seed, in a namespace that is opted in."""
        rng = world.rng
        namespace, name = rng.choice(_NAMESPACES), rng.choice(_NAMES)
        major, minor = rng.randint(1, 4), rng.randint(0, 20)
        tags = (f"{major}.{minor}.{rng.randint(0, 9)}", f"{major}.{minor + 1}.0")
        memory = memory_mib or rng.choice((192, 256, 320, 384))
        world.add_namespace(namespace, managed=True)
        for number in range(rng.randint(2, 4)):
            world.add_node(f"node-{number + 1}")
        return cls(world, namespace, name, program, tags, rng.randint(2, 5), memory, **more)

    @property
    def repository(self) -> str:
        """The image without a tag."""
        return f"registry.example/{self.namespace}/{self.name}"

    @property
    def limit(self) -> int:
        """The memory limit in bytes."""
        return self.memory_mib * MIB

    def deploy(self) -> None:
        """Create it all, at the first tag."""
        self.world.registry.publish(Image(self.repository, frozenset(self.tags), self.program))
        self.world.apply(DEPLOYMENT, self.namespace, self._deployment())
        ports = [{"name": "http", "port": 80, "targetPort": "http"}]
        body = {"metadata": {"name": self.name}, "spec": {"selector": {"app": self.name}, "ports": ports}}
        self.world.apply(SERVICE, self.namespace, body)

    def roll_out(self, *, tag: str | None = None, env: Mapping[str, str] | None = None, change: str = "") -> None:
        """A release: a new image tag, or other environment variables."""

        def released(old: Object) -> Object:
            template = self._template(tag or self.tags[0], self.env if env is None else env)
            meta = {**old["metadata"], "annotations": {**annotations_of(old), "kubernetes.io/change-cause": change}}
            return {**old, "metadata": meta, "spec": {**old["spec"], "template": template}}

        self.world.api.change(DEPLOYMENT, self.namespace, self.name, released)

    def stage(self, fault_after: float | None, story: str) -> Stage:
        """The stage of a scenario about it."""
        at = None if fault_after is None else self.world.clock.now() + timedelta(seconds=fault_after)
        return Stage(self.world, DEPLOYMENT, self.namespace, self.name, at, story)

    def _deployment(self) -> Object:
        strategy: dict[str, Any] = {"type": self.strategy}
        if self.strategy == "RollingUpdate":
            strategy["rollingUpdate"] = {"maxSurge": 1, "maxUnavailable": 0}
        return {
            "metadata": {"name": self.name, "labels": {"app": self.name}},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": self.name}},
                "strategy": strategy,
                "template": self._template(self.tags[0], self.env),
            },
        }

    def _template(self, tag: str, env: Mapping[str, str]) -> dict[str, Any]:
        container: dict[str, Any] = {
            "name": self.name,
            "image": f"{self.repository}:{tag}",
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {
                "requests": {"cpu": "100m", "memory": f"{self.memory_mib // 2}Mi"},
                "limits": {"cpu": self.cpu, "memory": f"{self.memory_mib}Mi"},
            },
            "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 5},
        }
        if env:
            container["env"] = [{"name": key, "value": value} for key, value in env.items()]
        if self.config:
            container["envFrom"] = [{"configMapRef": {"name": self.config}}]
        return {"metadata": {"labels": {"app": self.name}}, "spec": {"containers": [container]}}
