"""A cause stands above what it explains; what is not about the target sinks."""

import string
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.ranking import rank
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef

WEB, STORE, SERVICE = "Deployment/shop/web", "Deployment/shop/store", "Service/shop/store"


def finding(cause: Cause, confidence: int, about: set[str], depends_on: set[str] | None = None) -> Finding:
    return Finding(cause, None, confidence, "", (), about=frozenset(about), depends_on=frozenset(depends_on or ()))


def ranked(*findings: Finding, target: str = WEB, near: frozenset[str] = frozenset()) -> list[tuple[Cause, int]]:
    return [(f.cause, f.confidence) for f in rank(findings, frozenset({target}), near)]


def test_a_cause_on_the_same_object_pushes_its_effect_below_itself() -> None:
    found = ranked(finding(Cause.CRASH_LOOP, 90, {WEB}), finding(Cause.VOLUME_FULL, 80, {WEB}))
    assert [cause for cause, _ in found] == [Cause.VOLUME_FULL, Cause.CRASH_LOOP]
    assert found[0][1] - found[1][1] >= 12


def test_a_chain_of_dependencies_leads_to_its_end() -> None:
    found = ranked(
        finding(Cause.CRASH_LOOP, 70, {WEB}),
        finding(Cause.DEPENDENCY_DOWN, 86, {WEB}, {SERVICE, STORE}),
        finding(Cause.MEMORY_LIMIT_TOO_LOW, 82, {STORE}),
    )
    assert [cause for cause, _ in found] == [Cause.MEMORY_LIMIT_TOO_LOW, Cause.DEPENDENCY_DOWN, Cause.CRASH_LOOP]


def test_a_finding_elsewhere_that_explains_nothing_is_never_confident() -> None:
    assert ranked(finding(Cause.IMAGE_NOT_FOUND, 95, {STORE})) == [(Cause.IMAGE_NOT_FOUND, 40)]


def test_a_finding_about_what_is_attached_counts_a_little_less() -> None:
    near = frozenset({SERVICE})
    assert ranked(finding(Cause.SERVICE_WRONG_PORT, 90, {SERVICE}), near=near) == [(Cause.SERVICE_WRONG_PORT, 82)]


def test_a_weak_finding_explains_nothing() -> None:
    found = ranked(finding(Cause.VOLUME_FULL, 45, {WEB}), finding(Cause.CRASH_LOOP, 70, {WEB}))
    assert found[0] == (Cause.CRASH_LOOP, 70)


findings = st.builds(
    Finding,
    st.sampled_from(Cause),
    st.none(),
    st.integers(0, 100),
    st.just(""),
    st.just(()),
    about=st.frozensets(st.sampled_from(string.ascii_lowercase[:6]), max_size=3),
    depends_on=st.frozensets(st.sampled_from(string.ascii_lowercase[:6]), max_size=2),
)


@given(st.lists(findings, max_size=8), st.frozensets(st.sampled_from("abcdef"), max_size=2))
def test_any_findings_come_out_in_order_within_range_and_the_same_each_time(
    given_findings: list[Finding], target: frozenset[str]
) -> None:
    once = rank(given_findings, target, frozenset())
    assert all(1 <= f.confidence <= 97 for f in once)
    assert [f.confidence for f in once] == sorted((f.confidence for f in once), reverse=True)
    assert rank(given_findings, target, frozenset()) == once


def test_every_score_is_told_in_words() -> None:
    cause, effect = rank(
        [finding(Cause.VOLUME_FULL, 80, {WEB}), finding(Cause.CRASH_LOOP, 90, {WEB})], frozenset({WEB}), frozenset()
    )
    assert cause.reasons == ("80 by what it saw itself", "+2: it explains CrashLoop")
    assert effect.reasons == ("90 by what it saw itself", "18 at most: VolumeFull explains it")


class TestAlongCalls:
    """A cause explains what ends or does not answer at those who call it, directly or through others."""

    STORE, CALLER = "Deployment/shop/store", "Deployment/shop/caller"

    def ranked(self, effect: Cause, callers: dict[str, frozenset[str]]) -> list[Cause]:
        given = [finding(Cause.IMAGE_NOT_FOUND, 80, {self.STORE}), finding(effect, 85, {self.CALLER})]
        return [f.cause for f in rank(given, frozenset(), frozenset(), callers)]

    def test_a_caller_that_crashes_stands_below_what_it_calls(self) -> None:
        callers = {self.STORE: frozenset({self.CALLER})}
        assert self.ranked(Cause.CRASH_LOOP, callers) == [Cause.IMAGE_NOT_FOUND, Cause.CRASH_LOOP]

    def test_without_a_call_between_them_each_stands_for_itself(self) -> None:
        assert self.ranked(Cause.CRASH_LOOP, {}) == [Cause.CRASH_LOOP, Cause.IMAGE_NOT_FOUND]

    def test_what_a_dependency_cannot_bring_is_not_explained_by_it(self) -> None:
        callers = {self.STORE: frozenset({self.CALLER})}
        assert self.ranked(Cause.MEMORY_LEAK, callers) == [Cause.MEMORY_LEAK, Cause.IMAGE_NOT_FOUND]


