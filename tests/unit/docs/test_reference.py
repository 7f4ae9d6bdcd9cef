"""The reference is made of CRDs, settings and command line, and says something about all that is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from docs.generators import commands, recordings, report, resources, settings
from docs.generators.pages import REFERENCE, ROOT, pages

CRDS = sorted((ROOT / "crds").glob("*.yaml"))
PAGES = pages()


@pytest.mark.parametrize("file", sorted(PAGES), ids=lambda file: file.name)
def test_a_page_is_what_the_code_says(file: Path) -> None:
    assert file.exists()
    assert file.read_text() == PAGES[file], "run `make generate`"


def test_no_page_is_left_of_what_is_gone() -> None:
    assert set(REFERENCE.glob("*.*")) == set(PAGES)


@pytest.mark.parametrize("crd", CRDS, ids=lambda crd: crd.stem)
def test_every_field_and_every_rule_of_a_kind_is_explained(crd: Path) -> None:
    schema = yaml.safe_load(crd.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert not [field.path for field in resources.fields(schema) if not field.meaning]
    assert not [rule for rule in resources.rules(schema) if not rule.message]
    assert len(list(resources.rules(schema))) == crd.read_text().count("- rule:")
    assert len(list(resources.fields(schema))) > 10


def test_bounds_defaults_and_what_must_be_given_are_told() -> None:
    schema = {
        "type": "object",
        "required": ["names"],
        "properties": {
            "names": {
                "type": "array",
                "maxItems": 3,
                "description": "Who.",
                "items": {"type": "string", "maxLength": 9},
            },
            "size": {"type": "integer", "minimum": 0, "maximum": 5, "default": 0, "description": "How\n  many."},
            "on": {"type": "boolean", "default": False, "description": "Whether."},
        },
    }
    assert [*resources.fields(schema)] == [
        resources.Field("names", "list (at most 3 entries) of string, at most 9 characters", "", True, "Who."),
        resources.Field("size", "integer, 0 to 5", "`0`", False, "How many."),
        resources.Field("on", "boolean", "`false`", False, "Whether."),
    ]


def test_every_setting_that_is_read_is_on_the_page() -> None:
    source = (ROOT / "operator" / "incident_commander" / "settings.py").read_text()
    read = set(re.findall(r'(?:text|path)\("([A-Z_]+)"\)', source))
    assert len(read) >= 20
    assert {setting.name for setting in settings.declared()} == read


def test_options_name_settings_that_exist() -> None:
    assert set(settings.options()) <= {setting.name for setting in settings.declared()}


def test_every_command_is_on_the_page_with_its_help() -> None:
    page = (REFERENCE / "commands.md").read_text()
    for path, command in commands.leaves():
        assert f"## {path.removeprefix('incident-commander ')}\n" in page
        assert command.help


def test_every_field_of_a_report_is_explained() -> None:
    whole = report.schema()
    found = list(resources.fields(report.inlined(whole, whole["$defs"])))
    assert not [field.path for field in found if not field.meaning]
    assert {"verdict", "hypotheses[].evidence[].path", "ruledOut[].missing", "gaps"} <= {field.path for field in found}


class TestMetricsThatAreUnderstood:
    def test_every_histogram_and_counter_that_is_listed_is_understood(self) -> None:
        rows = [line for line in recordings.page().splitlines() if line.count("|") == 4 and "`" in line]
        assert len(rows) > 20
        assert not [row for row in rows if row.endswith("| none |")]

    def test_a_metric_is_listed_with_what_the_code_makes_of_it(self) -> None:
        page = recordings.page()
        assert "| node_exporter | `node_cpu_seconds_total` | CPU (percent) |" in page
        assert "| `kafka_consumergroup_lag` | backlog |" in page
        assert "| `node_memory_MemAvailable_bytes` | none |" in page
