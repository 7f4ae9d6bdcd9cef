"""The executor carries out what a certificate proves, once, or says why not; and takes it back."""

from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.api.incident import StepOutcome
from incident_commander.errors import Conflict, Unavailable
from incident_commander.ports import PatchType
from incident_commander.rehearsal.faults import Crash
from tests.unit.executor.stage import EXECUTOR, Stage


async def carry_out(stage: Stage) -> None:
    """Reconcile, restarting the process whenever it dies, until it has nothing more to do."""
    for _ in range(20):
        try:
            if await stage.executor().reconcile(stage.home, "inc") is None:
                return
        except (Crash, Unavailable):
            pass
        await stage.settle(1)


class TestCarryingOut:
    async def test_a_certified_plan_is_applied_once_and_recorded(self) -> None:
        stage = Stage()
        plan = await stage.prepare()
        await carry_out(stage)
        await carry_out(stage)
        attempt = await stage.attempt()
        assert (attempt.outcome, attempt.plan_digest) == (StepOutcome.APPLIED, plan.digest), attempt.message
        assert stage.workload_writes() == 1

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("write", [1, 2, 3])
    async def test_a_crash_at_any_write_resumes_without_acting_twice(self, write: int, after: bool) -> None:
        stage = Stage()
        await stage.prepare()
        fault = stage.world.faults.crash(EXECUTOR, at_write=write, after=after)
        await carry_out(stage)
        assert fault.raised == 1
        assert stage.workload_writes() == 1
        assert (await stage.attempt()).outcome is StepOutcome.APPLIED

    async def test_a_lost_answer_to_the_write_is_found_out_by_reading(self) -> None:
        stage = Stage()
        await stage.prepare()
        stage.world.faults.inject(
            lambda: Unavailable("connection reset"), user=EXECUTOR, resource="deployments.apps", writes=True, after=True
        )
        await carry_out(stage)
        assert stage.workload_writes() == 1
        assert (await stage.attempt()).outcome is StepOutcome.APPLIED

    async def test_a_conflict_is_tried_again_with_everything_checked_anew(self) -> None:
        stage = Stage()
        await stage.prepare()
        stage.world.faults.inject(
            lambda: Conflict("changed"), user=EXECUTOR, resource="deployments.apps", writes=True, times=2
        )
        await carry_out(stage)
        assert stage.workload_writes() == 1

    async def test_a_target_that_is_always_busy_is_given_up(self) -> None:
        stage = Stage()
        await stage.prepare()
        stage.world.faults.inject(
            lambda: Conflict("changed"), user=EXECUTOR, resource="deployments.apps", writes=True, times=None
        )
        await carry_out(stage)
        assert (await stage.attempt()).reason == "TargetBusy"
        assert stage.workload_writes() == 0

    async def test_a_dry_run_that_always_conflicts_is_left_to_the_callers_backoff(self) -> None:
        stage = Stage()
        await stage.prepare()
        fault = stage.world.faults.inject(
            lambda: Conflict("changed"), user=EXECUTOR, resource="deployments.apps", verb="patch", times=None
        )
        with pytest.raises(Conflict):
            await stage.executor().reconcile("shop", "inc")
        assert fault.raised == 1

    async def test_drift_from_a_helm_release_is_on_record(self) -> None:
        stage = Stage()
        stage.annotations = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}
        await stage.prepare()
        await carry_out(stage)
        (step,) = (await stage.attempt()).steps
        assert "drift from Helm" in step.message
        assert step.observed_resource_version

    async def test_nothing_is_written_in_any_other_phase(self) -> None:
        stage = Stage()
        await stage.prepare()
        await stage.status(phase="AwaitingApproval")
        await carry_out(stage)
        assert stage.workload_writes() == 0


