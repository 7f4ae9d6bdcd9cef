"""What is called ruled out was looked for, in evidence that could have shown it."""

from __future__ import annotations

from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.examined import KNOWN, without_finding
from incident_commander.api import kinds
from incident_commander.evidence.evidence import Evidence, Log
from tests.unit.diagnosis.builders import NOW

POD_AND_EVENTS = {kinds.POD.resource: (), kinds.EVENT.resource: ()}


def test_every_analyser_that_is_named_exists() -> None:
    assert {analyse.__module__.rsplit(".", 1)[-1] for analyse in ALL} >= KNOWN


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
    assert found["databases"].looked_at["logs"] == 1500
    assert found["dependencies"].looked_at["logs"] == 200
