"""A cause stands above what it explains; what is not about the target sinks."""

import string

from hypothesis import given
from hypothesis import strategies as st

from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.ranking import rank
from incident_commander.api.causes import Cause

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
    assert effect.reasons == ("90 by what it saw itself", "70 at most: VolumeFull explains it")


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
