"""What becomes of alerts: each is recorded or counted exactly once, and what was told before changes nothing."""

from __future__ import annotations

import itertools

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import Alert, AlertStatus, Incident
from incident_commander.api.names import LABEL_STORM, LABEL_TARGET_HASH
from incident_commander.api.statement import Severity
from incident_commander.intake.correlate import Arrival, Fate, decide
from incident_commander.intake.known import known_incident
from incident_commander.intake.lane import Lane
from tests.unit.intake.board import LANE, TARGET, Board, alert


class TestANewAlert:
    def test_becomes_an_incident_about_its_target(self) -> None:
        board = Board()
        assert board.send(alert(severity="critical")) == [Fate.CREATED]
        [stored] = board.specs
        assert stored.spec.target_ref == TARGET
        assert stored.spec.severity is Severity.CRITICAL
        assert stored.metadata.labels == {LABEL_TARGET_HASH: LANE.hash}
        assert [a.fingerprint for a in stored.spec.alerts] == ["a1"]

    def test_joins_the_open_incident_of_its_target(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.go_on()
        assert board.send(alert("a2"), group="another group") == [Fate.JOINED]
        [stored] = board.specs
        assert [a.fingerprint for a in stored.spec.alerts] == ["a1", "a2"]

    def test_raises_the_severity_and_never_lowers_it(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.send(alert("a2", severity="critical"))
        board.send(alert("a3", severity="info"))
        assert board.specs[0].spec.severity is Severity.CRITICAL

    def test_does_not_join_an_incident_that_has_ended(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.end()
        assert board.send(alert("a2", at=5)) == [Fate.CREATED]
        assert len(board.incidents) == 2

    def test_of_the_same_group_and_start_gets_another_name_when_that_incident_has_ended(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.end("Resolved")
        assert board.send(alert("a2")) == [Fate.CREATED]
        assert len({obj["metadata"]["name"] for obj in board.incidents}) == 2

    def test_does_not_join_what_people_had_once_all_of_it_resolved(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.end("Escalated")
        board.send(alert("a1", resolved=True))
        assert board.send(alert("a2")) == [Fate.CREATED]

    def test_does_not_join_what_was_handed_over_and_is_over(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.send(alert("a1", resolved=True))
        board.end("Escalated")
        assert board.send(alert("a2", at=5)) == [Fate.CREATED]

    def test_of_one_post_share_one_incident_and_one_write(self) -> None:
        board = Board()
        assert board.send(alert("a1"), alert("a2"), alert("a1")) == [Fate.CREATED, Fate.CREATED, Fate.UNCHANGED]
        assert board.writes == 1

    def test_joins_the_oldest_where_two_replicas_made_an_incident_each(self) -> None:
        board = Board()
        board.send(alert("a1"))
        twin = Board()
        twin.send(alert("a2", at=1))
        board.incidents += twin.incidents
        twin.incidents[0]["metadata"] |= {"creationTimestamp": "2027-01-01T00:00:00Z", "uid": "twin"}
        board.send(alert("a3"))
        assert [len(stored.spec.alerts) for stored in board.specs] == [2, 1]


class TestAnotherAlertOfWhatPeopleHave:
    """The target's Incident has ended with people, and its alert still fires."""

    @staticmethod
    def escalated(cause: str = "ImageNotFound", *, confidence: int | None = 90) -> Board:
        board = Board()
        board.send(alert("a1"))
        board.escalate(cause, confidence=confidence, at=12)
        return board

    @pytest.mark.parametrize("at", [5, 37, 312])
    def test_joins_when_its_cause_is_known_and_it_ended_within_five_minutes(self, at: float) -> None:
        board = self.escalated()
        assert board.send(alert("a2", at=at)) == [Fate.JOINED]
        assert board.send(alert("a2", at=at)) == [Fate.UNCHANGED]
        assert board.send(alert("a2", at=at, resolved=True)) == [Fate.RESOLVED]
        assert len(board.incidents) == 1

    @pytest.mark.parametrize(("at", "fate"), [(24, Fate.UPDATED), (313, Fate.CREATED)])
    def test_that_was_over_while_a_fix_was_tried_is_no_second_incident_soon_after(self, at: float, fate: Fate) -> None:
        board = Board()
        board.send(alert("a1"), alert("a2"))
        board.send(alert("a2", resolved=True))
        board.escalate("ImageNotFound", confidence=90, at=12)
        assert board.send(alert("a2", at=at)) == [fate]
        assert board.send(alert("a2", at=at)) == [Fate.UNCHANGED]
        assert board.send(alert("a2", at=at, resolved=True)) == [Fate.RESOLVED]

    def test_joins_when_nobody_said_how_sure_the_cause_is(self) -> None:
        assert self.escalated(confidence=None).send(alert("a2", at=37)) == [Fate.JOINED]

    def test_is_a_new_incident_when_it_began_later(self) -> None:
        board = self.escalated()
        assert board.send(alert("a2", at=313)) == [Fate.CREATED]
        assert [len(stored.spec.alerts) for stored in board.specs] == [1, 1]

    @pytest.mark.parametrize(("cause", "confidence"), [("Unknown", 90), ("", None), ("ImageNotFound", 49)])
    def test_is_a_new_incident_when_the_cause_was_not_known(self, cause: str, confidence: int | None) -> None:
        board = self.escalated(cause, confidence=confidence)
        assert board.send(alert("a2", at=37)) == [Fate.CREATED]
        assert [len(stored.spec.alerts) for stored in board.specs] == [1, 1]

    def test_is_a_new_incident_when_nobody_said_when_it_ended(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.end("Escalated", cause="ImageNotFound")
        assert board.send(alert("a2", at=5)) == [Fate.CREATED]

    def test_is_a_new_incident_when_it_is_more_severe(self) -> None:
        board = self.escalated()
        assert board.send(alert("a2", at=37, severity="critical")) == [Fate.CREATED]
        assert [stored.spec.severity for stored in board.specs] == [Severity.WARNING, Severity.CRITICAL]

    def test_joins_the_incident_that_is_open_again_about_the_target(self) -> None:
        board = self.escalated()
        board.send(alert("a2", at=400))
        assert board.send(alert("a3", at=37), alert("a4", at=500, severity="critical")) == [Fate.JOINED] * 2
        assert [len(stored.spec.alerts) for stored in board.specs] == [1, 3]

    @pytest.mark.parametrize("cause", ["ImageNotFound", "Unknown"])
    def test_is_a_new_incident_when_it_is_the_same_that_began_anew(self, cause: str) -> None:
        board = self.escalated(cause)
        assert board.send(alert("a1", at=37)) == [Fate.CREATED]
        assert board.send(alert("a1", at=37), alert("a1")) == [Fate.UNCHANGED] * 2
        assert [len(stored.spec.alerts) for stored in board.specs] == [1, 1]

    def test_began_anew_in_the_post_in_which_it_first_joined_is_a_new_incident(self) -> None:
        assert self.escalated().send(alert("a2", at=20), alert("a2", at=60)) == [Fate.JOINED, Fate.CREATED]

    @pytest.mark.parametrize("cause", ["ImageNotFound", "Unknown"])
    def test_that_is_over_already_is_nothing(self, cause: str) -> None:
        board = self.escalated(cause)
        assert board.send(alert("a2", at=5, resolved=True)) == [Fate.ALREADY_OVER]
        assert [len(stored.spec.alerts) for stored in board.specs] == [1]

    def test_that_is_the_same_begun_anew_and_over_ends_its_entry(self) -> None:
        board = self.escalated()
        assert board.send(alert("a1", at=37, resolved=True)) == [Fate.RESOLVED]
        [entry] = board.specs[0].spec.alerts
        assert (entry.status, entry.starts_at) == (AlertStatus.RESOLVED, alert("a1").starts_at)
        assert board.send(alert("a1", at=37, resolved=True)) == [Fate.ALREADY_OVER]

    def test_is_counted_where_they_are_told_only_as_a_number(self) -> None:
        board = self.escalated()
        assert board.send(alert("a1"), truncated=3) == [Fate.UNCHANGED]
        assert [stored.spec.omitted_alerts for stored in board.specs] == [3]


class TestARepeatedAlert:
    def test_that_is_re_sent_changes_nothing(self) -> None:
        board = Board()
        board.send(alert("a1"), alert("a2"))
        assert board.send(alert("a1"), alert("a2")) == [Fate.UNCHANGED] * 2
        assert board.writes == 1

    def test_whose_annotations_alone_differ_changes_nothing(self) -> None:
        board = Board()
        board.send(alert(size=10))
        assert board.send(alert(size=20)) == [Fate.UNCHANGED]

    def test_that_is_re_sent_after_the_end_changes_nothing(self) -> None:
        board = Board()
        board.send(alert())
        board.end("Escalated")
        assert board.send(alert()) == [Fate.UNCHANGED]
        assert len(board.incidents) == 1

    def test_with_a_new_start_updates_its_entry(self) -> None:
        board = Board()
        board.send(alert("a1"), alert("a2"))
        assert board.send(alert("a1", at=60)) == [Fate.UPDATED]
        [stored] = board.specs
        assert [a.starts_at for a in stored.spec.alerts] == [alert(at=60).starts_at, alert().starts_at]

    def test_with_an_older_start_is_old_news(self) -> None:
        board = Board()
        board.send(alert("a1", at=60))
        assert board.send(alert("a1"), alert("a1", resolved=True)) == [Fate.UNCHANGED] * 2

    def test_with_a_new_start_after_the_end_is_a_new_incident(self) -> None:
        board = Board()
        board.send(alert())
        board.end()
        assert board.send(alert(at=60)) == [Fate.CREATED]


class TestAResolvedAlert:
    def test_is_marked(self) -> None:
        board = Board()
        board.send(alert("a1"), alert("a2"))
        assert board.send(alert("a2", resolved=True)) == [Fate.RESOLVED]
        [stored] = board.specs
        assert [a.status for a in stored.spec.alerts] == [AlertStatus.FIRING, AlertStatus.RESOLVED]
        assert stored.spec.alerts[1].ends_at is not None
        assert board.send(alert("a2", resolved=True)) == [Fate.UNCHANGED]

    def test_is_marked_in_an_incident_that_has_ended_too(self) -> None:
        board = Board()
        board.send(alert())
        board.end("Escalated")
        assert board.send(alert(resolved=True)) == [Fate.RESOLVED]
        assert len(board.incidents) == 1

    def test_that_nobody_knew_is_no_incident(self) -> None:
        board = Board()
        assert board.send(alert(resolved=True)) == [Fate.ALREADY_OVER]
        assert board.writes == 0

    def test_that_fires_again_with_the_same_start_is_firing(self) -> None:
        board = Board()
        board.send(alert())
        board.send(alert(resolved=True))
        assert board.send(alert()) == [Fate.UPDATED]
        assert board.specs[0].spec.alerts[0] == alert()

    def test_that_fires_again_after_the_end_is_a_new_incident_which_it_later_ends(self) -> None:
        board = Board()
        board.send(alert())
        board.send(alert(resolved=True))
        board.end()
        assert board.send(alert()) == [Fate.CREATED]
        assert board.send(alert()) == [Fate.UNCHANGED]
        assert board.send(alert(resolved=True)) == [Fate.RESOLVED]
        assert {a.status for stored in board.specs for a in stored.spec.alerts} == {AlertStatus.RESOLVED}

    def test_in_the_same_post_as_its_firing_ends_as_resolved(self) -> None:
        board = Board()
        board.send(alert("a0"))
        assert board.send(alert(), alert(resolved=True)) == [Fate.JOINED, Fate.RESOLVED]
        assert board.specs[0].spec.alerts[1].status is AlertStatus.RESOLVED


class TestMoreThanAnIncidentHolds:
    def test_is_counted_once_each(self) -> None:
        board = Board()
        many = [alert(f"a{n}") for n in range(120)]
        fates = board.send(*many)
        assert fates.count(Fate.COUNTED) == 70
        [stored] = board.specs
        assert (len(stored.spec.alerts), stored.spec.omitted_alerts) == (50, 70)
        assert set(board.send(*many)) == {Fate.UNCHANGED}
        assert board.writes == 1

    def test_is_counted_by_weight_too(self) -> None:
        board = Board()
        board.send(*(alert(f"a{n}", size=7900) for n in range(30)))
        [stored] = board.specs
        assert len(stored.spec.alerts) == 12
        assert board.accounted() == 30

    def test_joins_one_by_one_up_to_the_bound(self) -> None:
        board = Board()
        for n in range(55):
            board.send(alert(f"a{n}"))
        [stored] = board.specs
        assert (len(stored.spec.alerts), stored.spec.omitted_alerts) == (50, 5)

    def test_counts_again_only_when_there_are_too_many_to_remember(self) -> None:
        board = Board()
        many = [alert(f"a{n}") for n in range(2200)]
        board.send(*many)
        assert board.accounted() == 2200
        board.send(*many)
        assert board.accounted() == 2200 + (2200 - 50 - 2048)


class TestTruncatedAlerts:
    def test_are_counted_once_per_group(self) -> None:
        board = Board()
        board.send(alert(), truncated=7)
        board.send(alert(), truncated=7)
        board.send(alert(), truncated=3, group="other")
        board.send(alert(), truncated=9)
        assert board.specs[0].spec.omitted_alerts == 9 + 3

    def test_make_an_incident_even_where_all_told_ones_are_over(self) -> None:
        board = Board()
        board.send(alert(resolved=True), truncated=4)
        assert board.accounted() == 5


class TestAStorm:
    LANE = Lane.of_storm("shop")

    def test_has_one_incident_without_a_target(self) -> None:
        board = Board(self.LANE)
        board.send(alert("a1"))
        board.send(alert("a2"))
        [stored] = board.specs
        assert stored.spec.storm
        assert stored.spec.target_ref is None
        assert stored.metadata.name.startswith("alert-storm-")
        assert stored.metadata.labels[LABEL_STORM] == "true"

    def test_takes_more_of_itself_while_people_have_it_for_five_minutes(self) -> None:
        board = Board(self.LANE)
        board.send(alert("a1"))
        board.escalate("Unknown", at=12)
        assert board.send(alert("a2", at=312)) == [Fate.JOINED]
        assert board.send(alert("a3", at=313), alert("a4", at=900)) == [Fate.CREATED] * 2
        assert board.send(alert("a1"), alert("a2", at=312), alert("a3", at=313)) == [Fate.UNCHANGED] * 3
        assert [len(one.spec.alerts) for one in board.specs] == [2, 2]
        assert all(one.spec.storm for one in board.specs)

    def test_is_new_when_something_more_severe_comes_after_its_end(self) -> None:
        board = Board(self.LANE)
        board.send(alert("a1"))
        board.escalate("Unknown")
        assert board.send(alert("a2", severity="critical")) == [Fate.CREATED]

    @pytest.mark.parametrize("phase", ["Resolved", "Closed", "Escalated"])
    def test_is_new_after_one_that_ended_and_is_over(self, phase: str) -> None:
        board = Board(self.LANE)
        board.send(alert("a1"))
        board.send(alert("a1", resolved=True))
        board.end(phase, finishedAt="2026-01-31T12:00:12Z")
        assert board.send(alert("a2", at=15)) == [Fate.CREATED]

    def test_is_not_where_an_alert_of_a_target_joins_after_its_end(self) -> None:
        storm = Board(self.LANE)
        storm.send(alert("a1"))
        storm.escalate()
        decision = decide(LANE, [known_incident(obj) for obj in storm.incidents], {0: Arrival(alert("a2"), "g")}, {})
        assert decision.create is not None

    def test_keeps_its_alerts_when_they_are_re_sent_after_it(self) -> None:
        storm = Board(self.LANE)
        storm.send(*(alert(f"a{n}") for n in range(60)))
        knowns = [known_incident(obj) for obj in storm.incidents]
        again = {n: Arrival(alert(f"a{n}"), "g") for n in range(60)} | {60: Arrival(alert("new"), "g")}
        decision = decide(LANE, knowns, again, {})
        assert {fate for fate, _ in decision.settled.values()} == {Fate.UNCHANGED}
        assert decision.create is not None
        assert list(decision.create.fates) == [60]


class TestThePatch:
    def test_does_not_apply_to_an_incident_that_has_ended_meanwhile(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.go_on()
        [patch] = decide(LANE, [known_incident(board.incidents[0])], {0: Arrival(alert("a2"), "g")}, {}).patches
        board.end()
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            jsonpatch.apply_patch(board.incidents[0], patch.operations)

    def test_does_not_apply_when_others_changed_the_spec(self) -> None:
        board = Board()
        board.send(alert("a1"))
        board.go_on()
        [patch] = decide(LANE, [known_incident(board.incidents[0])], {0: Arrival(alert("a2"), "g")}, {}).patches
        board.send(alert("a3"))
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            jsonpatch.apply_patch(board.incidents[0], patch.operations)

    def test_leaves_status_and_statements_alone(self) -> None:
        board = Board()
        board.send(*(alert(f"a{n}") for n in range(50)))
        board.go_on()
        known = known_incident(board.incidents[0])
        board.incidents[0]["metadata"]["annotations"]["incidentcommander.io/diagnosis-statement"] = "said meanwhile"
        board.incidents[0]["metadata"]["resourceVersion"] = "later"
        [patch] = decide(LANE, [known], {0: Arrival(alert("new"), "g")}, {}).patches
        patched = jsonpatch.apply_patch(board.incidents[0], patch.operations)
        assert patched["metadata"]["annotations"]["incidentcommander.io/diagnosis-statement"] == "said meanwhile"
        assert patched["spec"]["omittedAlerts"] == 1

    def test_makes_the_map_of_annotations_only_on_the_very_object_that_had_none(self) -> None:
        board = Board()
        board.send(*(alert(f"a{n}") for n in range(50)))
        board.go_on()
        del board.incidents[0]["metadata"]["annotations"]
        [patch] = decide(LANE, [known_incident(board.incidents[0])], {0: Arrival(alert("b"), "g")}, {}).patches
        assert jsonpatch.apply_patch(board.incidents[0], patch.operations)["spec"]["omittedAlerts"] == 1
        board.incidents[0]["metadata"] |= {"annotations": {"x": "y"}, "resourceVersion": "later"}
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            jsonpatch.apply_patch(board.incidents[0], patch.operations)

    def test_fits_an_incident_that_people_made_without_alerts(self) -> None:
        board = Board()
        board.incidents.append(
            {
                "metadata": {"name": "by-hand", "uid": "u", "labels": {LABEL_TARGET_HASH: LANE.hash}},
                "spec": {"targetRef": TARGET.to_json()},
            }
        )
        board.incidents[0]["metadata"]["resourceVersion"] = "1"
        assert board.send(alert()) == [Fate.JOINED]
        assert len(board.incidents) == 1


def test_what_others_made_unreadable_reads_as_absent() -> None:
    known = known_incident(
        {
            "metadata": {"name": "odd", "annotations": {"incidentcommander.io/omitted-alerts": "not json"}},
            "spec": {"alerts": [7, {"fingerprint": "a"}, {"startsAt": "x"}], "omittedAlerts": "many", "severity": 3},
            "status": [],
        }
    )
    assert (known.places, dict(known.alerts), known.omitted.total) == (3, {}, 0)


_ALERTS = st.lists(
    st.builds(
        lambda number, at, resolved, size: alert(f"a{number}", at=at, resolved=resolved, size=size),
        st.integers(0, 130),
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from([0, 10, 4000]),
    ),
    max_size=150,
)


@given(st.lists(_ALERTS, min_size=1, max_size=4), st.sampled_from(["", "Resolved", "ImageNotFound", "Unknown"]))
def test_every_firing_alert_is_in_a_stored_incident_and_sending_it_all_again_writes_nothing(
    posts: list[list[Alert]], ended: str
) -> None:
    board = Board()
    for post in posts:
        board.send(*post)
        if ended == "Resolved":
            board.end()
        elif ended:
            board.escalate(ended)
    recorded = {a.fingerprint for stored in board.specs for a in stored.spec.alerts}
    fired = {a.fingerprint for post in posts for a in post if a.status is AlertStatus.FIRING}
    counted = sum(stored.spec.omitted_alerts for stored in board.specs)
    assert len(fired - recorded) <= counted
    writes = board.writes
    board.send(*posts[-1])
    if len(posts) == 1 and len({a.fingerprint for a in posts[0]}) == len(posts[0]):
        assert board.writes == writes


@given(st.lists(st.integers(0, 400), min_size=1, max_size=300), st.lists(st.integers(1, 299), max_size=5))
def test_recorded_and_counted_together_are_what_was_sent(numbers: list[int], cuts: list[int]) -> None:
    board = Board()
    edges = [0, *sorted(cuts), len(numbers)]
    for start, end in itertools.pairwise(edges):
        board.send(*(alert(f"a{number}") for number in numbers[start:end]))
    assert board.accounted() == len(set(numbers))
    for stored in board.specs:
        assert isinstance(stored, Incident)
        assert len(stored.spec.alerts) <= 50
