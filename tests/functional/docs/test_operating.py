"""The commands of the other pages, on an operator at work and on a fresh API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from charts.helm import template
from incident_commander.api import kinds
from tests.functional.docs.blocks import of_scene
from tests.functional.docs.shell import Shell
from tests.functional.house import House

pytestmark = pytest.mark.apiserver
ENDED = ("Resolved", "Escalated", "Closed")


def run(shell: Shell, *scenes: str, code: int = 0) -> list[str]:
    found = [block for scene in scenes for block in of_scene(scene)]
    assert found, f"no page has a block of {scenes}"
    return [shell.run(block, code=code) for block in found]


@pytest.fixture
def incident(house: House, shell: Shell) -> Iterator[Shell]:
    """Namespace shop, with an Incident that has ended: a release whose image does not exist, only recommended on."""
    house.wait("the namespace of the test before is gone", lambda: not _namespace(house), seconds=120)
    house.namespace("shop")
    house.deploy("shop", "web")
    house.release("shop", "web", "app:missing")
    house.plane.request("POST", kinds.NAMESPACE.path(None), {"metadata": {"name": "monitoring"}})
    shell.command("kubectl incident trigger deployment/web -n shop --reason 'it does not start'")
    house.wait("the Incident ends", lambda: _ended(house), seconds=180)
    yield shell
    for name in ("shop", "monitoring"):
        house.plane.request("DELETE", kinds.NAMESPACE.path(None, name))


def test_alerts_are_taken_as_the_page_says(incident: Shell) -> None:
    *_, said = run(incident, "alerts")
    assert '"fate":"Created","incident":"shop/' in said, said
    assert '"fate":"Resolved"' in said, said


def test_a_bundle_is_written_diagnosed_and_verified(incident: Shell) -> None:
    _, of_incident, verified = run(incident, "bundle")
    assert (incident.folder / "shop-outage" / "bundle.json").exists()
    assert "verif" in verified.lower(), verified
    assert of_incident
    run(incident, "diagnose")
    assert json.loads((incident.folder / "report.json").read_text())["kind"] == "DiagnosisReport"


def test_an_operator_at_work_is_looked_at_backed_up_and_stopped(incident: Shell) -> None:
    run(incident, "operations", "backup", "breaker", "breaker-reset")
    saved = {name: (incident.folder / name).read_text() for name in ("rules.yaml", "keys.yaml", "incidents.yaml")}
    assert "kind: Agent" in saved["rules.yaml"]
    assert len(yaml.safe_load(saved["incidents.yaml"])["items"]) >= 1


def test_doctor_says_of_each_thing_that_is_missing_what_to_do(incident: Shell) -> None:
    for said in run(incident, "doctor", code=1):
        assert said.startswith("Not ready"), said
        assert "FAIL     Gateway" in said, said
        assert said.count("→") >= 3, said


def test_a_cluster_is_set_up_by_plain_files_its_keys_rotated_backed_up_restored_and_all_of_it_removed(
    bare: Shell,
) -> None:
    run(bare, "plain")
    deployments = [m for m in yaml.safe_load_all(template()) if m and m["kind"] == "Deployment"]
    (bare.folder / "deployments.yaml").write_text(yaml.safe_dump_all(deployments))
    bare.command("kubectl apply -f deployments.yaml")
    run(bare, "keys", "crds")
    agents, keys = bare.command("kubectl get agents -o yaml"), bare.command("kubectl get secrets -A -o yaml")
    saving, _ = of_scene("backup")
    bare.run(saving)
    run(bare, "chart-removing")
    *_, said = run(bare, "restore")
    assert "diagnosis" in said, said
    assert _specs(bare.command("kubectl get agents -o yaml")) == _specs(agents)
    assert _data(bare.command("kubectl get secrets -A -o yaml")) == _data(keys)
    run(bare, "chart-removing")
    assert "incidentcommander" not in bare.command("kubectl get crds")
    run(bare, "plain-files", "removing")
    assert "incidentcommander" not in bare.command("kubectl get crds")


def _specs(listed: str) -> object:
    return {item["metadata"]["name"]: item["spec"] for item in yaml.safe_load(listed)["items"]}


def _data(listed: str) -> object:
    return {item["metadata"]["name"]: item.get("data") for item in yaml.safe_load(listed)["items"]}


def _namespace(house: House) -> bool:
    names = [n["metadata"]["name"] for n in house.plane.request("GET", kinds.NAMESPACE.path(None))["items"]]
    return "shop" in names or "monitoring" in names


def _ended(house: House) -> bool:
    found = house.incident("shop")
    return bool(found and found.get("status", {}).get("phase") in ENDED)
