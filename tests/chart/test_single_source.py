"""Nothing about the chart is written down twice: what is made of it, or in it of the project, says the same."""

from __future__ import annotations

import json
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml

from charts import manifests, values_table
from charts.helm import CHART, ROOT, helm
from incident_commander.api.plan import ActionName
from tests.chart.conftest import Manifest

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def test_deploy_is_what_the_chart_renders() -> None:
    assert manifests.stored() == manifests.wanted(), "run `make manifests`"


def test_the_table_of_values_is_that_of_values_yaml() -> None:
    readme = (CHART / "README.md").read_text()
    assert readme == values_table.with_table(readme, (CHART / "values.yaml").read_text()), "run `make manifests`"
    assert "`prometheus.url`" in readme


def test_a_value_without_a_description_is_noticed() -> None:
    with pytest.raises(ValueError, match=r"line 2: image.tag has no"):
        values_table.rows("image:\n  tag: a\n")


def test_the_schema_knows_every_value_and_no_other() -> None:
    def compare(schema: Manifest, values: Manifest, path: str) -> None:
        if "properties" in schema:
            assert schema["properties"].keys() - {"global"} == values.keys(), path
            assert schema["additionalProperties"] is False, path
            for key, value in values.items():
                if isinstance(value, dict):
                    compare(schema["properties"][key], value, f"{path}.{key}")

    compare(SCHEMA, VALUES, "values")


def test_chart_and_program_have_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]


def test_the_actions_are_those_of_the_catalogue() -> None:
    needs = yaml.safe_load((CHART / "files" / "actions.yaml").read_text())
    assert needs.keys() == VALUES["actions"].keys() == {action.value for action in ActionName}
    assert needs["Escalate"] == []


def test_a_package_carries_the_projects_own_crds_and_runbooks(tmp_path: Path) -> None:
    helm("package", str(CHART), "--destination", str(tmp_path))
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    for folder, inside in (("crds", "crds"), ("runbooks", "files/runbooks")):
        ours = {file.name: file.read_bytes() for file in (ROOT / folder).glob("*.yaml")}
        packed = {f.name: f.read_bytes() for f in (tmp_path / "incident-commander" / inside).glob("*.yaml")}
        assert packed == ours


def test_every_built_in_runbook_is_a_resource(rendered: list[Manifest]) -> None:
    ours = [d for f in (ROOT / "runbooks").glob("*.yaml") for d in yaml.safe_load_all(f.read_text()) if d]
    shipped = [m for m in rendered if m["kind"] == "Runbook"]
    assert sorted(m["metadata"]["name"] for m in shipped) == sorted(m["metadata"]["name"] for m in ours)
