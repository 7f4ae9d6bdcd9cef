"""Whatever stands in the evidence, a diagnosis comes out: bounded, printable, and never a crash."""

import copy
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_agents.diagnosis import facts
from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.statement import Citation, CitationKind, Diagnosis
from incident_commander.consensus.citation import contradiction
from incident_commander.evidence.evidence import Evidence, Log, reference
from incident_commander.ports import Series
from tests.unit.diagnosis import (
    test_autoscaling,
    test_cpu,
    test_crashes,
    test_dependencies,
    test_images,
    test_jobs,
    test_memory,
    test_probes,
    test_scheduling,
    test_volumes,
)
from tests.unit.diagnosis.builders import NOW, crash_looping, evidence, incident, log, running

HOSTILE = "\x1b[31m<script>alert(1)</script>\x1b]8;;http://x\x07\u202e\x00" + "A" * 5000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def cases() -> list[Evidence]:
    web, objects, sick = test_dependencies.shop(
        store_status=running("store", ready=False), store_ready=False, caller_status=crash_looping(code=1)
    )
    db, store, member = test_volumes.store(crash_looping("db", code=1))
    image, pulled = test_images.rollout_to(test_images.BAD, f'Failed to pull image "{test_images.BAD}": not found')
    stuck, waiting = test_scheduling.stuck("0/2 nodes are available: 2 Insufficient cpu.")
    crashed, rolled = test_crashes.rolled_out(crash_looping(code=1), image="registry.example.com/shop/web:2")
    cron = test_jobs.cron_job()
    failed = test_jobs.job("report-3", cron, failed=True, minutes=4)
    scaled, members = test_autoscaling.scaled()
    return [
        evidence(web, *objects, logs=[log(sick, "connect to store:6379: connection refused")]),
        evidence(
            db, *store, logs=[log(member, "No space left on device", container="db")], metrics=test_volumes.usage(9.9)
        ),
        evidence(image, *pulled),
        evidence(stuck, *waiting),
        evidence(crashed, *rolled),
        evidence(cron, failed, test_jobs.failed_pod(failed, 1)),
        evidence(scaled, *members, test_autoscaling.autoscaler()),
        test_memory.killed(lived=900, working_set=[60e6 + n * 3e6 for n in range(60)]),
        test_probes.not_ready(test_probes.REFUSED, test_probes.HTTP),
        test_cpu.throttled(0.8, 0.49),
    ]


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += leaves(inner, (*path, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            found += leaves(inner, (*path, n))
    return found


def put(value: Any, path: tuple[str | int, ...], new: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    if new is ...:
        del value[path[-1]]
    else:
        value[path[-1]] = new


odd = st.one_of(
    st.just(...),
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(
        ["", HOSTILE, "9" * 300, "1e99999", "2026-13-99T00:00:00Z", "0001-01-01T00:00:00+23:59", "{", "a" * 300]
    ),
    st.just([]),
    st.just({}),
    st.just([None, 1, "x", {}]),
    st.just({"a": {"b": []}}),
)


def check(found: Diagnosis, given_evidence: Evidence) -> None:
    assert 1 <= len(found.hypotheses) <= 8
    current = {reference(o): o for objects in given_evidence.objects.values() for o in objects if sane(o)}
    for hypothesis in found.hypotheses:
        assert not CONTROL.search(hypothesis.summary)
        assert hypothesis.facts.keys() <= facts.COMMON | facts.OF_CAUSE[hypothesis.cause]
        assert not CONTROL.search("".join(hypothesis.facts.values()))
        for cited in hypothesis.evidence:
            assert not CONTROL.search(cited.value), cited
            assert contradiction(cited, current) is None, cited
    assert Diagnosis.model_validate(found.to_json()) == found


def sane(obj: Any) -> bool:
    return isinstance(obj, dict) and isinstance(obj.get("metadata"), dict)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_mutation_of_any_object_still_gives_a_sound_diagnosis(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(cases()))
    objects = {resource: copy.deepcopy(list(found)) for resource, found in whole.objects.items()}
    everything = [o for found in objects.values() for o in found]
    for _ in range(data.draw(st.integers(1, 6))):
        target = data.draw(st.sampled_from(everything))
        paths = leaves(target)
        if paths:
            put(target, data.draw(st.sampled_from(paths)), copy.deepcopy(data.draw(odd)))
    mutated = Evidence(whole.target, NOW, objects, whole.logs, whole.metrics, whole.gaps)
    check(diagnose(mutated, incident(), NOW), mutated)


@given(st.lists(st.text(max_size=300), max_size=20))
def test_any_text_in_a_log_still_gives_a_sound_diagnosis(lines: list[str]) -> None:
    whole = cases()[0]
    spoken = Evidence(
        whole.target,
        NOW,
        whole.objects,
        [Log(item.namespace, item.pod, item.container, True, (*lines, HOSTILE)) for item in whole.logs],
    )
    check(diagnose(spoken, incident(), NOW), spoken)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=30))
def test_any_points_in_a_series_still_give_a_sound_diagnosis(points: list[tuple[float, float]]) -> None:
    whole = cases()[7]
    measured = {
        key: type(m)(m.query, tuple(Series(s.labels, points) for s in m.series)) for key, m in whole.metrics.items()
    }
    drawn = Evidence(whole.target, NOW, whole.objects, whole.logs, measured)
    check(diagnose(drawn, incident(), NOW), drawn)


def test_hostile_words_of_a_kubelet_are_cited_without_their_escapes_and_prove_nothing() -> None:
    image, pulled = test_images.rollout_to(
        test_images.BAD, f'Failed to pull image "{test_images.BAD}": {HOSTILE} not found'
    )
    stuck = pulled[4]
    stuck["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = HOSTILE
    found = diagnose(evidence(image, *pulled), incident(), NOW)
    check(found, evidence(image, *pulled))
    said = next(c for h in found.hypotheses for c in h.evidence if c.path.endswith("waiting.message"))
    assert "<script>" in said.value  # text stays text: whoever renders it escapes it
    assert said.resource_version is None


def test_every_object_citation_holds_in_the_evidence_that_it_was_made_from() -> None:
    for whole in cases():
        found = diagnose(whole, incident(), NOW)
        cited = [c for h in found.hypotheses for c in h.evidence]
        assert any(c.kind is CitationKind.OBJECT and c.resource_version for c in cited)
        check(found, whole)


def test_a_citation_of_something_else_is_found_out() -> None:
    """The check above can fail: a wrong value at the same resourceVersion is a contradiction."""
    whole = cases()[4]
    top = diagnose(whole, incident(), NOW).hypotheses[0]
    true = next(c for c in top.evidence if c.path.endswith("exitCode"))
    false = Citation(kind=true.kind, ref=true.ref, path=true.path, value="77", resource_version=true.resource_version)
    current = {reference(o): o for objects in whole.objects.values() for o in objects}
    assert contradiction(true, current) is None
    assert contradiction(false, current) is not None
