"""Which changes of an Incident wake whom."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from incident_commander.api.incident import Phase
from incident_commander.operators.wakeup import (
    Memory,
    agent_interest,
    coordinator_interest,
    executor_interest,
)
from incident_commander.operators.watching import Subscriber
from incident_commander.operators.workqueue import Key, WorkQueue

DIAGNOSING = frozenset({Phase.DIAGNOSING})


def incident(phase: str | None = "Diagnosing", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": "x", "uid": "u1", "annotations": {}},
        "spec": {"alerts": []},
        "status": {"phase": phase, "planningSerial": 1, **status},
    }


def with_alerts(body: dict[str, Any], *alerts: tuple[str, str]) -> dict[str, Any]:
    listed = [
        {"labels": {"alertname": name, "pod": f"p{n}"}, "status": status} for n, (name, status) in enumerate(alerts)
    ]
    return {**body, "spec": {**body["spec"], "alerts": listed}}


def with_annotation(body: dict[str, Any], key: str, value: str = "{}") -> dict[str, Any]:
    changed = copy.deepcopy(body)
    changed["metadata"]["annotations"][f"incidentcommander.io/{key}"] = value
    return changed


class TestCoordinator:
    def test_hears_a_new_incident(self) -> None:
        assert Memory(coordinator_interest).news({**incident(None), "status": {}})

    def test_hears_every_word_of_an_agent_once(self) -> None:
        memory = Memory(coordinator_interest)
        memory.news(incident())
        spoken = with_annotation(incident(), "detection-statement")
        assert memory.news(spoken)
        assert not memory.news(spoken)

    def test_hears_what_the_executor_recorded_and_what_a_person_approved(self) -> None:
        memory = Memory(coordinator_interest)
        memory.news(incident("Executing"))
        assert memory.news(incident("Executing", execution={"attempts": [{"outcome": "Applied"}]}))
        approved = incident("AwaitingApproval")
        memory.news(approved)
        assert memory.news({**approved, "spec": {"approval": {"decision": "Approve"}}})

    def test_hears_that_all_alerts_are_over_but_not_of_each_that_joins_or_is_counted(self) -> None:
        memory = Memory(coordinator_interest)
        memory.news(with_alerts(incident(), ("Down", "firing")))
        more = with_alerts(incident(), ("Down", "firing"), ("Slow", "firing"))
        assert not memory.news(more)
        counted = with_annotation({**more, "spec": {**more["spec"], "omittedAlerts": 7}}, "omitted-alerts")
        assert not memory.news(counted)
        assert memory.news(with_alerts(incident(), ("Down", "resolved"), ("Slow", "resolved")))

    def test_does_not_hear_its_own_message(self) -> None:
        memory = Memory(coordinator_interest)
        memory.news(incident())
        assert not memory.news(incident(message="gathering evidence"))

    def test_is_done_with_what_has_ended_unless_a_person_wants_it_undone(self) -> None:
        ended = incident("Resolved")
        assert coordinator_interest(ended) is None
        ended["spec"]["undo"] = {"planDigest": "sha256:0"}
        assert coordinator_interest(ended) is not None


class TestExecutor:
    @pytest.mark.parametrize("phase", ["Pending", "Diagnosing", "Voting", "Verifying"])
    def test_is_not_concerned_before_and_after(self, phase: str) -> None:
        assert executor_interest(incident(phase)) is None

    @pytest.mark.parametrize("phase", ["Executing", "RollingBack"])
    def test_is_concerned_when_something_is_to_be_done(self, phase: str) -> None:
        assert executor_interest(incident(phase)) is not None

    def test_hears_the_next_round(self) -> None:
        memory = Memory(executor_interest)
        memory.news(incident("Executing", consensus={"round": 1, "planDigest": "a"}))
        assert memory.news(incident("Executing", consensus={"round": 2, "planDigest": "b"}))

    def test_looks_at_an_ended_incident_that_it_had_acted_on(self) -> None:
        assert executor_interest(incident("Closed", execution={"attempts": [{"id": "1"}]})) is not None
        assert executor_interest(incident("Closed")) is None


class TestAgents:
    def test_are_woken_by_a_new_round(self) -> None:
        memory = Memory(agent_interest("detection", "detection", DIAGNOSING))
        memory.news(incident("Voting", consensus={"round": 1, "planDigest": "a"}))
        assert memory.news(incident("Voting", consensus={"round": 2, "planDigest": "b"}))

    def test_are_not_woken_by_the_words_of_others(self) -> None:
        memory = Memory(agent_interest("detection", "detection", DIAGNOSING))
        memory.news(incident())
        assert not memory.news(with_annotation(incident(), "diagnosis-statement"))

    def test_are_woken_by_another_kind_of_alert_and_not_by_one_more_of_the_same(self) -> None:
        memory = Memory(agent_interest("detection", "detection", DIAGNOSING))
        memory.news(with_alerts(incident(), ("Down", "firing")))
        assert not memory.news(with_alerts(incident(), ("Down", "firing"), ("Down", "firing")))
        assert memory.news(with_alerts(incident(), ("Down", "firing"), ("Slow", "firing")))
        assert memory.news(with_alerts(incident(), ("Down", "resolved"), ("Slow", "firing")))

    def test_notice_when_their_own_word_was_taken_away(self) -> None:
        memory = Memory(agent_interest("detection", "detection", DIAGNOSING))
        memory.news(with_annotation(incident(), "detection-statement"))
        assert memory.news(incident())

    def test_resolution_is_woken_by_a_diagnosis(self) -> None:
        memory = Memory(agent_interest("resolution", "resolution", DIAGNOSING))
        memory.news(incident())
        assert memory.news(with_annotation(incident(), "diagnosis-statement"))

    def test_resolution_is_not_woken_by_what_is_said_beside_the_votes(self) -> None:
        memory = Memory(agent_interest("resolution", "resolution", DIAGNOSING))
        memory.news(incident("Voting"))
        assert not memory.news(with_annotation(incident("Voting"), "communication-statement"))

    def test_that_only_vote_are_woken_for_nothing_else(self) -> None:
        interest = agent_interest("verification", "verification", frozenset())
        assert interest(incident()) is None
        assert interest(incident("Voting")) is not None

    @pytest.mark.parametrize("phase", [None, "Pending", "Executing", "Verifying", "Resolved"])
    def test_have_nothing_to_do_in_other_phases(self, phase: str | None) -> None:
        assert agent_interest("detection", "detection", DIAGNOSING)(incident(phase)) is None


class TestMemory:
    def test_of_the_longest_unseen_is_given_up(self) -> None:
        memory = Memory(coordinator_interest, remembered=1)
        other = incident()
        other["metadata"]["uid"] = "u2"
        memory.news(incident())
        memory.news(other)
        assert memory.news(incident())

    def test_an_incident_that_was_made_anew_is_news(self) -> None:
        memory = Memory(coordinator_interest)
        memory.news(incident())
        again = incident()
        again["metadata"]["uid"] = "u2"
        assert memory.news(again)


class TestSubscriber:
    async def test_looks_again_at_what_is_open_and_not_at_what_has_ended(self) -> None:
        worked: list[str] = []

        async def reconcile(namespace: str, name: str) -> float | None:
            worked.append(f"{namespace}/{name}")
            return None

        queue = WorkQueue("test", reconcile)
        subscriber = Subscriber(queue, coordinator_interest)
        subscriber.saw(None, incident())
        assert not queue.idle()
        ended = incident("Resolved")
        ended["metadata"]["name"] = "y"
        subscriber.saw("MODIFIED", ended)
        fresh = WorkQueue("test", reconcile)
        subscriber.queue = fresh
        subscriber.look_again()
        assert list(fresh._waiting) == [Key("shop", "x")]

    async def test_forgets_what_was_deleted(self) -> None:
        async def reconcile(namespace: str, name: str) -> float | None:
            return None

        subscriber = Subscriber(WorkQueue("test", reconcile), coordinator_interest)
        subscriber.saw(None, incident())
        subscriber.saw("DELETED", incident())
        subscriber.queue = WorkQueue("test", reconcile)
        subscriber.look_again()
        assert subscriber.queue.idle()
