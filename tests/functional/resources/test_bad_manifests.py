"""A table of bad manifests (bad/*.yaml): each is refused by a real API server, with a message that helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_commander.api.kinds import AGENT, INCIDENT, REMEDIATION_POLICY, RUNBOOK, Kind
from tests.controlplane import ApiError
from tests.functional.installed import Installed

pytestmark = pytest.mark.apiserver

KINDS = {kind.plural: kind for kind in (AGENT, INCIDENT, REMEDIATION_POLICY, RUNBOOK)}
TABLES = {
    file.stem: yaml.safe_load(file.read_text()) for file in sorted((Path(__file__).parent / "bad").glob("*.yaml"))
}
ROWS = [pytest.param(plural, row, id=f"{plural}: {row['what']}") for plural in TABLES for row in TABLES[plural]["bad"]]


def create(installed: Installed, kind: Kind, spec: dict[str, Any], name: str = "example") -> Any:
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}, "spec": spec}
    path = f"{kind.path('default')}?dryRun=All&fieldValidation=Strict"
    return installed.plane.request("POST", path, body)


def replaced(good: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Fields that are null are left out; LONG stands for a text that is longer than it may be."""
    spec = {key: value for key, value in {**good, **changes}.items() if value is not None}
    return {key: "x" * 8193 if value == "LONG" else value for key, value in spec.items()}


def test_there_is_a_table_for_each_kind() -> None:
    assert TABLES.keys() == KINDS.keys()


@pytest.mark.parametrize("plural", KINDS)
def test_what_the_bad_ones_are_made_of_is_accepted(installed_cluster: Installed, plural: str) -> None:
    create(installed_cluster, KINDS[plural], TABLES[plural]["good"])


@pytest.mark.parametrize(("plural", "row"), ROWS)
def test_a_bad_manifest_is_refused_with_a_message_that_helps(
    installed_cluster: Installed, plural: str, row: dict[str, Any]
) -> None:
    with pytest.raises(ApiError) as refused:
        create(installed_cluster, KINDS[plural], replaced(TABLES[plural]["good"], row["spec"]))
    assert row["message"] in str(refused.value)
    assert refused.value.status in (400, 422)


def test_an_agent_with_a_name_too_long_for_its_annotations_is_refused(installed_cluster: Installed) -> None:
    with pytest.raises(ApiError, match="an Agent's name has at most 53 characters"):
        create(installed_cluster, AGENT, TABLES["agents"]["good"], name="a" * 54)
    create(installed_cluster, AGENT, TABLES["agents"]["good"], name="a" * 53)
