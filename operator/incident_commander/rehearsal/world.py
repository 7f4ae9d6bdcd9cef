"""A whole cluster that lives in memory: API server, controllers, kubelets, Prometheus, Alertmanager."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from incident_commander.api.kinds import CONFIG_MAP, NAMESPACE, NODE, Kind
from incident_commander.api.names import LABEL_MANAGED, OPERATOR_NAMESPACE
from incident_commander.ports import Object
from incident_commander.rehearsal.apiserver import ApiServer
from incident_commander.rehearsal.behaviour import Registry
from incident_commander.rehearsal.clock import VirtualClock
from incident_commander.rehearsal.cluster import Audit, RehearsedCluster
from incident_commander.rehearsal.controllers.autoscaler import AutoscalerController
from incident_commander.rehearsal.controllers.daemon_sets import DaemonSetController
from incident_commander.rehearsal.controllers.deployments import DeploymentController
from incident_commander.rehearsal.controllers.disruption import DisruptionController
from incident_commander.rehearsal.controllers.endpoints import EndpointSliceController
from incident_commander.rehearsal.controllers.garbage import GarbageCollector, NamespaceController
from incident_commander.rehearsal.controllers.jobs import CronJobController, JobController
from incident_commander.rehearsal.controllers.manager import ControllerManager
from incident_commander.rehearsal.controllers.nodes import NodeLifecycleController
from incident_commander.rehearsal.controllers.replicas import ReplicaSetController
from incident_commander.rehearsal.controllers.scheduler import Scheduler
from incident_commander.rehearsal.controllers.stateful_sets import StatefulSetController
from incident_commander.rehearsal.faults import Faults
from incident_commander.rehearsal.kubelet.kubelet import Kubelet
from incident_commander.rehearsal.objects import kube_time, name_of, namespace_of
from incident_commander.rehearsal.prometheus.alertmanager import Alertmanager
from incident_commander.rehearsal.prometheus.rules import DEFAULT_RULES, Rule
from incident_commander.rehearsal.prometheus.server import Prometheus, RehearsedMetrics

ADMIN = "system:admin"


class World:
    """Everything outside of the project, for one rehearsal. The same seed gives the same world to the byte."""

    def __init__(self, seed: int, *, rules: Sequence[Rule] = DEFAULT_RULES) -> None:
        self.seed = seed
        self.clock = VirtualClock()
        self.rng = random.Random(f"world/{seed}")
        self.api = ApiServer(self.clock, random.Random(f"api/{seed}"))
        self.faults = Faults()
        self.audit = Audit()
        self.registry = Registry()
        self.controllers = ControllerManager(self.api)
        for controller in (
            DeploymentController(self.api),
            ReplicaSetController(self.api),
            StatefulSetController(self.api),
            DaemonSetController(self.api),
            JobController(self.api),
            CronJobController(self.api),
            AutoscalerController(self.api, self._cpu_of),
            EndpointSliceController(self.api),
            NodeLifecycleController(self.api),
            DisruptionController(self.api),
            Scheduler(self.api),
            GarbageCollector(self.api),
            NamespaceController(self.api),
        ):
            self.controllers.add(controller)
        self.kubelet = Kubelet(self.api, self.registry)
        self.alertmanager = Alertmanager(self.clock)
        self.prometheus = Prometheus(self.clock, self.api.store, self.kubelet, self.alertmanager)
        self._latency = random.Random(f"latency/{seed}")
        for name in ("default", "kube-system", OPERATOR_NAMESPACE):
            self.add_namespace(name)
        self.prometheus.start(rules)

    def cluster(self, user: str = ADMIN) -> RehearsedCluster:
        """The cluster as an identity sees it."""
        return RehearsedCluster(self.api, self.kubelet, self.audit, self.faults, self._latency, user)

    def metrics(self, user: str = ADMIN) -> RehearsedMetrics:
        """Prometheus as an identity uses it."""
        return RehearsedMetrics(self.prometheus, self.clock, self.faults, user)

    def add_namespace(self, name: str, *, managed: bool = False) -> Object:
        """A namespace; ``managed`` opts it in to remediation."""
        labels = {LABEL_MANAGED: "true"} if managed else {}
        return self.api.create(NAMESPACE, None, {"metadata": {"name": name, "labels": labels}})

    def add_node(
        self, name: str, *, cpu: str = "4", memory: str = "8Gi", labels: Mapping[str, str] | None = None
    ) -> None:
        """A ready node."""
        body = {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}, "spec": {}}
        node = self.api.create(NODE, None, body)
        room = {"cpu": cpu, "memory": memory, "pods": "110"}
        self.api.change_status(
            NODE, node, {"capacity": room, "allocatable": room, "conditions": self._node_conditions(ready=True)}
        )

    def lose_node(self, name: str) -> None:
        """The node's kubelet stops reporting: Ready becomes Unknown."""
        self.kubelet.lose(name)
        self._report_node(name, ready=False)

    def regain_node(self, name: str) -> None:
        """The node reports again."""
        self._report_node(name, ready=True)
        self.kubelet.regain(name)

    def press_node(self, name: str, type_: str = "MemoryPressure") -> None:
        """The node's kubelet reports that it runs short; until it is told otherwise."""
        node = self.api.get(NODE, None, name)
        told = {"status": "True", "reason": f"KubeletHas{type_}", "lastTransitionTime": kube_time(self.clock.now())}
        conditions = [{**c, **told} if c["type"] == type_ else c for c in node["status"]["conditions"]]
        self.api.change_status(NODE, node, {**node["status"], "conditions": conditions})

    def apply(self, kind: Kind, namespace: str | None, body: Object) -> Object:
        """Create an object as the administrator, at once."""
        return self.api.create(kind, namespace, body)

    def edit(self, kind: Kind, namespace: str | None, name: str, **fields: Any) -> Object:
        """Replace top-level fields (``spec``, ``data``) of an object as somebody outside, at once."""
        return self.api.change(kind, namespace, name, lambda old: {**old, **fields})

    def set_config(self, namespace: str, name: str, data: Mapping[str, str]) -> None:
        """Create or replace a ConfigMap's data."""
        if self.api.store.get(CONFIG_MAP, namespace, name) is None:
            self.apply(CONFIG_MAP, namespace, {"metadata": {"name": name}, "data": dict(data)})
        else:
            self.edit(CONFIG_MAP, namespace, name, data=dict(data))

    def _cpu_of(self, namespace: str, pod: str) -> float | None:
        used = [c.cores for p, c in self.kubelet.running() if (namespace_of(p), name_of(p)) == (namespace, pod)]
        return sum(used) if used else None

    def _report_node(self, name: str, *, ready: bool) -> None:
        node = self.api.get(NODE, None, name)
        self.api.change_status(NODE, node, {**node["status"], "conditions": self._node_conditions(ready=ready)})

    def _node_conditions(self, *, ready: bool) -> list[dict[str, Any]]:
        now = kube_time(self.clock.now())
        pressures = ("MemoryPressure", "DiskPressure", "PIDPressure")
        quiet = [
            {
                "type": type_,
                "status": "False",
                "reason": f"KubeletHasNo{type_}",
                "message": f"kubelet has no {type_}",
                "lastTransitionTime": now,
            }
            for type_ in pressures
        ]
        if ready:
            state = {"status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status"}
        else:
            state = {
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
            }
        return [*quiet, {"type": "Ready", **state, "lastTransitionTime": now}]
