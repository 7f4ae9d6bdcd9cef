"""What is called ruled out was looked for, in evidence that could have shown it."""

from __future__ import annotations

from dataclasses import replace

from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.asking import ASKING
from incident_agents.diagnosis.examined import without_finding
from incident_commander.api import kinds
from incident_commander.evidence.evidence import Evidence, Log
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NOW, crash_looping, deployment, evidence, pod, replica_set

POD_AND_EVENTS = {kinds.POD.resource: (), kinds.EVENT.resource: ()}


LATENCY = {
    "http_server_latency_p95_seconds": (
        Series(
            {"namespace": "shop", "deployment": "web"},
            tuple((NOW.timestamp() - 15.0 * n, 0.1) for n in range(40, 0, -1)),
        ),
    )
}


def test_every_analyser_says_what_it_needs() -> None:
    assert {analyse.__module__.rsplit(".", 1)[-1] for analyse in ALL} == set(ASKING)


def test_metrics_of_one_kind_rule_out_nothing_that_needs_another() -> None:
    whole = replace(evidence(None, deployment()), series=LATENCY)
    found = {e.analyser: e for e in without_finding(whole, None, NOW)}
    assert found["network"].looked_at["metrics"] == 1
    assert found["network"].answered
    assert found["saturation"].missing == ("metrics of CPU",)
    assert found["cpu"].missing == ("metrics of throttling",)
    assert found["memory"].missing == ("metrics of memory",)
    assert found["volumes"].missing == ("metrics of volumes",)


def test_a_kind_that_was_read_only_in_part_rules_out_nothing() -> None:
    whole = evidence(None, deployment())
    found = {e.analyser: e for e in without_finding(replace(whole, partial=("pods",)), None, NOW)}
    assert not any(examined.answered for examined in found.values())
    assert found["images"].missing == ("all pods",)


def test_a_kind_that_is_not_in_the_evidence_rules_out_nothing() -> None:
    found = {e.analyser: e for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS), None, NOW)}
    assert found["vertical"].missing == ("verticalpodautoscalers.autoscaling.k8s.io",)
    assert "poddisruptionbudgets.policy" in found["disruption"].missing


def test_what_another_analyser_found_is_not_ruled_out() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    killed = crash_looping(code=137, reason="OOMKilled")
    log = Log("shop", "web-6d4b75cb6d-abcde", "web", False, ("ready",))
    sick = evidence(None, web, rs, pod(rs, "abcde", killed), logs=(log,))
    assert "memory" not in {e.analyser for e in without_finding(sick, None, NOW)}
    assert "exhaustion" not in {e.analyser for e in without_finding(sick, None, NOW)}


def test_without_events_nothing_is_ruled_out() -> None:
    found = without_finding(Evidence(None, NOW, {kinds.POD.resource: ()}), None, NOW)
    assert found
    assert not any(examined.answered for examined in found)


def test_what_only_logs_tell_is_not_ruled_out_without_them() -> None:
    log = Log("shop", "web", "web", False, ("ready",))
    silent, heard = (
        {e.question: e.answered for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS, logs), None, NOW)}
        for logs in ((), (log,))
    )
    question = next(q for q in silent if q.startswith("A database, a cache"))
    assert not silent[question]
    assert heard[question]


def test_what_was_looked_at_and_what_is_missing_is_told() -> None:
    log = Log("shop", "web", "web", False, ("ready", "serving"))
    found = {e.analyser: e for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS, (log,)), None, NOW)}
    assert found["databases"].looked_at == {"pods": 0, "events": 0, "logs": 2}
    assert found["databases"].missing == ()
    assert found["saturation"].missing == ("metrics",)
    assert found["autoscaling"].missing == ("horizontalpodautoscalers.autoscaling",)


def test_of_a_long_log_the_lines_that_were_searched_are_counted() -> None:
    log = Log("shop", "web", "web", False, ("serving",) * 5000)
    found = {e.analyser: e for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS, (log,)), None, NOW)}
    assert found["databases"].looked_at["logs"] == 5000
    assert found["dependencies"].looked_at["logs"] == 5000
