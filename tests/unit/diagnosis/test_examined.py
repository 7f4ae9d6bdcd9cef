"""What is called ruled out was looked for, in evidence that could have shown it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from incident_agents.diagnosis import analysers, examined
from incident_agents.diagnosis.analysers import ALL
from incident_agents.diagnosis.asking import ASKING
from incident_agents.diagnosis.engine import work_up
from incident_agents.diagnosis.examined import Examined
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Evidence, Log
from incident_commander.ports import Object, Series
from tests.unit.diagnosis.builders import NOW, crash_looping, deployment, evidence, log, pod, replica_set, waiting

POD_AND_EVENTS = {kinds.POD.resource: (), kinds.EVENT.resource: ()}


LATENCY = {
    "http_server_latency_p95_seconds": (
        Series(
            {"namespace": "shop", "deployment": "web"},
            tuple((NOW.timestamp() - 15.0 * n, 0.1) for n in range(40, 0, -1)),
        ),
    )
}


def without_finding(of: Evidence) -> list[Examined]:
    return examined.without_finding(work_up(of, None, NOW))


def test_every_analyser_says_what_it_needs() -> None:
    assert {analyse.__module__.rsplit(".", 1)[-1] for analyse in ALL} == set(ASKING)


def test_metrics_of_one_kind_rule_out_nothing_that_needs_another() -> None:
    whole = replace(evidence(None, deployment()), series=LATENCY)
    found = {e.analyser: e for e in without_finding(whole)}
    assert found["network"].looked_at["metrics"] == 1
    assert found["network"].answered
    assert found["saturation"].missing == ("metrics of CPU",)
    assert found["cpu"].missing == ("metrics of throttling",)
    assert found["memory"].missing == ("metrics of memory",)
    assert found["volumes"].missing == ("metrics of volumes",)


def test_a_kind_that_was_read_only_in_part_rules_out_nothing() -> None:
    whole = evidence(None, deployment())
    found = {e.analyser: e for e in without_finding(replace(whole, partial=("pods",)))}
    assert not any(e.answered for e in found.values())
    assert found["images"].missing == ("all pods",)


def test_a_kind_that_is_not_in_the_evidence_rules_out_nothing() -> None:
    found = {e.analyser: e for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS))}
    assert found["vertical"].missing == ("verticalpodautoscalers.autoscaling.k8s.io",)
    assert "poddisruptionbudgets.policy" in found["disruption"].missing


def test_what_another_analyser_found_is_not_ruled_out() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    killed = crash_looping(code=137, reason="OOMKilled")
    heard = Log("shop", "web-6d4b75cb6d-abcde", "web", False, ("ready",))
    sick = evidence(None, web, rs, pod(rs, "abcde", killed), logs=(heard,))
    assert "memory" not in {e.analyser for e in without_finding(sick)}
    assert "exhaustion" not in {e.analyser for e in without_finding(sick)}


def test_without_events_nothing_is_ruled_out() -> None:
    found = without_finding(Evidence(None, NOW, {kinds.POD.resource: ()}))
    assert found
    assert not any(e.answered for e in found)


def test_what_only_logs_tell_is_not_ruled_out_without_them() -> None:
    spoken = Log("shop", "web", "web", False, ("ready",))
    silent, heard = (
        {e.question: e.answered for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS, logs))}
        for logs in ((), (spoken,))
    )
    question = next(q for q in silent if q.startswith("A database, a cache"))
    assert not silent[question]
    assert heard[question]


def test_what_was_looked_at_and_what_is_missing_is_told() -> None:
    heard = Log("shop", "web", "web", False, ("ready", "serving"))
    found = {e.analyser: e for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS, (heard,)))}
    assert found["databases"].looked_at == {"pods": 0, "events": 0, "logs": 2}
    assert found["databases"].missing == ()
    assert found["saturation"].missing == ("metrics",)
    assert found["autoscaling"].missing == ("horizontalpodautoscalers.autoscaling",)


def test_of_a_long_log_the_lines_that_were_searched_are_counted() -> None:
    heard = Log("shop", "web", "web", False, ("serving",) * 5000)
    found = {e.analyser: e for e in without_finding(Evidence(None, NOW, POD_AND_EVENTS, (heard,)))}
    assert found["databases"].looked_at["logs"] == 5000
    assert found["dependencies"].looked_at["logs"] == 5000


def test_no_analyser_is_run_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    workup = work_up(evidence(None, deployment()), None, NOW)
    monkeypatch.setattr(analysers, "ALL", ())
    assert {"images", "databases"} <= {e.analyser for e in examined.without_finding(workup)}


def test_the_same_cause_found_by_another_analyser_is_not_ruled_out() -> None:
    web = deployment(ready=0)
    workup = work_up(evidence(None, web), None, NOW)
    one = Finding(Cause.CONTROL_PLANE_DOWN, None, 60, "", ())
    found = {**workup.found, "components": [one]}
    silent = {e.analyser for e in examined.without_finding(replace(workup, found=found)) if e.answered}
    assert "control_plane" not in silent


class TestLogs:
    """Whoever looks into logs has looked only where the logs of all that is asked about were read."""

    WEB, API = deployment(), deployment("api", replicas=1)
    WEB_SET, API_SET = replica_set(WEB, "6d4b75cb6d"), replica_set(API, "5b5c9d7f6c", replicas=1, ready=1)
    WEBS, API_POD = (pod(WEB_SET, "abcde"), pod(WEB_SET, "fghij")), pod(API_SET, "abcde")

    def missing(self, *read: Object, target: Object | None = None, pods: Sequence[Object] = ()) -> tuple[str, ...]:
        objects = (self.WEB_SET, self.API, self.API_SET, *(pods or (*self.WEBS, self.API_POD)))
        logs = [log(one, "ready") for one in read]
        found = without_finding(evidence(target, self.WEB, *objects, logs=logs))
        return next(e.missing for e in found if e.analyser == "databases")

    def test_of_one_workload_rule_out_nothing_about_another(self) -> None:
        assert self.missing(self.WEBS[0]) == ("logs of Deployment/shop/api",)
        assert self.missing(self.WEBS[0], self.API_POD) == ()

    def test_of_one_pod_stand_for_others_that_are_well(self) -> None:
        assert self.missing(self.WEBS[1], target=self.WEB) == ()

    def test_of_a_healthy_pod_do_not_stand_for_one_that_is_not(self) -> None:
        ill = pod(self.WEB_SET, "fghij", crash_looping())
        pods = (self.WEBS[0], ill, self.API_POD)
        assert self.missing(self.WEBS[0], self.API_POD, pods=pods) == ("logs of Deployment/shop/web",)
        assert self.missing(ill, self.API_POD, pods=pods) == ()

    def test_of_a_pod_in_which_nothing_was_started_are_not_missed(self) -> None:
        waits = pod(self.API_SET, "abcde", waiting("ImagePullBackOff", name="api"), phase="Pending")
        assert self.missing(self.WEBS[0], pods=(*self.WEBS, waits)) == ()

    def test_of_what_is_not_asked_about_are_not_missed(self) -> None:
        assert self.missing(self.WEBS[0], target=self.WEB) == ()
        assert self.missing(self.API_POD, target=self.WEB) == ("logs of Deployment/shop/web",)
