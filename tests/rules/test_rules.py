"""The alerts that the chart ships fire when they should, do not when they should not, and can be acted on."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_commander.adapters.instruments.catalogue import CATALOGUE
from incident_commander.api.causes import Cause
from incident_commander.intake.target import candidates
from tests.rules import promtool

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "charts" / "incident-commander" / "rules"
HERE = Path(__file__).parent
FILES = ("self", "workloads")
RUNBOOKS = "docs/runbooks/alerts"

WITHOUT_ALERT = {
    Cause.UNKNOWN: "nothing to look for",
    Cause.TARGET_GONE: "what is deleted is no outage by itself; whoever misses it has an alert of their own",
    Cause.GATEWAY_MISROUTED: "requests fail: only the gateway's or the mesh's own metrics show it, and those differ",
    Cause.SERVICE_WRONG_PORT: "the Service has endpoints; only its callers' errors show it",
    Cause.SERVICE_PROTOCOL_MISMATCH: "the Service has endpoints; only its callers' errors show it",
    Cause.FAULT_INJECTED: "shows as latency or errors, of which only the application's own metrics tell",
    Cause.RESOURCE_LIMIT_REACHED: "its pods fail, or are evicted and replaced: alerts about those find it",
    Cause.DEPENDENCY_SLOW: "latency is in the application's own metrics, whose names we cannot know",
}
"""Causes that no metric of kube-state-metrics, cAdvisor or a common exporter shows, and why."""


def rules_of(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / f"{name}.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def cases_of(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.safe_load((HERE / f"{name}.yaml").read_text())
    return cases


def all_rules() -> list[Any]:
    return [pytest.param(name, rule, id=rule["alert"]) for name in FILES for rule in rules_of(name)]


@pytest.fixture(scope="session")
def tool() -> str:
    return promtool.required()


def a_test(rule: dict[str, Any], case: dict[str, Any], series: list[str], *, fires: bool) -> dict[str, Any]:
    """One test of promtool: exactly this alert fires, or none of that name."""
    name = case["alert"]
    labels = {"alertname": name, "alertstate": "firing", **rule["labels"], **case["labels"]}
    selector = ", ".join(f"{label}={json.dumps(str(value))}" for label, value in sorted(labels.items()))
    parts = [re.fullmatch(r"([a-z_]+(?:\{.*\})?) (.+)", one) for one in series]
    return {
        "interval": "1m",
        "input_series": [{"series": part[1], "values": part[2]} for part in parts if part is not None],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{name}", alertstate="firing"}}',
                "eval_time": f"{case.get('minute', 60)}m",
                "exp_samples": [{"labels": f"ALERTS{{{selector}}}", "value": 1}] if fires else [],
            }
        ],
    }


@pytest.mark.parametrize(("name", "rule"), all_rules())
def test_an_alert_fires_when_it_should_and_only_then(
    tool: str, tmp_path: Path, name: str, rule: dict[str, Any]
) -> None:
    cases = [case for case in cases_of(name) if case["alert"] == rule["alert"]]
    alone = tmp_path / "rule.yaml"
    alone.write_text(yaml.safe_dump({"groups": [{"name": "alone", "rules": [rule]}]}))
    tests = [a_test(rule, case, case[kind], fires=kind == "fires") for case in cases for kind in ("fires", "quiet")]
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(alone)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([tool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_prometheus_accepts_the_file_as_it_is(tool: str, name: str) -> None:
    done = subprocess.run([tool, "check", "rules", str(RULES / f"{name}.yaml")], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_every_alert_has_a_case(name: str) -> None:
    assert {rule["alert"] for rule in rules_of(name)} == {case["alert"] for case in cases_of(name)}
    assert len({rule["alert"] for rule in rules_of(name)}) == len(rules_of(name))


@pytest.mark.parametrize(("name", "rule"), all_rules())
def test_an_alert_says_how_bad_it_is_and_what_it_is_about(name: str, rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    annotations = rule["annotations"]
    assert annotations["summary"]
    assert annotations["description"].endswith(".")
    cases = [case for case in cases_of(name) if case["alert"] == rule["alert"]]
    shown = set(re.findall(r"\$labels\.([a-z_]+)", " ".join(annotations.values())))
    for case in cases:
        assert shown <= set(case["labels"]), "a template refers to a label that the alert does not have"


class TestOfTheOperatorItself:
    @pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["alert"]) for rule in rules_of("self")])
    def test_an_alert_has_a_page_that_says_what_to_do(self, rule: dict[str, Any]) -> None:
        assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS}/{rule['alert']}.md"
        text = (ROOT / RUNBOOKS / f"{rule['alert']}.md").read_text()
        assert text.startswith(f"# {rule['alert']}\n")
        parts = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
        assert list(parts) == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
        assert all(len(part.split()) >= 5 for part in parts.values())

    def test_there_is_no_page_for_an_alert_that_does_not_exist(self) -> None:
        pages = {page.stem for page in (ROOT / RUNBOOKS).glob("*.md")}
        assert pages == {rule["alert"] for rule in rules_of("self")}

    @pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["alert"]) for rule in rules_of("self")])
    def test_an_alert_asks_for_metrics_that_exist_with_labels_that_they_have(self, rule: dict[str, Any]) -> None:
        known = {series: instrument for instrument in CATALOGUE for series in instrument.series}
        selected = re.findall(r"(incident_commander_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert selected
        for series, selector in selected:
            assert series in known, f"no metric of that name: {series}"
            assert set(re.findall(r"(\w+)\s*(?:=|!)", selector)) <= set(known[series].labels)


class TestOfWorkloads:
    def test_every_cause_that_a_diagnosis_can_name_has_an_alert_or_a_reason_why_not(self) -> None:
        named = {cause for rule in rules_of("workloads") for cause in causes_of(rule)}
        assert named <= {cause.value for cause in Cause}, "an alert names a cause that is none"
        assert not named & {cause.value for cause in WITHOUT_ALERT}, "has an alert by now"
        assert named | {cause.value for cause in WITHOUT_ALERT} == {cause.value for cause in Cause}

    @pytest.mark.parametrize("case", [pytest.param(case, id=case["alert"]) for case in cases_of("workloads")])
    def test_the_gateway_finds_in_the_labels_what_an_alert_is_about(self, case: dict[str, Any]) -> None:
        labels = case["labels"]
        found = candidates({label: str(value) for label, value in labels.items()})
        if case["alert"] in ABOUT_NO_OBJECT:
            assert not found.refs
        else:
            assert found.refs
            assert found.refs[0].name in labels.values()


ABOUT_NO_OBJECT = frozenset(
    {"ResourceQuotaUsedUp", "CertificateExpiring", "PodDisruptionBudgetBlocks", "KubeProxyDown", "SchedulerDown"}
    | {"ControlPlaneDown"}
)
"""Their labels name no kind of object that the gateway looks for: the Incidents are about a namespace, or about all."""


def causes_of(rule: dict[str, Any]) -> list[str]:
    """The annotation ``causes``."""
    return re.split(r",\s+", rule["annotations"]["causes"].strip())
