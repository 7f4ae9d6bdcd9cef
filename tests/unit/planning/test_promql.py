"""PromQL that nobody could parse is found before it is to prove a fix."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from incident_commander.api.plan import PromQLCheck
from incident_commander.planning.promql import unparsable, unparsable_checks
from incident_commander.planning.runbooks import builtin_runbooks

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sum(up", "'(' at column 4 is never closed"),
        ("sum(up))", "')' at column 8 closes nothing"),
        ("rate(x[5m)", "')' at column 10 closes nothing"),
        ('up{job="api}', "the string that begins at column 8 has no end"),
        ("up ==", "nothing follows '=' at its end"),
        ("a and", "nothing follows 'and' at its end"),
        ("  # all of it\n", "there is no expression"),
    ],
)
def test_what_cannot_be_parsed_is_said_with_its_place(query: str, said: str) -> None:
    assert said in unparsable(query)


@pytest.mark.parametrize(
    "query",
    [
        'sum(rate(http_requests_total{code=~"5..", path="/a(b"}[5m])) by (job)',
        "sum by (job) (up) # all (of it",
        "up{a='it\\'s'}",
        "up{a=`\\`}",
        'up{a="\\\\"}',
        '{"http.requests", code="500"}[5m:1m] offset -1h',
        "standard",
        "-1",
    ],
)
def test_what_may_be_promql_is_left_to_prometheus(query: str) -> None:
    assert unparsable(query) == ""


def test_no_rule_and_no_runbook_of_ours_is_refused() -> None:
    queries = [check.query for runbook in builtin_runbooks() for check in runbook.spec.verification.promql]
    for file in (ROOT / "charts" / "incident-commander" / "rules").glob("*.yaml"):
        for group in yaml.safe_load(file.read_text())["groups"]:
            queries += [rule["expr"] for rule in group["rules"]]
    assert len(queries) > 50
    assert [query for query in queries if unparsable(query)] == []


def test_a_check_is_named_with_its_place() -> None:
    named = (("a", "up"), ("b", "("))
    checks = [PromQLCheck(name=name, query=query, operator=">", threshold="0") for name, query in named]
    assert unparsable_checks(checks, "spec.verification.promql") == [
        "spec.verification.promql[1].query of 'b': '(' at column 1 is never closed"
    ]
