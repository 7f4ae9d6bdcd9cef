"""``evict``: what disruption budgets allow."""

from __future__ import annotations

import asyncio

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    POD,
    POD_DISRUPTION_BUDGET,
)
from incident_commander.ports import Object, PatchType
from tests.functional.contract.sides import Side, pod


class TestEvicting:
    """Pods that are Running and ready, as a kubelet would have reported them, and a controller that counts them."""

    @pytest.fixture(params=["in_memory", pytest.param("real", marks=pytest.mark.apiserver)])
    def side(self, request: pytest.FixtureRequest) -> Side:
        if request.param == "real":
            request.getfixturevalue("control_plane_with_controllers")
        found: Side = request.getfixturevalue(request.param)
        return found

    async def running(self, side: Side, name: str = "web-1", *, ready: bool = True) -> Object:
        body = pod(name)
        body["metadata"]["labels"] = {"app": "web"}
        await side.cluster.create(POD, side.namespace, body)
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
        return await side.cluster.patch(
            POD, side.namespace, name, {"status": status}, patch_type=PatchType.MERGE, subresource="status"
        )

    async def budget(self, side: Side, name: str = "web", *, least: int = 1) -> None:
        """A budget, once a controller has counted the pods."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
        }
        await side.cluster.create(POD_DISRUPTION_BUDGET, side.namespace, body)
        for _ in range(200):
            found = await side.cluster.get(POD_DISRUPTION_BUDGET, side.namespace, name)
            if found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]:
                return
            await asyncio.sleep(0.05)
        raise AssertionError("no controller counts")

    async def test_without_a_budget_the_pod_goes(self, side: Side) -> None:
        made = await self.running(side)
        await side.cluster.evict(side.namespace, "web-1", uid=made["metadata"]["uid"])
        with pytest.raises(errors.NotFound):
            await side.cluster.get(POD, side.namespace, "web-1")

    async def test_a_dry_run_answers_the_same_and_evicts_nothing(self, side: Side) -> None:
        await self.running(side)
        await side.cluster.evict(side.namespace, "web-1", dry_run=True)
        assert await side.cluster.get(POD, side.namespace, "web-1")
        await self.budget(side)
        with pytest.raises(errors.DisruptionRefused):
            await side.cluster.evict(side.namespace, "web-1", dry_run=True)

    async def test_a_budget_that_allows_none_refuses(self, side: Side) -> None:
        await self.running(side)
        await self.budget(side)
        with pytest.raises(errors.DisruptionRefused, match="violate the pod's disruption budget"):
            await side.cluster.evict(side.namespace, "web-1")
        assert await side.cluster.get(POD, side.namespace, "web-1")

    async def test_a_budget_that_allows_one_lets_one_go(self, side: Side) -> None:
        await self.running(side)
        await self.running(side, "web-2")
        await self.budget(side)
        await side.cluster.evict(side.namespace, "web-1")
        with pytest.raises(errors.DisruptionRefused):
            await side.cluster.evict(side.namespace, "web-2")

    async def test_a_pod_that_is_not_ready_goes_while_the_others_suffice(self, side: Side) -> None:
        await self.running(side)
        await self.running(side, "web-2", ready=False)
        await self.budget(side)
        await side.cluster.evict(side.namespace, "web-2")

    async def test_a_pod_that_is_not_ready_is_held_while_the_others_do_not(self, side: Side) -> None:
        await self.running(side)
        await self.running(side, "web-2", ready=False)
        await self.budget(side, least=2)
        with pytest.raises(errors.DisruptionRefused):
            await side.cluster.evict(side.namespace, "web-2")

    async def test_several_budgets_are_no_answer(self, side: Side) -> None:
        await self.running(side)
        await self.budget(side, least=0)
        await self.budget(side, "other", least=0)
        with pytest.raises(errors.Unavailable, match="more than one PodDisruptionBudget"):
            await side.cluster.evict(side.namespace, "web-1")

    @pytest.mark.parametrize("wrong", [{"uid": "another"}, {"resource_version": "1"}], ids=["uid", "version"])
    @pytest.mark.parametrize("dry_run", [True, False])
    async def test_preconditions_hold(self, side: Side, wrong: dict[str, str], dry_run: bool) -> None:
        await self.running(side)
        with pytest.raises(errors.Conflict):
            await side.cluster.evict(side.namespace, "web-1", **wrong, dry_run=dry_run)
        assert await side.cluster.get(POD, side.namespace, "web-1")

    async def test_a_pod_that_is_gone_is_not_found(self, side: Side) -> None:
        with pytest.raises(errors.NotFound):
            await side.cluster.evict(side.namespace, "web-1")
