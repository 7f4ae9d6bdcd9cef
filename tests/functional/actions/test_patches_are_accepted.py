"""What actions write is accepted by a real API server, recognised in what it stores, and taken back exactly."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from incident_commander.actions.action import Bounds
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.actions.json_patch import already_applied, already_undone, json_patch, undo_patch
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api import kinds
from incident_commander.api.incident import StepOutcome, StepRecord
from incident_commander.api.kinds import Kind
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.api.plan import ActionName, Step
from incident_commander.errors import Conflict, NotFound, Refusal
from incident_commander.evidence.evidence import target_of
from incident_commander.evidence.situation import read_situation
from incident_commander.ports import Object, PatchType
from tests.controlplane import ControlPlane

pytestmark = pytest.mark.apiserver
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Bench:
    cluster: KubernetesCluster
    namespace: str

    async def make(self, kind: Kind, body: dict[str, Any]) -> Object:
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        return await self.cluster.create(kind, self.namespace if kind.namespaced else None, body)

    async def read(self, kind: Kind, name: str) -> Object:
        return await self.cluster.get(kind, self.namespace if kind.namespaced else None, name)

    async def settled(self, kind: Kind, name: str) -> Object:
        """The object, once its controllers have let it be for two seconds: a write of theirs is a conflict."""
        found, quiet = await self.read(kind, name), 0
        for _ in range(200):
            await asyncio.sleep(0.2)
            before, found = found, await self.read(kind, name)
            quiet = quiet + 1 if found["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"] else 0
            if quiet == 10:
                break
        return found

    async def plan(self, action: ActionName, target: Object, **parameters: str) -> Step:
        situation = await read_situation(self.cluster, target_of(target))
        bounds = Bounds(min_healthy_percent=0)
        return CATALOGUE[action].plan(situation, parameters, bounds=bounds, issued_at=NOW, step_name="it")

    async def plan_when_observed(self, action: ActionName, target: Object, **parameters: str) -> Step:
        """Controllers need a moment to record revisions."""
        for _ in range(200):
            try:
                return await self.plan(action, target, **parameters)
            except Refusal as refusal:
                if refusal.reason not in ("RolloutNotObserved", "NoPreviousRevision"):
                    raise
                await asyncio.sleep(0.1)
        raise AssertionError("the controllers recorded no earlier revision")

    async def patch(self, kind: Kind, step: Step, body: Any, *, dry_run: bool = False) -> Object:
        return await self.cluster.patch(
            kind,
            self.namespace if kind.namespaced else None,
            step.target.name,
            body,
            patch_type=PatchType.JSON,
            subresource=step.subresource,
            dry_run=dry_run,
            field_manager=FIELD_MANAGER_EXECUTOR,
        )

    async def there_and_back(self, kind: Kind, step: Step) -> Object:
        """Apply and undo as the executor does; answers the object in between."""
        for _ in range(20):  # controllers write to it as well
            before = await self.read(kind, step.target.name)
            try:
                await self.patch(kind, step, json_patch(step, before), dry_run=True)
                await self.patch(kind, step, json_patch(step, before))
                break
            except Conflict:
                continue
        after = await self.read(kind, step.target.name)
        assert already_applied(step, after)
        with pytest.raises(Conflict):
            await self.patch(kind, step, _stale(step, before))
        for _ in range(20):
            current = await self.read(kind, step.target.name)
            try:
                await self.patch(kind, step, undo_patch(_record(step), current))
                break
            except Conflict:
                continue
        restored = await self.read(kind, step.target.name)
        assert already_undone(_record(step), restored)
        assert not already_applied(step, restored)
        # The node lifecycle controller keeps the taints of a cordoned node.
        assert {**restored["spec"], "taints": None} == {**before["spec"], "taints": None}
        return after


def _stale(step: Step, seen: Object) -> list[dict[str, Any]]:
    """The patch again, with the present values: only UID and resourceVersion of the old object stand in its way."""
    return [op for op in json_patch(step, seen) if op["op"] != "test" or str(op["path"]).startswith("/metadata/")]


def _record(step: Step) -> StepRecord:
    return StepRecord(
        name=step.name,
        action=step.action,
        target=step.target,
        verb=step.verb,
        subresource=step.subresource,
        operations=step.operations,
        pre_image=step.pre_image,
        undo_operations=step.undo.operations,
        undo_possible=step.undo.possible,
        outcome=StepOutcome.APPLIED,
    )


@pytest.fixture
async def bench(control_plane: ControlPlane, fresh_namespace: str) -> AsyncIterator[Bench]:
    cluster = await KubernetesCluster.connect(str(control_plane.kubeconfig))
    yield Bench(cluster, fresh_namespace)
    await cluster.close()


def pods(image: str = "registry.example/web:1") -> dict[str, Any]:
    limits = {"memory": "128Mi", "cpu": "0.5"}
    containers = [
        {"name": "web", "image": image, "resources": {"limits": limits, "requests": {"memory": "128Mi"}}},
        {"name": "log", "image": "registry.example/log:1"},
    ]
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": containers}}


def workload(kind: Kind, image: str = "registry.example/web:1") -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": pods(image)}
    if kind is not kinds.DAEMON_SET:
        spec["replicas"] = 0
    if kind is kinds.STATEFUL_SET:
        spec["serviceName"] = "web"
    return {"metadata": {"name": "web"}, "spec": spec}


WORKLOADS = [kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET]
by_kind = pytest.mark.parametrize("kind", WORKLOADS, ids=lambda kind: kind.kind)


@by_kind
async def test_restart_rollout(bench: Bench, kind: Kind) -> None:
    target = await bench.make(kind, workload(kind))
    after = await bench.there_and_back(kind, await bench.plan(ActionName.RESTART_ROLLOUT, target))
    assert after["spec"]["template"]["metadata"]["annotations"] == {
        "incidentcommander.io/restartedAt": "2026-03-01T12:00:00.000Z"
    }


@by_kind
async def test_set_resources(bench: Bench, kind: Kind) -> None:
    target = await bench.make(kind, workload(kind))
    step = await bench.plan(ActionName.SET_RESOURCES, target, container="web", memory="1.5Gi", cpu="1000m")
    after = await bench.there_and_back(kind, step)
    resources = after["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"] == {"memory": "1536Mi", "cpu": "1"}
    assert resources["requests"]["memory"] == "1536Mi"


@by_kind
async def test_rollback_rollout(bench: Bench, control_plane_with_controllers: ControlPlane, kind: Kind) -> None:
    target = await bench.make(kind, workload(kind))
    first = copy.deepcopy(target["spec"]["template"])
    resource = kinds.REPLICA_SET if kind is kinds.DEPLOYMENT else kinds.CONTROLLER_REVISION
    for _ in range(200):  # else the second revision would be the first that the controller sees
        if await bench.cluster.list(resource, bench.namespace):
            break
        await asyncio.sleep(0.1)
    body = {"spec": {"template": pods("registry.example/web:broken")}}
    await bench.cluster.patch(kind, bench.namespace, "web", body, patch_type=PatchType.MERGE)
    step = await bench.plan_when_observed(ActionName.ROLLBACK_ROLLOUT, target)
    after = await bench.there_and_back(kind, step)
    assert after["spec"]["template"] == first


async def test_scale_workload(bench: Bench) -> None:
    body = workload(kinds.DEPLOYMENT)
    body["spec"]["replicas"] = 1
    target = await bench.make(kinds.DEPLOYMENT, body)
    step = await bench.plan(ActionName.SCALE_WORKLOAD, target, replicas="2")
    assert (await bench.there_and_back(kinds.DEPLOYMENT, step))["spec"]["replicas"] == 2


async def test_patch_hpa(bench: Bench) -> None:
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    kind = kinds.HORIZONTAL_POD_AUTOSCALER
    target = await bench.make(kind, {"metadata": {"name": "web"}, "spec": {"maxReplicas": 3, "scaleTargetRef": scaled}})
    step = await bench.plan(ActionName.PATCH_HPA, target, maxReplicas="6", minReplicas="2")
    after = await bench.there_and_back(kind, step)
    assert (after["spec"]["minReplicas"], after["spec"]["maxReplicas"]) == (2, 6)


async def test_suspend_cron_job(bench: Bench) -> None:
    template = {"spec": {"template": {"spec": {**pods()["spec"], "restartPolicy": "Never"}}}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": template}
    target = await bench.make(kinds.CRON_JOB, {"metadata": {"name": "report"}, "spec": spec})
    step = await bench.plan(ActionName.SUSPEND_CRON_JOB, target)
    assert (await bench.there_and_back(kinds.CRON_JOB, step))["spec"]["suspend"] is True


async def test_cordon_and_uncordon_node(bench: Bench) -> None:
    name, other = f"{bench.namespace}-a", f"{bench.namespace}-b"
    for node in (name, other):
        # With a label, as a kubelet does: of an object that begins without any field, owners are not tracked.
        await bench.make(kinds.NODE, {"metadata": {"name": node, "labels": {"kubernetes.io/os": "linux"}}})
        ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        await bench.cluster.patch(kinds.NODE, None, node, ready, patch_type=PatchType.MERGE, subresource="status")
    try:
        target = await bench.settled(kinds.NODE, name)
        step = await bench.plan(ActionName.CORDON_NODE, target)
        assert (await bench.there_and_back(kinds.NODE, step))["spec"]["unschedulable"] is True
        await bench.patch(kinds.NODE, step, json_patch(step, await bench.settled(kinds.NODE, name)))
        # Ours, as managedFields tell: it may be taken away again.
        await bench.there_and_back(kinds.NODE, await bench.plan(ActionName.UNCORDON_NODE, target))
        body = {"spec": {"unschedulable": True}}
        await bench.cluster.patch(
            kinds.NODE, None, other, body, patch_type=PatchType.MERGE, field_manager="kubectl-cordon"
        )
        with pytest.raises(Refusal, match="not cordoned by this operator"):
            await bench.plan(ActionName.UNCORDON_NODE, await bench.read(kinds.NODE, other))
    finally:
        for node in (name, other):
            await bench.cluster.delete(kinds.NODE, None, node)


async def test_resize_in_place(bench: Bench) -> None:
    target = await bench.make(kinds.POD, {"metadata": {"name": "alone"}, "spec": pods()["spec"]})
    running = {"status": {"phase": "Running"}}
    await bench.cluster.patch(
        kinds.POD, bench.namespace, "alone", running, patch_type=PatchType.MERGE, subresource="status"
    )
    if not await bench.cluster.offers(kinds.POD, "resize"):
        with pytest.raises(Refusal, match="does not offer in-place resize"):
            await bench.plan(ActionName.SET_RESOURCES, target, container="web", memory="256Mi")
        return
    step = await bench.plan(ActionName.SET_RESOURCES, target, container="web", memory="256Mi", cpu="1")
    assert step.subresource == "resize"
    after = await bench.there_and_back(kinds.POD, step)
    assert after["spec"]["containers"][0]["resources"]["limits"] == {"memory": "256Mi", "cpu": "1"}


async def test_delete_pod(bench: Bench, control_plane_with_controllers: ControlPlane) -> None:
    body = workload(kinds.DEPLOYMENT)
    body["spec"]["replicas"] = 1
    await bench.make(kinds.DEPLOYMENT, body)
    for _ in range(200):
        found = await bench.cluster.list(kinds.POD, bench.namespace)
        if found:
            break
        await asyncio.sleep(0.1)
    situation = await read_situation(bench.cluster, target_of(found[0]))
    above = {o["kind"] for key in ("replicasets.apps", "deployments.apps") for o in situation.related[key]}
    assert above == {"ReplicaSet", "Deployment"}
    step = await bench.plan(ActionName.DELETE_POD, found[0])
    name, uid = step.target.name, step.target.uid
    with pytest.raises(Conflict):
        await bench.cluster.delete(kinds.POD, bench.namespace, name, uid="another")
    await bench.cluster.delete(kinds.POD, bench.namespace, name, uid=uid)
    with pytest.raises(NotFound):
        await bench.read(kinds.POD, name)
