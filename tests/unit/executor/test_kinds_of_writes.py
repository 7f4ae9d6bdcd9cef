"""Every kind of write is made once, whenever the executor dies, and taken back where it can be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from incident_commander.api import kinds
from incident_commander.api.incident import Phase, StepOutcome
from incident_commander.api.kinds import Kind
from incident_commander.api.meta import TargetRef
from incident_commander.api.plan import ActionName
from incident_commander.ports import Object
from incident_commander.rehearsal.behaviour import Behaviour, Image
from tests.unit.actions.jobs import cron_job, job_spec
from tests.unit.executor.stage import EXECUTOR, Stage
from tests.unit.executor.test_executor import carry_out


class Site(Stage):
    """One target of one kind beside the Deployment ``web`` (three pods, a Service, a budget of two)."""

    def __init__(self, action: ActionName, kind: Kind, name: str = "", **limits: Any) -> None:
        super().__init__(action=action.value)
        self.kind, self.name = kind, name
        self.world.registry.publish(Image("web", frozenset({"1"}), lambda context: Behaviour(memory_bytes=1_000_000)))
        self.admin_edit(limits)

    def admin_edit(self, limits: dict[str, Any]) -> None:
        """More room in the policy."""
        old = self.world.api.get(kinds.REMEDIATION_POLICY, None, "p")
        spec = {**old["spec"], "networkPolicies": "Enforced", "limits": {"minHealthyPercent": 50, **limits}}
        self.world.edit(kinds.REMEDIATION_POLICY, None, "p", spec=spec)

    async def settle(self, seconds: float = 60) -> None:
        await super().settle(seconds)
        if not self.name and self.kind is kinds.POD:
            self.name = sorted(self.pods())[0]
        place = "shop" if self.kind.namespaced else None
        self.target = TargetRef(api_version=self.kind.api_version, kind=self.kind.kind, namespace=place, name=self.name)

    def pods(self) -> dict[str, Object]:
        return {p["metadata"]["name"]: p for p in self.world.api.store.scan(kinds.POD, "shop")}

    def add(self, kind: Kind, body: Object) -> None:
        self.world.apply(kind, "shop", body)

    def writes(self) -> list[str]:
        """Accepted writes of the executor but for its records, as "verb resource"."""
        found = self.world.audit.writes(user=EXECUTOR)
        return [
            f"{e.call.verb} {e.call.resource}{f'/{e.call.subresource}' if e.call.subresource else ''}"
            for e in found
            if e.call.resource != kinds.INCIDENT.resource and e.code >= 200
        ]

    async def take_back(self) -> StepOutcome:
        await self.status(phase=Phase.ROLLING_BACK.value)
        await carry_out(self)
        return (await self.attempt()).outcome


def evicting() -> Site:
    site = Site(ActionName.EVICT_POD, kinds.POD)
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    site.add(kinds.POD_DISRUPTION_BUDGET, {"metadata": {"name": "web"}, "spec": spec})
    return site


def isolating() -> Site:
    site = Site(ActionName.ISOLATE_POD, kinds.POD)
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    site.add(kinds.SERVICE, {"metadata": {"name": "web"}, "spec": spec})
    return site


def deleting_a_job() -> Site:
    site = Site(ActionName.DELETE_JOB, kinds.JOB, "report")
    site.add(kinds.JOB, {"metadata": {"name": "report"}, "spec": {**job_spec(), "activeDeadlineSeconds": 9}})
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}
    site.world.api.change_status(kinds.JOB, site.world.api.get(kinds.JOB, "shop", "report"), failed)
    return site


def running_a_job() -> Site:
    site = Site(ActionName.RUN_JOB, kinds.CRON_JOB, "report")
    site.add(kinds.CRON_JOB, {k: v for k, v in cron_job().items() if k != "status"} | {"metadata": META})
    return site


META = {"name": "report", "annotations": {"incidentcommander.io/rerun": "allowed"}}


def limiting() -> Site:
    site = Site(ActionName.LIMIT_TRAFFIC, kinds.DEPLOYMENT, "web")
    site.parameters = {"clientNamespace": "load", "clientLabel": "app=loader"}
    return site


def growing() -> Site:
    site = Site(ActionName.EXPAND_VOLUME, kinds.PERSISTENT_VOLUME_CLAIM, "data", maxVolume="1Ti")
    site.parameters = {"percent": "50"}
    made = {"metadata": {"name": "fast"}, "provisioner": "example.com/disk", "allowVolumeExpansion": True}
    site.world.apply(kinds.STORAGE_CLASS, None, made)
    spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}}
    site.add(kinds.PERSISTENT_VOLUME_CLAIM, {"metadata": {"name": "data"}, "spec": spec})
    claim = site.world.api.get(kinds.PERSISTENT_VOLUME_CLAIM, "shop", "data")
    bound = {"phase": "Bound", "capacity": {"storage": "10Gi"}}
    site.world.api.change_status(kinds.PERSISTENT_VOLUME_CLAIM, claim, bound)
    return site


SITES: dict[str, tuple[Callable[[], Site], str, StepOutcome]] = {
    "evict": (evicting, "create pods/eviction", StepOutcome.UNDONE),
    "isolate": (isolating, "patch pods", StepOutcome.UNDONE),
    "delete a Job": (deleting_a_job, "delete jobs.batch", StepOutcome.UNDONE),
    "run a Job": (running_a_job, "create jobs.batch", StepOutcome.UNDONE),
    "limit traffic": (limiting, "create networkpolicies.networking.k8s.io", StepOutcome.UNDONE),
    "grow a volume": (growing, "patch persistentvolumeclaims", StepOutcome.UNDO_FAILED),
}
TAKEN_BACK_BY = {
    "evict": [],
    "isolate": ["patch pods"],
    "delete a Job": ["create jobs.batch"],
    "run a Job": ["delete jobs.batch"],
    "limit traffic": ["delete networkpolicies.networking.k8s.io"],
    "grow a volume": [],
}
every_kind = pytest.mark.parametrize("what", SITES)


@every_kind
async def test_is_made_once_and_taken_back_once(what: str) -> None:
    make, write, undone = SITES[what]
    site = make()
    await site.prepare()
    await carry_out(site)
    await carry_out(site)
    attempt = await site.attempt()
    assert attempt.outcome is StepOutcome.APPLIED, attempt.message
    assert site.writes() == [write]

    assert await site.take_back() is undone, (await site.attempt()).message
    assert site.writes() == [write, *TAKEN_BACK_BY[what]]


@every_kind
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_crash_at_any_write_resumes_without_acting_twice(what: str, number: int, after: bool) -> None:
    make, write, _ = SITES[what]
    site = make()
    await site.prepare()
    fault = site.world.faults.crash(EXECUTOR, at_write=number, after=after)
    await carry_out(site)
    assert fault.raised == 1
    assert site.writes() == [write]
    assert (await site.attempt()).outcome is StepOutcome.APPLIED


@every_kind
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
async def test_a_crash_while_taking_back_takes_back_once(what: str, number: int, after: bool) -> None:
    make, write, undone = SITES[what]
    site = make()
    await site.prepare()
    await carry_out(site)
    site.world.faults.crash(EXECUTOR, at_write=number, after=after)
    assert await site.take_back() is undone
    assert site.writes() == [write, *TAKEN_BACK_BY[what]]


async def test_a_budget_that_was_spent_meanwhile_is_an_answer_and_not_tried_against() -> None:
    site = evicting()
    await site.prepare()
    spec = {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}
    site.world.edit(kinds.POD_DISRUPTION_BUDGET, "shop", "web", spec=spec)
    await site.settle()
    await carry_out(site)
    attempt = await site.attempt()
    assert (attempt.outcome, attempt.reason) == (StepOutcome.REFUSED, "DisruptionBudgetSpent")
    assert site.writes() == []


async def test_an_isolated_pod_is_replaced_and_kept_and_taken_in_again() -> None:
    site = isolating()
    await site.prepare()
    await carry_out(site)
    await site.settle()
    pods = site.pods()
    assert len(pods) == 4
    assert "ownerReferences" not in pods[site.name]["metadata"]
    await site.take_back()
    await site.settle()
    assert len(site.pods()) == 3


async def test_a_job_that_is_made_again_does_not_run() -> None:
    site = deleting_a_job()
    await site.prepare()
    await carry_out(site)
    await site.take_back()
    await site.settle()
    job = await site.admin.get(kinds.JOB, "shop", "report")
    assert job["spec"]["suspend"] is True
    assert not [name for name in site.pods() if name.startswith("report")]


async def test_a_name_that_somebody_else_took_is_left_alone() -> None:
    site = limiting()
    plan = await site.prepare()
    taken = json.loads(plan.steps[0].operations[0].value or "")
    taken["metadata"]["annotations"] = {}
    taken["spec"]["podSelector"] = {"matchLabels": {"app": "other"}}
    site.add(kinds.NETWORK_POLICY, taken)
    await carry_out(site)
    attempt = await site.attempt()
    assert (attempt.outcome, attempt.reason) == (StepOutcome.REFUSED, "NameTaken")