class TestRefusing:
    async def refused(self, stage: Stage) -> str:
        await carry_out(stage)
        assert stage.workload_writes() == 0
        attempt = await stage.attempt()
        assert attempt.outcome is StepOutcome.REFUSED
        return attempt.reason

    async def test_three_votes_of_six_do_not_move_it_whatever_the_certificate_says(self) -> None:
        stage = Stage()
        await stage.prepare(approvals=3)
        assert await self.refused(stage) == "QuorumTooLow"

    async def test_an_expired_certificate(self) -> None:
        stage = Stage()
        await stage.prepare(seconds=5)
        await stage.settle(6)
        assert "Expired" in await self.refused(stage)

    async def test_a_plan_that_was_changed_after_the_vote(self) -> None:
        stage = Stage()
        plan = await stage.prepare()
        forged = plan.model_copy(update={"runbook": "other"})
        await stage.status(plan=forged.to_json())
        assert "Plan" in await self.refused(stage)

    async def test_an_agent_whose_key_was_withdrawn_since(self) -> None:
        stage = Stage()
        await stage.prepare()
        for name in ("detection", "diagnosis", "prediction"):
            await stage.admin.delete(kinds.AGENT, None, name)
        assert await self.refused(stage)

    async def test_a_workload_that_changed_since_the_vote(self) -> None:
        stage = Stage()
        await stage.prepare()
        await stage.edit(minReadySeconds=5)
        assert await self.refused(stage) == "PlanStale"

    async def test_a_workload_that_was_deleted(self) -> None:
        stage = Stage()
        await stage.prepare()
        await stage.admin.delete(kinds.DEPLOYMENT, "shop", "web")
        assert await self.refused(stage) == "TargetDeleted"

    async def test_a_policy_that_was_set_to_observe_in_the_meantime(self) -> None:
        stage = Stage()
        await stage.prepare()
        body = {"spec": {"mode": "Observe"}}
        await stage.admin.patch(kinds.REMEDIATION_POLICY, None, "p", body, patch_type=PatchType.MERGE)
        assert await self.refused(stage)

    async def test_a_tripped_breaker_and_only_a_person_closes_it(self) -> None:
        stage = Stage()
        await stage.prepare()
        data = {"state": "Tripped", "reason": "three in a row"}
        stage.world.apply(
            kinds.CONFIG_MAP,
            "incident-commander",
            {"metadata": {"name": "incident-commander-circuit-breaker"}, "data": data},
        )
        assert "Breaker" in await self.refused(stage)

    async def test_an_approval_that_nobody_gave(self) -> None:
        stage = Stage(mode="Approve")
        await stage.prepare()
        assert "Approv" in await self.refused(stage)

    async def test_what_is_there_already_is_recorded_as_nothing_to_change(self) -> None:
        stage = Stage(action="SetResources", parameters={"container": "web", "memory": "128Mi"})
        await stage.prepare()
        template = await stage.template()
        template["spec"]["containers"][0]["resources"] = {"limits": {"memory": "128Mi"}}
        await stage.edit(template=template)
        await carry_out(stage)
        assert (await stage.attempt()).outcome is StepOutcome.NO_OP
        assert stage.workload_writes() == 0


class TestUndoing:
    async def applied(self, **values: Any) -> tuple[Stage, Any]:
        stage = Stage(**values)
        await stage.prepare()
        before = await stage.template()
        await carry_out(stage)
        assert await stage.template() != before
        await stage.settle()
        await stage.status(phase="RollingBack")
        return stage, before

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("write", [1, 2])
    async def test_the_pre_image_is_restored_through_a_crash_at_any_write(self, write: int, after: bool) -> None:
        stage, before = await self.applied()
        stage.world.faults.crash(EXECUTOR, at_write=write, after=after)
        await carry_out(stage)
        assert await stage.template() == before
        assert (await stage.attempt()).outcome is StepOutcome.UNDONE
        assert stage.workload_writes() == 2

    async def test_what_somebody_else_changed_since_is_left_alone(self) -> None:
        stage, _ = await self.applied(action="SetResources", parameters={"container": "web", "memory": "128Mi"})
        template = await stage.template()
        template["spec"]["containers"][0]["resources"]["limits"]["memory"] = "999Mi"
        await stage.edit(template=template)
        await carry_out(stage)
        attempt = await stage.attempt()
        assert (attempt.outcome, attempt.reason) == (StepOutcome.UNDO_FAILED, "ChangedSince")
        assert (await stage.template())["spec"]["containers"][0]["resources"]["limits"]["memory"] == "999Mi"

    async def test_an_attempt_that_everybody_gave_up_on_is_taken_back(self) -> None:
        stage = Stage()
        await stage.prepare()
        before = await stage.template()
        stage.world.faults.crash(EXECUTOR, at_write=2, after=True)
        with pytest.raises(Crash):
            await stage.executor().reconcile("shop", "inc")
        assert await stage.template() != before
        await stage.status(phase="Escalated")
        await carry_out(stage)
        assert await stage.template() == before
        assert (await stage.attempt()).outcome is StepOutcome.UNDONE

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    async def test_an_undo_that_was_given_up_is_recorded_if_it_was_made_and_never_made_late(self, after: bool) -> None:
        stage, before = await self.applied()
        changed = await stage.template()
        stage.world.faults.crash(EXECUTOR, at_write=1, after=after)
        with pytest.raises(Crash):
            await stage.executor().reconcile("shop", "inc")
        now = stage.now()
        resolved = {"type": "Resolved", "status": "False", "reason": "UndoFailed", "lastTransitionTime": now}
        await stage.status(phase="Escalated", conditions=[{**resolved, "message": "the executor did not undo in time"}])
        await carry_out(stage)
        assert await stage.template() == (before if after else changed)
        assert (await stage.attempt()).outcome is (StepOutcome.UNDONE if after else StepOutcome.APPLIED)
        assert stage.workload_writes() == (2 if after else 1)
