"""The chain: all are asked, the first denial is the reason, waiting helps only if it helps with every one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import StepOutcome
from incident_commander.api.plan import ActionName
from incident_commander.guards.chain import CHAIN, Judged, evaluate, first_denial, waiting_until
from incident_commander.guards.guard import Breaker
from tests.unit.guards.scene import NAMESPACE, NOW, past, pod_scene, policy, scene

NAMES = [
    "enabled", "opt-in", "scope", "deny-list", "policy", "target-lock", "cooldown", "attempts", "concurrency",
    "hourly-budget", "min-healthy", "disruption-budget", "freeze", "circuit-breaker", "loop", "gitops", "approval",
]  # fmt: skip


def test_every_guard_is_asked_in_order_and_a_plain_write_is_allowed() -> None:
    judged = evaluate(scene())
    assert [j.guard for j in judged] == NAMES == [name for name, _ in CHAIN]
    assert [j for j in judged if not j.allowed] == []
    assert first_denial(judged) is None
    assert waiting_until(judged) is None


def test_all_denials_are_recorded_and_the_first_is_the_reason() -> None:
    judged = evaluate(scene(policy=None, breaker=Breaker(True, "too many"), namespace=None))
    denied = [j.guard for j in judged if not j.allowed]
    assert denied == ["opt-in", "policy", "circuit-breaker", "approval"]
    first = first_denial(judged)
    assert first is not None
    assert first.guard == "opt-in"
    assert first.to_result().message == first.message


def test_an_escalation_is_held_up_by_nothing() -> None:
    judged = evaluate(scene(ActionName.ESCALATE, policy=None, namespace=None, breaker=Breaker(True)))
    assert [(j.guard, j.allowed) for j in judged] == [("nothing-written", True)]


def test_undoing_is_not_trapped_by_what_our_own_change_brought_about() -> None:
    own = past(uid="uid-inc", number=1, terminal=False, minutes_ago=0)
    more = [past(uid="uid-inc", number=n, minutes_ago=1) for n in range(2, 9)]
    frozen = {"name": "always", "schedule": "* * * * *", "durationMinutes": 5}
    strict = policy(mode="Observe", actions=[], limits={"maxAttempts": 1, "maxPerHour": 1}, freezeWindows=[frozen])
    given = scene(undoing=True, policy=strict, breaker=Breaker(True, "x"), history=[own, *more])
    given.target["status"]["readyReplicas"] = 0
    assert first_denial(evaluate(given)) is None
    assert first_denial(evaluate(replace(given, undoing=False))) is not None


def test_undoing_still_respects_the_deny_list_the_scope_and_an_opt_out() -> None:
    given = scene(undoing=True)
    other = {**given.target, "metadata": {**given.target["metadata"], "uid": "replaced"}}
    assert [j.guard for j in evaluate(replace(given, target=other)) if not j.allowed] == ["scope"]
    own_namespace = evaluate(replace(given, operator_namespace="shop"))
    assert [j.guard for j in own_namespace if not j.allowed] == ["deny-list"]
    opted_out = {**NAMESPACE, "metadata": {**NAMESPACE["metadata"], "labels": {}}}
    assert [j.guard for j in evaluate(replace(given, namespace=opted_out)) if not j.allowed] == ["opt-in"]


@given(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 900)), max_size=6))
def test_waiting_ends_when_the_last_of_them_passes_or_is_pointless(said: list[tuple[bool, int | None]]) -> None:
    judged = [
        Judged("g", allowed, "R", "", None if after is None else NOW + timedelta(seconds=after))
        for allowed, after in said
    ]
    denied = [after for allowed, after in said if not allowed]
    until = waiting_until(judged)
    if not denied or None in denied:
        assert until is None
    else:
        assert until == NOW + timedelta(seconds=max(a for a in denied if a is not None))


@pytest.mark.parametrize("ready", [True, False])
def test_a_sick_pod_may_be_replaced_by_default(ready: bool) -> None:
    judged = evaluate(pod_scene(ready=ready))
    assert first_denial(judged) is None


def test_an_attempt_of_another_incident_holds_this_one_up_for_a_while() -> None:
    judged = evaluate(scene(history=[past(StepOutcome.APPLIED, terminal=False, minutes_ago=1)]))
    assert [j.guard for j in judged if not j.allowed] == ["target-lock", "cooldown"]
    assert waiting_until(judged) == NOW + timedelta(minutes=4)
