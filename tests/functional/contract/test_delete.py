"""``delete``: preconditions, finalizers, grace, and what goes along."""

from __future__ import annotations

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    POD,
)
from incident_commander.ports import Object, PatchType, Propagation
from tests.functional.contract.sides import Side, config_map, pod


class TestDeleting:
    async def test_what_does_not_exist_is_not_found(self, side: Side) -> None:
        with pytest.raises(errors.NotFound):
            await side.cluster.delete(DEPLOYMENT, side.namespace, "web")

    async def test_removes_the_object(self, side: Side) -> None:
        await side.deploy()

        await side.cluster.delete(DEPLOYMENT, side.namespace, "web")

        with pytest.raises(errors.NotFound):
            await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    async def test_with_another_uid_conflicts(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.Conflict):
            await side.cluster.delete(DEPLOYMENT, side.namespace, "web", uid="00000000-0000-0000-0000-000000000000")
        assert await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    async def test_with_an_old_resource_version_conflicts(self, side: Side) -> None:
        made = await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c", a="1"))
        await side.cluster.patch(CONFIG_MAP, side.namespace, "c", {"data": {"a": "2"}}, patch_type=PatchType.MERGE)

        with pytest.raises(errors.Conflict):
            await side.cluster.delete(
                CONFIG_MAP, side.namespace, "c", resource_version=made["metadata"]["resourceVersion"]
            )

    async def test_with_the_right_preconditions_removes_it(self, side: Side) -> None:
        made = await side.cluster.create(CONFIG_MAP, side.namespace, config_map("c", a="1"))

        await side.cluster.delete(
            CONFIG_MAP,
            side.namespace,
            "c",
            uid=made["metadata"]["uid"],
            resource_version=made["metadata"]["resourceVersion"],
        )

        assert await side.cluster.list(CONFIG_MAP, side.namespace, fields="metadata.name=c") == []

    async def test_a_finalizer_holds_it_until_it_is_taken_off(self, side: Side) -> None:
        body = config_map("c")
        body["metadata"]["finalizers"] = ["example.io/hold"]
        await side.cluster.create(CONFIG_MAP, side.namespace, body)

        await side.cluster.delete(CONFIG_MAP, side.namespace, "c")
        assert (await side.cluster.get(CONFIG_MAP, side.namespace, "c"))["metadata"]["deletionTimestamp"]

        await side.cluster.patch(
            CONFIG_MAP, side.namespace, "c", {"metadata": {"finalizers": None}}, patch_type=PatchType.MERGE
        )
        assert await side.cluster.list(CONFIG_MAP, side.namespace, fields="metadata.name=c") == []

    async def test_a_running_pod_is_given_its_grace(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod() | {"spec": pod()["spec"] | {"nodeName": "node-x"}})

        await side.cluster.delete(POD, side.namespace, "alone")

        meta = (await side.cluster.get(POD, side.namespace, "alone"))["metadata"]
        assert meta["deletionTimestamp"]
        assert meta["deletionGracePeriodSeconds"] == 30

    async def test_a_pod_without_a_node_goes_at_once(self, side: Side) -> None:
        await side.cluster.create(POD, side.namespace, pod())

        await side.cluster.delete(POD, side.namespace, "alone")

        assert await side.cluster.list(POD, side.namespace) == []


class TestDeletingAJob:
    async def made(self, side: Side) -> Object:
        spec = {"template": {"spec": {"restartPolicy": "Never", "containers": pod()["spec"]["containers"]}}}
        meta = {"name": "report"}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {**spec, "suspend": True}}
        return await side.cluster.create(JOB, side.namespace, body)

    async def test_in_the_background_it_is_gone_at_once(self, side: Side) -> None:
        uid = (await self.made(side))["metadata"]["uid"]
        await side.cluster.delete(JOB, side.namespace, "report", uid=uid, propagation=Propagation.BACKGROUND)
        with pytest.raises(errors.NotFound):
            await side.cluster.get(JOB, side.namespace, "report")

    async def test_a_dry_run_deletes_nothing(self, side: Side) -> None:
        await self.made(side)
        await side.cluster.delete(JOB, side.namespace, "report", propagation=Propagation.BACKGROUND, dry_run=True)
        assert await side.cluster.get(JOB, side.namespace, "report")