class TestOneIncidentHasOneCause:
    """What one finding leaves of a hundred is all that those have which it explains, or which rival it."""

    OTHER = "Deployment/shop/other"

    def test_so_an_effect_has_what_its_cause_leaves_however_sure_it_was(self) -> None:
        found = ranked(finding(Cause.IMAGE_NOT_FOUND, 90, {WEB}), finding(Cause.CRASH_LOOP, 95, {WEB}))
        assert found == [(Cause.IMAGE_NOT_FOUND, 92), (Cause.CRASH_LOOP, 8)]

    def test_and_what_an_effect_explains_stands_below_it(self) -> None:
        chain = (
            finding(Cause.IMAGE_NOT_FOUND, 90, {STORE}),
            finding(Cause.DEPENDENCY_DOWN, 80, {WEB}, {STORE}),
            finding(Cause.CRASH_LOOP, 95, {WEB}),
        )
        assert [c for c, _ in ranked(*chain)] == [Cause.IMAGE_NOT_FOUND, Cause.DEPENDENCY_DOWN, Cause.CRASH_LOOP]

    def test_a_weaker_cause_of_the_same_objects_has_what_the_surer_leaves(self) -> None:
        sure, weak = finding(Cause.IMAGE_NOT_FOUND, 90, {WEB}), finding(Cause.SERVICE_WRONG_PORT, 70, {WEB})
        assert ranked(sure, weak) == [(Cause.IMAGE_NOT_FOUND, 90), (Cause.SERVICE_WRONG_PORT, 10)]

    def test_causes_that_are_nearly_as_sure_or_of_other_objects_may_both_be_true(self) -> None:
        sure, near = finding(Cause.IMAGE_NOT_FOUND, 90, {WEB}), finding(Cause.CONFIG_MISSING, 86, {WEB})
        assert ranked(sure, near) == [(Cause.IMAGE_NOT_FOUND, 90), (Cause.CONFIG_MISSING, 86)]
        elsewhere = finding(Cause.CONFIG_MISSING, 60, {self.OTHER})
        found = rank([sure, elsewhere], frozenset(), frozenset())
        assert [f.confidence for f in found] == [90, 60]

    def test_a_delay_is_at_one_place(self) -> None:
        here = finding(Cause.NETWORK_LATENCY, 80, {WEB})
        other = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="other")
        for sure, found in ((60, [80, 20]), (78, [50, 50])):
            there = replace(finding(Cause.NETWORK_LATENCY, sure, {self.OTHER}), object=other)
            weighed = rank([here, there], frozenset(), frozenset())
            assert [f.confidence for f in weighed] == found
            assert "another place" in weighed[1].reasons[-1]

    def test_of_two_that_explain_each_other_the_surer_comes_first(self) -> None:
        crash, probe = finding(Cause.CRASH_LOOP, 70, {WEB}), finding(Cause.PROBE_MISCONFIGURED, 86, {WEB})
        for given_ in ((crash, probe), (probe, crash)):
            assert [c for c, _ in ranked(*given_)] == [Cause.PROBE_MISCONFIGURED, Cause.CRASH_LOOP]


class TestWhatIsExplained:
    def test_by_what_and_at_any_distance(self) -> None:
        chain = [
            finding(Cause.IMAGE_NOT_FOUND, 90, {STORE}),
            finding(Cause.DEPENDENCY_DOWN, 80, {WEB}, {STORE}),
            finding(Cause.CRASH_LOOP, 95, {WEB}),
        ]
        root, middle, last = rank(chain, frozenset(), frozenset())
        assert root.explained_by == frozenset()
        assert middle.explained_by == {root.key}
        assert last.explained_by == {root.key, middle.key}

    def test_an_autoscaler_has_no_metrics_of_pods_that_do_not_run(self) -> None:
        autoscaler = finding(Cause.HPA_CANNOT_SCALE, 66, {WEB, "HorizontalPodAutoscaler/shop/web"})
        for cause in (Cause.IMAGE_NOT_FOUND, Cause.CRASH_LOOP, Cause.UNSCHEDULABLE_RESOURCES, Cause.APP_NOT_ANSWERING):
            assert [c for c, _ in ranked(autoscaler, finding(cause, 60, {WEB}))] == [cause, Cause.HPA_CANNOT_SCALE]

    def test_the_address_of_a_store_that_answers_with_a_refusal_is_right(self) -> None:
        refused = finding(Cause.DATABASE_CONNECTIONS_EXHAUSTED, 76, {WEB, STORE})
        found = ranked(finding(Cause.DEPENDENCY_ADDRESS_WRONG, 78, {WEB}), refused)
        assert [c for c, _ in found] == [Cause.DATABASE_CONNECTIONS_EXHAUSTED, Cause.DEPENDENCY_ADDRESS_WRONG]

    def test_a_job_fails_when_what_it_calls_is_down(self) -> None:
        job = "Job/shop/migrate"
        given_ = [finding(Cause.JOB_FAILED, 78, {job}), finding(Cause.IMAGE_NOT_FOUND, 80, {STORE})]
        first, second = rank(given_, frozenset(), frozenset(), {STORE: frozenset({job})})
        assert first.cause is Cause.IMAGE_NOT_FOUND
        assert second.explained_by == {first.key}
