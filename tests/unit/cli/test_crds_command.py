"""crds apply and check: old schemas are never met in silence."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from incident_commander.cli.work.crds import CRD, differences, wanted
from tests.unit.cli.stage import Stage, words

AGENTS = "agents.incidentcommander.io"


def old() -> dict[str, Any]:
    """An Agent CRD of another version: one field less, and one that is no more."""
    crd = copy.deepcopy(next(c for c in wanted() if c["metadata"]["name"] == AGENTS))
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["former"] = {"type": "string"}
    return crd


def installed(stage: Stage) -> Stage:
    for crd in wanted():
        stage.cluster.put(CRD, copy.deepcopy(crd))
    return stage


def test_what_is_missing_is_created() -> None:
    stage = Stage()
    ran = stage.run("crds", "apply")
    assert (ran.code, ran.out.count("created")) == (0, 4)
    assert stage.run("crds", "check").code == 0


def test_what_differs_is_changed_and_the_rest_is_left_alone() -> None:
    stage = installed(Stage())
    stage.cluster.put(CRD, old())
    ran = stage.run("crds", "apply")
    assert (ran.code, ran.out.count("updated"), ran.out.count("up to date")) == (0, 1, 3)
    assert [name for _, name, _ in stage.cluster.patches] == [AGENTS]
    assert stage.run("crds", "check").code == 0


def test_check_names_what_differs_and_writes_nothing() -> None:
    stage = installed(Stage())
    stage.cluster.put(CRD, old())
    ran = stage.run("crds", "check")
    assert ran.code == 1
    assert f"{AGENTS} is of another version: spec.versions[0].schema" in words(ran.err)
    assert "former is not ours" in words(ran.err)
    assert "kubectl apply --server-side" in words(ran.err)
    assert stage.cluster.patches == []


def test_check_names_what_is_missing() -> None:
    ran = Stage().run("crds", "check")
    assert ran.code == 1
    assert ran.err.count("is missing") == 4


def test_what_the_api_server_adds_is_no_difference() -> None:
    crd = wanted()[0]
    stored = copy.deepcopy(crd)
    stored["spec"]["conversion"] = {"strategy": "None"}
    stored["spec"]["names"]["listKind"] = "AgentList"
    assert differences(crd, stored) == ""


@pytest.mark.parametrize("field", ["served", "storage"])
def test_a_version_that_is_served_otherwise_is_a_difference(field: str) -> None:
    crd = wanted()[0]
    stored = copy.deepcopy(crd)
    stored["spec"]["versions"][0][field] = False
    assert differences(crd, stored) == f"spec.versions[0].{field}"
