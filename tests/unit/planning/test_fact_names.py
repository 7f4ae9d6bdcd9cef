"""A runbook that refers to what no diagnosis gives is found before it is needed."""

from __future__ import annotations

import pytest

from incident_agents.diagnosis.facts import KNOWN
from incident_commander.api.causes import Cause
from incident_commander.api.meta import ObjectMeta
from incident_commander.api.plan import ActionName
from incident_commander.api.runbook import Runbook, RunbookMatch, RunbookSpec, RunbookStep
from incident_commander.planning.fact_names import unknown_facts
from incident_commander.planning.runbooks import builtin_runbooks


def runbook(text: str, *causes: Cause) -> Runbook:
    match = RunbookMatch(causes=list(causes or [Cause.MEMORY_LIMIT_TOO_LOW]))
    step = RunbookStep(name="raise", action=ActionName.SET_RESOURCES, parameters={"memory": text})
    return Runbook(metadata=ObjectMeta(name="raise-memory"), spec=RunbookSpec(match=match, steps=[step]))


def test_a_misspelt_fact_is_named_with_its_place_and_the_nearest_one() -> None:
    [said] = unknown_facts(runbook("${facts.sugestedMemoryLimit}"), KNOWN)
    assert said.startswith("Runbook raise-memory: spec.steps[0].parameters.memory: ${facts.sugestedMemoryLimit}")
    assert "nearest: suggestedMemoryLimit" in said


def test_a_fact_of_another_cause_is_said_to_be_one() -> None:
    [said] = unknown_facts(runbook("${facts.podDisruptionBudget}"), KNOWN)
    assert said.endswith("it is a fact of DisruptionBlocked")


@pytest.mark.parametrize("text", ["256Mi", "${facts.container}", "${object.name}", "${facts.suggestedMemoryLimit}"])
def test_what_is_known_is_nothing_to_report(text: str) -> None:
    assert unknown_facts(runbook(text), KNOWN) == []


def test_one_of_several_causes_is_enough() -> None:
    causes = Cause.NODE_NOT_READY, Cause.MEMORY_LIMIT_TOO_LOW
    assert unknown_facts(runbook("${facts.suggestedMemoryLimit}", *causes), KNOWN) == []


def test_the_built_in_ones_refer_to_nothing_unknown() -> None:
    assert [said for one in builtin_runbooks() for said in unknown_facts(one, KNOWN)] == []
