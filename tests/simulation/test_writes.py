"""What an incident costs the API server: every accepted write of our own processes, from its creation to its end."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.api.incident import Outcome, Phase
from incident_commander.api.policy import Mode
from incident_commander.cli.rehearsed import RehearsedSystem
from tests.simulation.run import COMPONENTS, Run, hold, rehearse

BOUND = 25
ACTED, ASKED = 18, 19
"""Of everybody but the gateway: where the policy lets us act, and where a person is asked first."""
UNDONE = ACTED + 3
"""Taking a fix back: the phase, which is the executor's order to undo; the undo; its outcome. The end, which people are
handed over to, is written in any case."""


def writes(run: Run, until: datetime | None = None) -> tuple[int, int]:
    """Of the gateway, and of all the others."""
    users = [e.call.user for e in run.system.world.audit.writes() if until is None or e.at <= until]
    users = [user for user in users if user.startswith(COMPONENTS)]
    gateway = users.count(COMPONENTS + "gateway")
    return gateway, len(users) - gateway


class Groups:
    """Seven more alerts about the same target, in two groups of their own: they begin later, each at its time."""

    def __init__(self, system: RehearsedSystem, end_together: bool) -> None:
        self._system = system
        self._end_together = end_together

    @classmethod
    def add(cls, system: RehearsedSystem, end_together: bool) -> None:
        system.engine.receiver = cls(system, end_together).receive

    async def receive(self, payload: dict[str, Any]) -> None:
        groups = [payload, *(self._group(payload, number, alerts) for number, alerts in ((1, 3), (2, 4)))]
        if payload["status"] == "resolved" and self._end_together:
            # Their timers started with the same evaluation, so Alertmanager posts them side by side.
            await asyncio.gather(*(self._system.receive(group) for group in groups))
            return
        for group in groups:
            await self._system.receive(group)
            self._system.world.clock.advance(7)

    @staticmethod
    def _group(payload: dict[str, Any], number: int, alerts: int) -> dict[str, Any]:
        (one,) = payload["alerts"]
        group = {**copy.deepcopy(payload), "groupKey": f"{payload['groupKey']}/{number}", "alerts": []}
        for place in range(alerts):
            labels = {**one["labels"], "alertname": f"Also{number}{place}"}
            group["alerts"].append({**one, "labels": labels, "fingerprint": f"{number}{place}{one['fingerprint'][2:]}"})
        return group


def ask_ada(system: RehearsedSystem) -> None:
    """A person who approves whatever is asked, within ten seconds."""
    world = system.world

    def look() -> None:
        for incident in system.incidents():
            plan = incident.status.plan
            if incident.status.phase is Phase.AWAITING_APPROVAL and incident.spec.approval is None and plan is not None:
                approval = {"planDigest": plan.digest, "decision": "Approve", "approver": "ada"}
                spec = {**incident.spec.to_json(), "approval": approval}
                world.edit(kinds.INCIDENT, incident.metadata.namespace, incident.metadata.name, spec=spec)
        world.clock.after(10, look)

    world.clock.after(10, look)


@pytest.mark.parametrize("scenario", ["bad-image", "crashing-release", "memory-limit-too-low", "one-pod-fails"])
async def test_of_a_straight_incident_are_few(scenario: str) -> None:
    run = await rehearse(scenario, 5)
    gateway, others = writes(run)
    assert run.incident.status.outcome is Outcome.REMEDIATED
    # A forecast that is worth telling is one more.
    assert others <= ACTED + (run.incident.status.forecast is not None)
    assert gateway + others <= BOUND


@pytest.mark.parametrize("end_together", [True, False])
async def test_of_eight_alerts_in_three_groups_are_few(end_together: bool) -> None:
    run = await rehearse("bad-image", 5, disturb=lambda system: Groups.add(system, end_together))
    hold(run)
    gateway, others = writes(run)
    assert (len(run.incident.spec.alerts), run.incident.status.outcome) == (8, Outcome.REMEDIATED)
    assert (gateway, others) == (4 if end_together else 6, ACTED)
    assert gateway + others <= BOUND


@pytest.mark.parametrize("end_together", [True, False])
async def test_of_an_approved_plan_are_few_with_eight_alerts_in_three_groups(end_together: bool) -> None:
    def disturb(system: RehearsedSystem) -> None:
        Groups.add(system, end_together)
        ask_ada(system)

    run = await rehearse("bad-image", 5, mode=Mode.APPROVE, disturb=disturb)
    hold(run)
    gateway, others = writes(run)
    assert (len(run.incident.spec.alerts), run.incident.status.outcome) == (8, Outcome.REMEDIATED)
    assert (gateway, others) == (4 if end_together else 6, ASKED)
    assert gateway + others <= BOUND


@pytest.mark.parametrize("seed", [1, 5])
async def test_of_a_fix_that_is_undone_are_three_more(seed: int) -> None:
    run = await rehearse("unhelpful-fix", seed)
    status = run.incident.status
    assert status.outcome is Outcome.ROLLED_BACK
    assert status.finished_at is not None
    # The fault is still there: what its alerts tell later is news to the people who have the Incident now.
    gateway, others = writes(run, until=status.finished_at + timedelta(seconds=30))
    assert others <= UNDONE
    assert others == writes(run)[1], "nothing but alerts comes after the end"
    assert gateway + others <= BOUND


async def test_measuring_reads_neither_agents_nor_events_again_and_again() -> None:
    run = await rehearse("bad-image", 5)
    user = COMPONENTS + "coordinator"
    asked = Counter(
        e.call.resource for e in run.system.world.audit.entries if e.call.user == user and not e.call.writes
    )
    assert asked[kinds.POD.resource] > 20, "it is measured often"
    assert asked[kinds.AGENT.resource] <= 4
    assert asked[kinds.EVENT.resource] == 0
