"""A drain moves pods one by one, waits for its budgets, and never acts twice; what cannot be moved is not begun."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Phase, StepOutcome
from incident_commander.api.meta import TargetRef
from incident_commander.api.names import LABEL_MANAGED, OPERATOR_NAMESPACE
from incident_commander.api.plan import ActionName, Plan
from incident_commander.api.policy import RemediationPolicy
from incident_commander.api.statement import Hypothesis
from incident_commander.evidence.situation import read_situation
from incident_commander.planning.planner import candidates, moved
from incident_commander.planning.runbooks import builtin_runbooks
from incident_commander.ports import Object
from incident_commander.rehearsal.behaviour import Behaviour, Image
from tests.unit.executor.stage import EXECUTOR, Stage
from tests.unit.executor.test_executor import carry_out

RUNBOOKS = [book for book in builtin_runbooks() if book.metadata.name == "drain-sick-node"]
EVICTION = "create pods/eviction"


class Node(Stage):
    """Node n1 with the three pods of Deployment ``web``; n2 and n3 join before it is drained."""

    home = OPERATOR_NAMESPACE

    def __init__(self, *, least: int = 2, floor: int = 50, actions: tuple[str, ...] = ("EvictPod",)) -> None:
        super().__init__(action="DrainNode")
        self.start_error = ""
        self.world.registry.publish(Image("web", frozenset({"1"}), lambda context: self.behaviour()))
        spec = {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}
        self.world.apply(kinds.POD_DISRUPTION_BUDGET, "shop", {"metadata": {"name": "web"}, "spec": spec})
        old = self.world.api.get(kinds.REMEDIATION_POLICY, None, "p")["spec"]
        match = {"namespaces": ["shop", ""]}
        limits = {"minHealthyPercent": floor}
        spec = {**old, "match": match, "limits": limits, "actions": ["DrainNode", *actions]}
        self.world.edit(kinds.REMEDIATION_POLICY, None, "p", spec=spec)

    def behaviour(self) -> Behaviour:
        return Behaviour(memory_bytes=1_000_000, start_error=self.start_error)

    async def plan(self) -> Plan:
        for name in ("n2", "n3"):
            self.world.add_node(name)
        node = await self.admin.get(kinds.NODE, None, "n1")
        labels = {**node["metadata"]["labels"], LABEL_MANAGED: "true"}
        self.world.edit(kinds.NODE, None, "n1", metadata={**node["metadata"], "labels": labels})
        self.target = TargetRef(api_version="v1", kind="Node", name="n1")
        facts = {"node": "n1", "condition": "MemoryPressure"}
        about = Hypothesis(
            cause=Cause.NODE_PRESSURE, object=self.target, confidence=95, summary="it is full", facts=facts
        )
        incident = await self.incident()
        found = {str(self.target): await read_situation(self.admin, self.target)}
        for ref in moved(incident, [about], RUNBOOKS, (), found):
            found[str(ref)] = await read_situation(self.admin, ref)
        policy = RemediationPolicy.model_validate(await self.admin.get(kinds.REMEDIATION_POLICY, None, "p"))
        made = candidates(
            incident=incident,
            hypotheses=[about],
            runbooks=RUNBOOKS,
            situations=found,
            policy=policy,
            now=self.world.clock.now(),
            tried=(),
        )
        assert made.plans, made.message
        return made.plans[0]

    def writes(self) -> list[str]:
        calls = [e.call for e in self.world.audit.writes(user=EXECUTOR)]
        others = [call for call in calls if call.resource != kinds.INCIDENT.resource]
        return [f"{c.verb} {c.resource}{f'/{c.subresource}' if c.subresource else ''}" for c in others]

    def left(self) -> list[Object]:
        return [p for p in self.world.api.store.scan(kinds.POD, "shop") if p["spec"].get("nodeName") == "n1"]

    async def cordoned(self) -> Any:
        return (await self.admin.get(kinds.NODE, None, "n1"))["spec"].get("unschedulable")


def evictions(plan: Plan) -> int:
    return sum(step.action is ActionName.EVICT_POD for step in plan.steps)


async def drained(node: Node) -> None:
    for _ in range(60):
        await carry_out(node)
        if (await node.incident()).status.execution.attempts[-1].outcome is not StepOutcome.INTENDED:
            return
        await node.settle(10)


async def test_the_plan_names_every_pod() -> None:
    plan = await Node().prepare()
    assert [step.action for step in plan.steps] == ["DrainNode", "EvictPod", "EvictPod", "EvictPod", "Escalate"]
    assert len({step.target.uid for step in plan.steps[1:4]}) == 3


async def test_the_node_is_cordoned_and_its_pods_are_moved_as_their_budget_allows() -> None:
    node = Node()
    plan = await node.prepare()
    await drained(node)
    attempt = await node.attempt()
    assert attempt.outcome is StepOutcome.APPLIED, attempt.message
    assert node.writes() == ["patch nodes", *[EVICTION] * evictions(plan)]
    await node.settle()
    assert node.left() == []
    assert await node.cordoned() is True


async def test_progress_is_recorded_while_it_waits() -> None:
    node = Node()
    await node.prepare()
    await node.executor().reconcile(node.home, "inc")
    attempt = await node.attempt()
    outcomes = [step.outcome for step in attempt.steps]
    assert attempt.outcome is StepOutcome.INTENDED
    assert outcomes[:2] == [StepOutcome.APPLIED] * 2
    assert outcomes[2:4] == [StepOutcome.INTENDED] * 2
    await drained(node)
    assert (await node.attempt()).outcome is StepOutcome.APPLIED


async def test_what_it_waits_for_is_told_by_the_write_that_records_progress_and_by_no_other() -> None:
    node = Node(floor=0)
    await node.prepare()
    node.start_error = "exec: not found"  # what was evicted is never ready elsewhere
    executor = node.executor()
    await executor.reconcile(node.home, "inc")
    attempt = await node.attempt()
    assert (attempt.outcome, attempt.reason) == (StepOutcome.INTENDED, "DisruptionBudgetSpent")
    assert attempt.message.startswith("waiting since ")
    assert "PodDisruptionBudget web allows no disruption now" in attempt.message
    assert attempt.steps[2].target.name in attempt.message

    written = len(node.world.audit.writes(user=EXECUTOR))
    for _ in range(3):
        await node.settle(10)
        await executor.reconcile(node.home, "inc")
    assert len(node.world.audit.writes(user=EXECUTOR)) == written
    assert (await node.attempt()).message == attempt.message


async def test_what_it_waited_for_is_not_told_any_more_when_it_is_done() -> None:
    node = Node()
    await node.prepare()
    await drained(node)
    attempt = await node.attempt()
    assert (attempt.outcome, attempt.reason) == (StepOutcome.APPLIED, "Applied")
    assert "waiting" not in attempt.message


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
async def test_a_crash_at_any_write_resumes_without_acting_twice(number: int, after: bool) -> None:
    node = Node()
    plan = await node.prepare()
    node.world.faults.crash(EXECUTOR, at_write=number, after=after)
    await drained(node)
    assert (await node.attempt()).outcome is StepOutcome.APPLIED
    assert node.writes() == ["patch nodes", *[EVICTION] * evictions(plan)]


async def test_a_budget_that_allows_none_is_told_before_anything_is_written() -> None:
    node = Node(least=3)
    await node.prepare()
    await carry_out(node)
    attempt = await node.attempt()
    assert (attempt.outcome, attempt.reason) == (StepOutcome.REFUSED, "DisruptionBudgetSpent")
    assert node.writes() == []


async def test_what_is_never_ready_elsewhere_ends_the_wait_and_the_node_is_uncordoned() -> None:
    node = Node()
    await node.prepare()
    node.start_error = "exec: not found"
    await drained(node)
    attempt = await node.attempt()
    assert (attempt.outcome, attempt.reason) == (StepOutcome.FAILED, "PartlyApplied"), attempt.message
    assert node.writes() == ["patch nodes", EVICTION]
    await node.status(phase=Phase.ROLLING_BACK.value)
    await carry_out(node)
    assert (await node.attempt()).outcome is StepOutcome.UNDONE
    assert await node.cordoned() is None


async def test_without_leave_to_evict_there_is_no_plan() -> None:
    with pytest.raises(AssertionError, match="does not allow EvictPod"):
        await Node(actions=()).prepare()
