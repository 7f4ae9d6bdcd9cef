"""What the newer actions ask for is accepted by a real API server, recognised in what it stores, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from incident_commander.actions.action import Bounds
from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.actions.send import look, send
from incident_commander.actions.write import is_done, is_undone, shows, to_do, to_undo
from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.api import kinds
from incident_commander.api.incident import StepOutcome, StepRecord
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.api.plan import ActionName, Step
from incident_commander.errors import AlreadyExists, Conflict, DisruptionRefused, Invalid
from incident_commander.evidence.evidence import target_of
from incident_commander.evidence.situation import read_situation
from incident_commander.ports import Object, PatchType
from tests.controlplane import ControlPlane
from tests.functional.actions.test_patches_are_accepted import NOW, Bench, pods, workload

pytestmark = pytest.mark.apiserver
WIDE = Bounds(min_healthy_percent=0, max_volume="1Ti", network_policies_enforced=True)


@dataclass(frozen=True)
class Site(Bench):
    async def plan_within(self, action: ActionName, target: Object, **parameters: str) -> Step:
        situation = await read_situation(self.cluster, target_of(target))
        return CATALOGUE[action].plan(situation, parameters, bounds=WIDE, issued_at=NOW, step_name="it")

    async def do(self, step: Step) -> StepRecord:
        """Dry-run and write as the executor does; answers its record."""
        for dry_run in (True, False):
            for _ in range(20):  # controllers write, too
                current = await self.read(shows_target(step), step.target.name)
                write = to_do(step, {"apiVersion": step.target.api_version, "kind": step.target.kind, **current})
                try:
                    made = await send(self.cluster, write, dry_run=dry_run, field_manager=FIELD_MANAGER_EXECUTOR)
                    break
                except Conflict:
                    continue
        assert is_done(step, await look(self.cluster, shows(step)))
        return StepRecord(
            name=step.name,
            action=step.action,
            target=step.target,
            verb=step.verb,
            operations=step.operations,
            pre_image=step.pre_image,
            undo_operations=step.undo.operations,
            undo_possible=step.undo.possible,
            outcome=StepOutcome.APPLIED,
            result_generation=made.get("metadata", {}).get("generation"),
        )

    async def undo(self, record: StepRecord) -> None:
        for _ in range(20):
            found = await look(self.cluster, shows(record))
            if is_undone(record, found) is not None:
                return
            try:
                await send(self.cluster, to_undo(record, found), dry_run=False, field_manager=FIELD_MANAGER_EXECUTOR)
            except Conflict:
                continue
        raise AssertionError("it was never undone")

    async def running(self, count: int) -> list[Object]:
        """Pods of Deployment web, reported ready."""
        for _ in range(200):
            found = await self.cluster.list(kinds.POD, self.namespace)
            if len(found) >= count:
                break
            await asyncio.sleep(0.1)
        status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
        for pod in found:
            await self.cluster.patch(
                kinds.POD,
                self.namespace,
                pod["metadata"]["name"],
                status,
                patch_type=PatchType.MERGE,
                subresource="status",
            )
        return found


def shows_target(step: Step) -> kinds.Kind:
    kind = kinds.kind_of(step.target.api_version, step.target.kind)
    assert kind is not None
    return kind


@pytest.fixture
async def site(control_plane: ControlPlane, fresh_namespace: str) -> AsyncIterator[Site]:
    cluster = await KubernetesCluster.connect(str(control_plane.kubeconfig))
    yield Site(cluster, fresh_namespace)
    await cluster.close()


def jobs() -> dict[str, Any]:
    return {"template": {"spec": {**pods()["spec"], "restartPolicy": "Never"}}, "backoffLimit": 0}


async def test_set_env_there_and_back(site: Site) -> None:
    body = workload(kinds.DEPLOYMENT)
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    target = await site.make(kinds.DEPLOYMENT, body)
    step = await site.plan_within(ActionName.SET_ENV, target, container="web", name="B", value="2")
    after = await site.there_and_back(kinds.DEPLOYMENT, step)
    env = after["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]


async def test_a_job_runs_once_under_its_name_and_is_taken_back(site: Site) -> None:
    meta = {"name": "report", "annotations": {"incidentcommander.io/rerun": "allowed"}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": jobs()}}
    target = await site.make(kinds.CRON_JOB, {"metadata": meta, "spec": spec})
    step = await site.plan_within(ActionName.RUN_JOB, target)
    record = await site.do(step)
    again = to_do(step, target)
    with pytest.raises(AlreadyExists):
        await send(site.cluster, again, dry_run=False, field_manager=FIELD_MANAGER_EXECUTOR)
    await site.undo(record)
    assert await look(site.cluster, shows(record)) is None


async def test_a_failed_job_is_deleted_and_made_again_suspended(site: Site) -> None:
    target = await site.make(kinds.JOB, {"metadata": {"name": "report"}, "spec": {**jobs(), "suspend": True}})
    failing = [{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True", "reason": "Deadline"}]
    times = {"startTime": "2026-03-01T11:00:00Z"}
    body = {"status": {**times, "conditions": [{**c, "lastTransitionTime": times["startTime"]} for c in failing]}}
    await site.cluster.patch(
        kinds.JOB, site.namespace, "report", body, patch_type=PatchType.MERGE, subresource="status"
    )
    record = await site.do(await site.plan_within(ActionName.DELETE_JOB, await site.read(kinds.JOB, "report")))
    await site.undo(record)
    again = await site.read(kinds.JOB, "report")
    assert again["spec"]["suspend"] is True
    assert again["metadata"]["uid"] != target["metadata"]["uid"]
    assert again["spec"]["template"]["spec"]["containers"] == target["spec"]["template"]["spec"]["containers"]


async def test_traffic_is_limited_and_let_in_again(site: Site) -> None:
    target = await site.make(kinds.DEPLOYMENT, workload(kinds.DEPLOYMENT))
    client = {"clientNamespace": "load", "clientLabel": "app=loader"}
    record = await site.do(await site.plan_within(ActionName.LIMIT_TRAFFIC, target, **client))
    made = await look(site.cluster, shows(record))
    assert made is not None
    assert len(made["spec"]["ingress"][0]["from"]) == 2
    await site.undo(record)
    assert await look(site.cluster, shows(record)) is None


async def test_a_claim_grows_and_cannot_shrink(site: Site, control_plane_with_controllers: ControlPlane) -> None:
    name = f"fast-{site.namespace}"
    storage = {"metadata": {"name": name}, "provisioner": "example.com/disk", "allowVolumeExpansion": True}
    await site.make(kinds.STORAGE_CLASS, storage)
    both: dict[str, Any] = {"storageClassName": name, "accessModes": ["ReadWriteOnce"]}
    volume = {**both, "capacity": {"storage": "10Gi"}, "hostPath": {"path": "/nowhere"}}
    await site.make(kinds.PERSISTENT_VOLUME, {"metadata": {"name": name}, "spec": volume})
    # A claim that names a volume which the controller has not seen yet is looked at again a quarter of a minute later.
    for _ in range(600):
        if (await site.cluster.get(kinds.PERSISTENT_VOLUME, None, name)).get("status", {}).get("phase") == "Available":
            break
        await asyncio.sleep(0.1)
    try:
        spec = {**both, "volumeName": name, "resources": {"requests": {"storage": "10Gi"}}}
        await site.make(kinds.PERSISTENT_VOLUME_CLAIM, {"metadata": {"name": "data"}, "spec": spec})
        for _ in range(600):
            target = await site.read(kinds.PERSISTENT_VOLUME_CLAIM, "data")
            if target["status"].get("phase") == "Bound":
                break
            await asyncio.sleep(0.1)
        target = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **target}
        await site.do(await site.plan_within(ActionName.EXPAND_VOLUME, target, percent="50"))
        grown = await site.read(kinds.PERSISTENT_VOLUME_CLAIM, "data")
        assert grown["spec"]["resources"]["requests"]["storage"] == "15Gi"
        smaller = {"spec": {"resources": {"requests": {"storage": "9Gi"}}}}
        with pytest.raises(Invalid, match="can not be less than"):
            await site.cluster.patch(
                kinds.PERSISTENT_VOLUME_CLAIM, site.namespace, "data", smaller, patch_type=PatchType.MERGE
            )
    finally:
        await site.cluster.delete(kinds.STORAGE_CLASS, None, name)
        await site.cluster.delete(kinds.PERSISTENT_VOLUME, None, name)


async def test_a_pod_is_isolated_replaced_and_taken_in_again(
    site: Site, control_plane_with_controllers: ControlPlane
) -> None:
    body = workload(kinds.DEPLOYMENT)
    body["spec"]["replicas"] = 2
    await site.make(kinds.DEPLOYMENT, body)
    service = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    await site.make(kinds.SERVICE, {"metadata": {"name": "web"}, "spec": service})
    target = (await site.running(2))[0]
    name = target["metadata"]["name"]
    record = await site.do(await site.plan_within(ActionName.ISOLATE_POD, target))
    await site.running(3)
    for _ in range(200):
        if "ownerReferences" not in (await site.read(kinds.POD, name))["metadata"]:
            break
        await asyncio.sleep(0.1)
    assert "ownerReferences" not in (await site.read(kinds.POD, name))["metadata"]
    await site.undo(record)
    for _ in range(200):
        left = await site.cluster.list(kinds.POD, site.namespace)
        if len(left) == 2:
            break
        await asyncio.sleep(0.1)
    assert len(left) == 2


async def test_a_pod_is_evicted_until_its_budget_is_spent(
    site: Site, control_plane_with_controllers: ControlPlane
) -> None:
    body = workload(kinds.DEPLOYMENT)
    body["spec"]["replicas"] = 2
    await site.make(kinds.DEPLOYMENT, body)
    found = await site.running(2)
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    await site.make(kinds.POD_DISRUPTION_BUDGET, {"metadata": {"name": "web"}, "spec": spec})
    for _ in range(200):
        status = (await site.read(kinds.POD_DISRUPTION_BUDGET, "web")).get("status", {})
        if status.get("disruptionsAllowed") == 1:
            break
        await asyncio.sleep(0.1)
    first, second = [await site.plan_within(ActionName.EVICT_POD, pod) for pod in found]
    await site.do(first)
    with pytest.raises(DisruptionRefused):
        await site.do(second)
