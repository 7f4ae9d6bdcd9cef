"""A limit that is too low, told from a leak."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from incident_agents.diagnosis.analysers.memory import suggested_limit
from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Evidence, Measured
from tests.unit.diagnosis.builders import (
    NOW,
    crash_looping,
    deployment,
    ended,
    evidence,
    incident,
    pod,
    replica_set,
    running,
    series,
    told,
)

MIB = 1024 * 1024
LIMIT = 256 * MIB


def killed(*, lived: float, working_set: Sequence[float] | None, restarts: int = 3) -> Evidence:
    web = deployment(ready=1)
    rs = replica_set(web, "6d4b75cb6d")
    sick = pod(rs, "abcde", crash_looping(restarts=restarts, last=ended(137, "OOMKilled", lived=lived, since=40)))
    metrics = {}
    if working_set is not None:
        name = "container_memory_working_set"
        metrics[name] = series(name, working_set, until=40, pod=sick["metadata"]["name"], container="web")
    return evidence(web, rs, pod(rs, "fghij"), sick, metrics=metrics)


def test_steady_growth_until_the_kill_is_a_leak() -> None:
    growing = [60 * MIB + n * 3 * MIB for n in range(60)]
    found = diagnose(killed(lived=900, working_set=growing), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 75) == (Cause.MEMORY_LEAK, True), told(found)
    assert top.facts["growthPerHour"] == "720Mi"
    assert top.facts["memoryLimit"] == "256Mi"


def test_several_lives_that_each_grew_are_a_leak_too() -> None:
    life = [60 * MIB + n * 9 * MIB for n in range(20)]
    found = diagnose(killed(lived=300, working_set=life * 3), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.MEMORY_LEAK, told(found)


@pytest.mark.parametrize("first", ["the life that ended", "the one that has begun"])
def test_the_lives_of_a_container_are_series_of_their_own_in_no_order(first: str) -> None:
    web = deployment(ready=1)
    rs = replica_set(web, "6d4b75cb6d")
    sick = pod(rs, "abcde", running(restarts=1, age=38, lastState=ended(137, "OOMKilled", lived=900, since=40)))
    name = "container_memory_working_set"
    labels = {"pod": sick["metadata"]["name"], "container": "web"}
    # Prometheus goes on answering the last value of the life that ended while it looks back.
    growing = [60 * MIB + n * 3 * MIB for n in range(60)]
    ended_life = series(name, [*growing, growing[-1], growing[-1]], until=10, id="/kubepods/7f3a", **labels)
    new_life = series(name, [4 * MIB, 5 * MIB, 5 * MIB], until=0, id="/kubepods/02bc", **labels)
    lives = [*ended_life.series, *new_life.series]
    if first == "the one that has begun":
        lives.reverse()
    both = Measured(new_life.query, tuple(lives))
    found = diagnose(evidence(web, rs, sick, metrics={name: both}), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 75) == (Cause.MEMORY_LEAK, True), told(found)
    assert top.facts["growthPerHour"] == "720Mi"


def test_a_plateau_at_the_limit_is_a_limit_that_is_too_low() -> None:
    flat = [100 * MIB, 200 * MIB, *([250 * MIB, 252 * MIB, 249 * MIB] * 15)]
    found = diagnose(killed(lived=700, working_set=flat), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (Cause.MEMORY_LIMIT_TOO_LOW, True), told(found)
    assert top.facts["suggestedMemoryLimit"] == "512Mi"


def test_a_kill_seconds_after_the_start_needs_no_series() -> None:
    found = diagnose(killed(lived=4, working_set=None), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (Cause.MEMORY_LIMIT_TOO_LOW, True), told(found)
    assert top.facts["suggestedMemoryLimit"] == "512Mi"
    assert Cause.CRASH_LOOP not in {h.cause for h in found.hypotheses}


def test_too_few_points_lower_the_confidence_and_are_named() -> None:
    found = diagnose(killed(lived=4000, working_set=[100 * MIB, 180 * MIB]), incident(), NOW)
    top = found.hypotheses[0]
    assert top.cause is Cause.MEMORY_LIMIT_TOO_LOW
    assert top.confidence < 60
    assert "too few points" in top.summary
    assert Cause.MEMORY_LEAK in {h.cause for h in found.hypotheses}


def test_long_lives_that_all_end_at_the_limit_are_a_leak_though_nothing_was_measured() -> None:
    found = diagnose(killed(lived=10000, working_set=None, restarts=8), incident(), NOW)
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= BAR) == (Cause.MEMORY_LEAK, True), told(found)


def test_growth_toward_the_limit_is_seen_before_the_kill() -> None:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    well = pod(rs, "abcde", running())
    name = "container_memory_working_set"
    growing = series(name, [100 * MIB + n * 2 * MIB for n in range(66)], pod=well["metadata"]["name"], container="web")
    found = diagnose(evidence(web, rs, well, metrics={name: growing}), incident("MemoryWillRunOut"), NOW)
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= 60) == (Cause.MEMORY_LEAK, True), told(found)


def test_growth_far_below_the_limit_is_no_incident() -> None:
    web = deployment()
    rs = replica_set(web, "6d4b75cb6d")
    well = pod(rs, "abcde", running())
    name = "container_memory_working_set"
    warming = series(name, [20 * MIB + n * MIB for n in range(60)], pod=well["metadata"]["name"], container="web")
    found = diagnose(evidence(web, rs, well, metrics={name: warming}), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)


def test_the_suggested_limit_is_twice_the_limit_unless_the_peak_asks_for_more() -> None:
    assert suggested_limit(LIMIT, 250 * MIB) == "512Mi"
    assert suggested_limit(LIMIT, 400 * MIB) == "600Mi"
    assert suggested_limit(LIMIT, None) == "512Mi"
    assert suggested_limit(None, None) == ""


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("container_memory_working_set_bytes", {"pod": "", "container": "web"}),
        ("container_memory_usage_bytes", {"pod_name": "", "container": "web"}),
        ("k8s_pod_memory_working_set_bytes", {"k8s_pod_name": ""}),
        ("process_resident_memory_bytes", {"kubernetes_pod_name": ""}),
    ],
)
def test_a_recording_under_an_exporters_name_shows_a_leak_as_well(metric: str, labels: dict[str, str]) -> None:
    whole = killed(lived=900, working_set=None)
    sick = next(p for p in whole.objects["pods"] if p["metadata"]["name"].endswith("abcde"))
    named = {key: value or sick["metadata"]["name"] for key, value in labels.items()}
    growing = series(metric, [60 * MIB + n * 3 * MIB for n in range(60)], until=40)
    recorded = {metric: [replace(s, labels=named) for s in growing.series]}
    found = diagnose(replace(whole, series=recorded), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.facts["growthPerHour"]) == (Cause.MEMORY_LEAK, "720Mi"), told(found)
    assert any(c.path == metric for c in top.evidence)
