"""What the chart makes for Prometheus and Grafana: what is in the files, as it is, and only when it is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from charts.dashboards.files import DASHBOARDS
from charts.helm import CHART, HelmError, template
from tests.chart.conftest import Manifest

KINDS = ("PrometheusRule", "GrafanaDashboard")


def made(*sets: str) -> list[Manifest]:
    """With these values, the dashboards and rules."""
    documents = yaml.safe_load_all(template(*(part for value in sets for part in ("--set", value))))
    return [d for d in documents if d and (d["kind"] in KINDS or "dashboard" in d["metadata"]["name"])]


def test_nothing_is_made_that_was_not_asked_for() -> None:
    assert made() == []


def test_dashboards_are_config_maps_that_the_sidecar_finds() -> None:
    found = made("grafanaDashboard.enabled=true")
    assert [d["kind"] for d in found] == ["ConfigMap"] * 3
    for name, manifest in zip(sorted(DASHBOARDS), found, strict=True):
        assert manifest["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert manifest["metadata"]["annotations"] == {"grafana_folder": "Incident Commander"}
        (content,) = manifest["data"].values()
        assert json.loads(content) == json.loads((CHART / "dashboards" / f"{name}.json").read_text())
        assert len(content) < 900_000, "a ConfigMap holds 1 MiB"


def test_label_folder_and_namespace_are_the_users() -> None:
    found = made(
        "grafanaDashboard.enabled=true",
        "grafanaDashboard.namespace=grafana",
        "grafanaDashboard.label.key=dash",
        "grafanaDashboard.label.value=yes",
        "grafanaDashboard.folder.annotation=k8s-sidecar-target-directory",
        "grafanaDashboard.folder.name=SRE",
    )
    assert {d["metadata"]["namespace"] for d in found} == {"grafana"}
    assert {d["metadata"]["labels"]["dash"] for d in found} == {"yes"}
    assert {d["metadata"]["annotations"]["k8s-sidecar-target-directory"] for d in found} == {"SRE"}


def test_the_grafana_operator_gets_its_own_resources() -> None:
    found = made("grafanaDashboard.enabled=true", "grafanaDashboard.grafanaOperator.enabled=true")
    maps = {d["metadata"]["name"]: d for d in found if d["kind"] == "ConfigMap"}
    dashboards = [d for d in found if d["kind"] == "GrafanaDashboard"]
    assert len(dashboards) == 3
    for dashboard in dashboards:
        reference = dashboard["spec"]["configMapRef"]
        assert reference["key"] in maps[reference["name"]]["data"]


def endpoints(*sets: str) -> list[str]:
    documents = yaml.safe_load_all(template(*(part for value in sets for part in ("--set", value))))
    (monitor,) = (d for d in documents if d and d["kind"] == "ServiceMonitor")
    return [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]]


def test_no_process_is_scraped_twice() -> None:
    assert endpoints("metrics.serviceMonitor.enabled=true") == ["metrics", "http"]
    everything = ("metrics.serviceMonitor.enabled=true", "allInOne.enabled=true")
    assert endpoints(*everything) == ["metrics"], "all in one pod show the same metrics on both ports"


def rules(manifest: Manifest) -> list[Any]:
    return [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(
    ("value", "name"), [("prometheusRule.enabled", "self"), ("prometheusRule.workloads.enabled", "workloads")]
)
def test_rules_are_those_of_the_file(value: str, name: str) -> None:
    (found,) = made(f"{value}=true", "prometheusRule.additionalLabels.release=kps")
    assert found["metadata"]["name"] == f"incident-commander-{name}"
    assert found["metadata"]["labels"]["release"] == "kps"
    assert found["spec"] == yaml.safe_load((CHART / "rules" / f"{name}.yaml").read_text())


def test_runbook_pages_are_where_the_user_publishes_them() -> None:
    (found,) = made("prometheusRule.enabled=true", "prometheusRule.runbookBaseUrl=https://wiki.example/alerts/")
    for rule in rules(found):
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example/alerts/{rule['alert']}.md"


@pytest.mark.parametrize("example", ["staging", "production"])
def test_the_examples_lead_whoever_is_paged_to_a_page(example: str) -> None:
    documents = yaml.safe_load_all(template("--values", str(CHART / "examples" / f"{example}.yaml")))
    (found,) = [d for d in documents if d and d["kind"] == "PrometheusRule"]
    assert rules(found)
    for rule in rules(found):
        assert rule["annotations"]["runbook_url"].startswith("https://"), rule["alert"]


def test_a_base_that_is_no_url_is_refused() -> None:
    with pytest.raises(HelmError, match="runbookBaseUrl"):
        made("prometheusRule.runbookBaseUrl=wiki")
