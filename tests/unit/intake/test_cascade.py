"""Which Incident is the effect of which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.correlation import adjusted_rand, measure
from incident_commander.evidence.dependencies import Link, Relation
from incident_commander.intake.cascade import CAUSE_TOLD_BEFORE, CAUSE_TOLD_LATER, Member, effect_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def an(name: str, after: float = 0, *alerts: str) -> Member:
    began = NOON + timedelta(seconds=after)
    return Member(f"shop/{name}-1", f"Deployment/shop/{name}", began, frozenset(alerts or ("HighErrorRate",)))


def calls(effect: str, cause: str, relation: Relation = Relation.CALLS) -> Link:
    return Link(f"Deployment/shop/{effect}", f"Deployment/shop/{cause}", relation, f"DB_HOST names {cause}")


def root_of(member: Member, others: list[Member], *links: Link) -> str | None:
    found = effect_of(member, others, links)
    return found.root.target.rsplit("/", 1)[1] if found is not None else None


def test_a_caller_is_the_effect_of_what_it_calls_and_says_why() -> None:
    found = effect_of(an("web", 40), [an("db")], [calls("web", "db")])
    assert found is not None
    assert found.words() == (
        "effect of Incident shop/db-1 about Deployment/shop/db, which began 40 s before this one: "
        "Deployment/shop/web calls Deployment/shop/db (DB_HOST names db)"
    )


def test_what_is_called_is_no_effect_of_its_caller() -> None:
    assert root_of(an("db"), [an("web")], calls("web", "db")) is None


def test_without_a_link_nothing_is_an_effect() -> None:
    assert root_of(an("web"), [an("db")]) is None
    assert root_of(an("web"), [an("db")], calls("api", "db")) is None


@pytest.mark.parametrize(
    ("apart", "joined"),
    [
        (CAUSE_TOLD_BEFORE, True),
        (CAUSE_TOLD_BEFORE + timedelta(seconds=1), False),
        (-CAUSE_TOLD_LATER, True),
        (-CAUSE_TOLD_LATER - timedelta(seconds=1), False),
    ],
)
def test_both_must_have_begun_at_about_the_same_time(apart: timedelta, joined: bool) -> None:
    assert (root_of(an("web", apart.total_seconds()), [an("db")], calls("web", "db")) == "db") is joined


@pytest.mark.parametrize("alert", ["KubePodOOMKilled", "ImagePullBackOff", "CPUThrottlingHigh", "CertExpiresSoon"])
def test_what_is_of_its_own_does_not_come_from_what_it_calls(alert: str) -> None:
    assert root_of(an("web", 0, alert), [an("db")], calls("web", "db")) is None
    assert root_of(an("web", 0, alert), [an("db")], calls("web", "db", Relation.RUNS_ON)) == "db"


def test_an_out_of_memory_explains_a_crash_loop_but_throttling_explains_no_errors() -> None:
    assert root_of(an("web", 0, "PodOOMKilled", "PodCrashLooping"), [an("db")], calls("web", "db")) is None
    assert root_of(an("web", 0, "CPUThrottlingHigh", "HighErrorRate"), [an("db")], calls("web", "db")) == "db"


@pytest.mark.parametrize("alert", ["KubePersistentVolumeFillingUp", "KubeQuotaAlmostFull", "KubeJobFailed"])
def test_nobody_suffers_from_a_forecast(alert: str) -> None:
    assert root_of(an("web"), [an("db", 0, alert)], calls("web", "db")) is None
    assert root_of(an("web"), [an("db", 0, alert, "PodNotReady")], calls("web", "db")) == "db"


def test_the_root_is_the_end_of_the_chain_and_one_silent_hop_is_bridged() -> None:
    chain = (calls("web", "api"), calls("api", "db"), calls("db", "disk"))
    assert root_of(an("web"), [an("api"), an("db")], *chain) == "db"
    assert root_of(an("web"), [an("db")], *chain) == "db"
    assert root_of(an("web"), [an("disk")], *chain) is None, "two hops of which nobody complains"


def test_of_those_that_call_each_other_the_first_is_the_root() -> None:
    both = (calls("web", "api"), calls("api", "web"))
    assert root_of(an("web", 30), [an("api")], *both) == "api"
    assert root_of(an("api"), [an("web", 30)], *both) is None


def test_the_root_that_explains_most_is_preferred_to_a_nearer_one() -> None:
    links = (calls("web", "cron"), calls("web", "api"), calls("api", "db"), calls("cart", "db"))
    others = [an("cron"), an("api"), an("cart"), an("db")]
    assert root_of(an("web"), others, *links) == "db"


TARGETS = st.sampled_from("abcdef")


@given(
    st.lists(st.tuples(TARGETS, TARGETS).filter(lambda pair: pair[0] != pair[1]), max_size=12),
    st.dictionaries(TARGETS, st.integers(0, 3000), min_size=1),
)
def test_somebody_is_always_looked_into_and_nobody_waits_for_one_that_waits(
    pairs: list[tuple[str, str]], began: dict[str, int]
) -> None:
    """Otherwise a circle of Incidents would wait for each other, and nothing would be done."""
    members = [an(name, after) for name, after in began.items()]
    links = [calls(*pair) for pair in pairs]
    effects = {m.key: effect_of(m, [o for o in members if o is not m], links) for m in members}
    assert any(effect is None for effect in effects.values())
    for effect in effects.values():
        if effect is not None:
            assert effects[effect.root.key] is None


@given(st.permutations(list(range(5))))
def test_the_order_in_which_the_others_are_read_does_not_matter(order: list[int]) -> None:
    others = [an("api", 1), an("db", 2), an("cache", 2), an("cart", 3), an("cron", 4)]
    links = [calls("web", "api"), calls("api", "db"), calls("web", "cache"), calls("cart", "cache")]
    assert effect_of(an("web"), [others[n] for n in order], links) == effect_of(an("web"), others, links)


def test_random_cascades_end_in_the_incidents_that_they_belong_to() -> None:
    found = [measure(seed) for seed in range(2000, 2012)]
    assert sum(index for index, _, _ in found) / len(found) >= 0.95


def test_the_adjusted_rand_index_is_one_for_equal_and_about_zero_for_unrelated_partitions() -> None:
    assert adjusted_rand(list("aabbcc"), list("xxyyzz")) == 1.0
    assert adjusted_rand(list("aaabbb"), list("xyxyxy")) == pytest.approx(-0.111, abs=0.01)
