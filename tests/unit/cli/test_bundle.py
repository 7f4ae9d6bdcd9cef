"""``bundle``: writes a folder that ``diagnose`` reads, and says what is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from incident_commander.cli.main import full_app
from incident_commander.cli.options import Where
from incident_commander.cli.work.desk import Connection, Session
from tests.unit.diagnosis.builders import NS, crash_looping, deployment, node, pod, replica_set
from tests.unit.evidence.fakes import FakeCluster

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())
INCIDENT = {
    "apiVersion": "incidentcommander.io/v1alpha1",
    "kind": "Incident",
    "metadata": {"name": "web-1", "namespace": NS},
    "spec": {
        "severity": "Warning",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": NS, "name": "web"},
    },
}


def run(*arguments: str) -> Result:
    async def connect(_: Where) -> Connection:
        async def close() -> None:
            pass

        return Connection(FakeCluster(WEB, RS, SICK, node(), INCIDENT), NS, close)

    env = {"COLUMNS": "80", "INCIDENT_COMMANDER_PROMETHEUS_URL": "", "INCIDENT_COMMANDER_ALERTMANAGER_URL": ""}
    return CliRunner(env=env).invoke(full_app(), list(arguments), obj=Session(connect=connect))


def test_a_namespace_is_written_and_can_be_diagnosed(tmp_path: Path) -> None:
    place = tmp_path / "b"
    done = run("bundle", "-n", NS, "-o", str(place))
    assert done.exit_code == 0, done.output
    assert "not read: metrics: no Prometheus is configured" in done.stdout
    told = json.loads(run("diagnose", "bundle", str(place), "-o", "json").stdout)
    assert told["hypotheses"][0]["object"]["name"] == "web"


def test_of_an_incident_the_incident_and_its_target_are_in_it(tmp_path: Path) -> None:
    place = tmp_path / "b"
    assert run("bundle", "web-1", "-o", str(place)).exit_code == 0
    assert json.loads((place / "bundle.json").read_text())["target"]["name"] == "web"
    assert (place / "objects/incidents.incidentcommander.io.json").is_file()


def test_without_a_folder_it_is_named_by_incident_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("bundle", "web-1").exit_code == 0
    assert [path.name.startswith("web-1-2") for path in tmp_path.iterdir()] == [True]


def test_an_existing_folder_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    done = run("bundle", "-o", str(tmp_path))
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert "choose another folder" in done.stderr


def test_an_incident_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    assert run("bundle", "nobody", "-o", str(tmp_path / "b")).exit_code == 3
