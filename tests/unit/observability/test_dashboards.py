"""The dashboards that the chart ships are as Grafana's model wants them, complete, and made from code."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from charts.dashboards.files import DASHBOARDS, FOLDER, path, text
from charts.dashboards.panel import Unit
from e2e.harness.dashboards import Viewer, queries
from incident_commander.adapters.instruments.catalogue import CATALOGUE
from incident_commander.adapters.instruments.instrument import Source

Json = dict[str, Any]
NAMES = tuple(DASHBOARDS)
KINDS = {"row", "text", "stat", "timeseries", "bargauge", "table"}
GRAFANA_UNITS = {"none", "short", "locale", "bool_yes_no", "s", "m", "bytes", "ops", "reqps"}
"""Of the identifiers in @grafana/data's valueFormats/categories.ts, those that are used here."""
OF_OTHERS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "container_memory_working_set_bytes",
    "container_cpu_usage_seconds_total",
}
NOT_SHOWN = {
    "incident_commander_incident_duration_seconds",  # time to recovery is what people ask for
    "incident_commander_agent_quarantines_total",  # the standing quarantine is shown, with its agent
    "incident_commander_gateway_truncated_alerts_total",
    "incident_commander_gateway_commit_duration_seconds",
    "incident_commander_gateway_commit_alerts",
    "incident_commander_gateway_pending_bytes",
}
"""Metrics for an investigation, not for a glance."""


def shipped(name: str) -> Json:
    document: Json = json.loads(path(name).read_text())
    return document


def panels(name: str) -> list[Json]:
    found: list[Json] = shipped(name)["panels"]
    return found


def with_queries(name: str) -> list[Json]:
    return [panel for panel in panels(name) if panel["type"] not in ("row", "text")]


@pytest.mark.parametrize("name", NAMES)
class TestADashboard:
    def test_is_what_the_code_makes(self, name: str) -> None:
        assert path(name).read_text() == text(name), "run `make dashboards`"

    def test_has_stable_and_unique_ids(self, name: str) -> None:
        assert shipped(name)["uid"] == f"incident-commander-{name}"
        assert len(shipped(name)["uid"]) <= 40
        ids = [panel["id"] for panel in panels(name)]
        assert len(set(ids)) == len(ids)

    def test_has_no_two_panels_in_one_place(self, name: str) -> None:
        taken: dict[tuple[int, int], int] = {}
        for panel in panels(name):
            place = panel["gridPos"]
            assert place["w"] > 0
            assert place["h"] > 0
            assert place["x"] >= 0
            assert place["x"] + place["w"] <= 24
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert taken.setdefault((x, y), panel["id"]) == panel["id"], panel["title"]

    def test_says_in_every_panel_what_it_shows_in_which_unit(self, name: str) -> None:
        titles = [panel["title"] for panel in panels(name)]
        assert len(set(titles)) == len(titles)
        for panel in with_queries(name):
            assert panel["title"]
            assert len(panel["description"].split()) >= 2, panel["title"]
            unit = panel["fieldConfig"]["defaults"]["unit"]
            assert unit in GRAFANA_UNITS or unit.startswith(("suffix:", "prefix:")), panel["title"]

    def test_asks_in_every_panel_with_the_chosen_data_source(self, name: str) -> None:
        for panel in with_queries(name):
            assert panel["type"] in KINDS
            references = [target["refId"] for target in panel["targets"]]
            assert references
            assert len(set(references)) == len(references)
            for target in panel["targets"]:
                assert target["expr"]
                assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
                assert target["instant"] is not target["range"]

    def test_lets_the_viewer_choose(self, name: str) -> None:
        variables = {variable["name"]: variable for variable in shipped(name)["templating"]["list"]}
        assert list(variables)[:3] == ["datasource", "namespace", "release"]
        used = set(re.findall(r"\$\{?(\w+)\}?", json.dumps(shipped(name)))) - {"1"}
        assert used <= variables.keys() | {"__range", "__interval", "__rate_interval", "__all"}
        assert variables.keys() <= used, "a variable that nothing uses"

    def test_asks_for_the_chosen_installation_only(self, name: str) -> None:
        for panel in with_queries(name):
            for target in panel["targets"]:
                for metric, selector in re.findall(r"\b([a-z_]+)\{([^}]*)\}", target["expr"]):
                    assert 'namespace=~"$namespace"' in selector, (panel["title"], metric)


def test_there_are_three_and_no_other_file() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(NAMES) == {"executive", "transparency", "operations"}


def test_every_query_asks_for_metrics_that_exist_by_labels_that_they_have() -> None:
    known = {series: instrument for instrument in CATALOGUE for series in instrument.series}
    for query in queries():
        for series, selector in re.findall(r"\b([a-z_]+)\{([^}]*)\}", query.expr):
            if series in OF_OTHERS:
                continue
            assert series in known, f"{query}: no metric of that name: {series}"
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
            assert labels <= {*known[series].labels, "namespace", "job"}, str(query)
        grouped = {label for by in re.findall(r"\bby \(([^)]*)\)", query.expr) for label in by.split(", ")}
        used = [known[s] for s in re.findall(r"\b([a-z_]+)\{", query.expr) if s in known]
        if used:
            assert grouped <= {label for i in used for label in i.labels} | {"le", "pod", "instance"}, str(query)


def test_every_metric_is_on_a_dashboard_or_named_as_one_that_is_not() -> None:
    everything = " ".join(query.expr for query in queries())
    shown = {instrument.name for instrument in CATALOGUE if any(f"{s}{{" in everything for s in instrument.series)}
    assert {instrument.name for instrument in CATALOGUE} - shown == NOT_SHOWN


def test_money_rests_on_what_the_viewer_says_and_the_page_says_so() -> None:
    document = shipped("executive")
    boxes = {v["name"]: v for v in document["templating"]["list"] if v["type"] == "textbox"}
    assert boxes.keys() == {"baseline_minutes", "cost_per_minute", "currency"}
    money = next(panel for panel in document["panels"] if panel["title"].startswith("Money saved"))
    assert "$cost_per_minute" in money["targets"][0]["expr"]
    assert "$baseline_minutes" in money["targets"][0]["expr"]
    words = next(panel for panel in document["panels"] if panel["type"] == "text")["options"]["content"]
    assert "that you set" in words
    assert "Neither is measured" in words


def test_only_units_that_are_used_are_known() -> None:
    used = {panel["fieldConfig"]["defaults"]["unit"] for name in NAMES for panel in with_queries(name)}
    assert used == {unit.value for unit in Unit}


def test_a_variable_without_a_value_is_an_error() -> None:
    assert Viewer(range="1h").query("increase(x[$__range])") == "increase(x[1h])"
    with pytest.raises(ValueError, match=r"\$node"):
        Viewer().query('x{node="$node"}')


def test_sources_name_processes() -> None:
    assert {instrument.source for instrument in CATALOGUE} == set(Source)


def unit(dashboard: str, title: str) -> str:
    (panel,) = [panel for panel in panels(dashboard) if panel["title"] == title]
    return str(panel["fieldConfig"]["defaults"]["unit"])


def test_money_is_shown_to_the_last_digit_beside_its_currency() -> None:
    assert unit("executive", "Money saved ($currency)") == "locale"


@pytest.mark.parametrize("title", ["In quarantine", "Circuit breaker tripped"])
def test_a_question_is_answered_by_a_word(title: str) -> None:
    assert unit("transparency", title) == "bool_yes_no"
