"""A step whose parameters its action does not take is found before it is needed."""

from __future__ import annotations

import pytest

from incident_commander.actions.catalogue import CATALOGUE
from incident_commander.api.causes import Cause
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName
from incident_commander.api.runbook import Runbook, RunbookMatch, RunbookSpec, RunbookStep
from incident_commander.planning.runbooks import builtin_runbooks
from incident_commander.planning.step_parameters import wrong_parameters


def runbook(action: ActionName, /, **parameters: str) -> Runbook:
    step = RunbookStep(name="do", action=action, parameters=parameters)
    spec = RunbookSpec(match=RunbookMatch(causes=[Cause.UNKNOWN]), steps=[step])
    return Runbook(metadata=ObjectMeta(name="mine"), spec=spec)


@pytest.mark.parametrize(
    ("action", "parameters", "said"),
    [
        (ActionName.SET_RESOURCES, {}, "SetResources needs one of memory, cpu, memoryRequest, cpuRequest"),
        (ActionName.SET_RESOURCES, {"container": "app"}, "SetResources needs one of memory"),
        (ActionName.SET_RESOURCES, {"cpu": "1", "memmory": "1Gi"}, "no parameter 'memmory'; is it memory?"),
        (ActionName.RESTART_ROLLOUT, {"zz": "1"}, "RestartRollout has no parameter 'zz'; it knows: none"),
        (ActionName.SCALE_WORKLOAD, {}, "ScaleWorkload needs the parameter 'replicas'"),
        (ActionName.PATCH_HPA, {"minReplicas": "2"}, "PatchHPA needs the parameter 'maxReplicas'"),
        (ActionName.SET_ENV, {"value": "on"}, "SetEnv needs the parameter 'name' with 'value'"),
        (ActionName.GITOPS_PROPOSAL, {}, "GitOpsProposal needs the parameter 'action'"),
        (ActionName.GITOPS_PROPOSAL, {"action": "Scale"}, "proposes no action 'Scale'"),
        (ActionName.GITOPS_PROPOSAL, {"action": "ScaleWorkload"}, "needs the parameter 'replicas'"),
    ],
)
def test_each_mistake_is_said_with_its_place(action: ActionName, parameters: dict[str, str], said: str) -> None:
    [problem] = wrong_parameters(runbook(action, **parameters))
    assert problem.startswith("Runbook mine: spec.steps[0].parameters: ")
    assert said in problem


def test_what_an_action_takes_is_nothing_to_report() -> None:
    assert wrong_parameters(runbook(ActionName.SET_RESOURCES, memory="${facts.suggestedMemoryLimit}")) == []
    assert wrong_parameters(runbook(ActionName.GITOPS_PROPOSAL, action="ScaleWorkload", replicas="3")) == []


def test_the_built_in_ones_are_right() -> None:
    assert [said for one in builtin_runbooks() for said in wrong_parameters(one)] == []


def test_every_action_says_what_it_takes() -> None:
    assert all(len(set(action.takes.known)) == len(action.takes.known) for action in CATALOGUE.values())
