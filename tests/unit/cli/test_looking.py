"""list, show, timeline: the verdict first, in 80 columns, and text of others stays text."""

import json
import re
from datetime import datetime, timedelta

import pytest
import yaml

from incident_commander import errors
from incident_commander.api.incident import (
    Alert,
    AlertStatus,
    Approval,
    Cascade,
    Consensus,
    Execution,
    Incident,
    Outcome,
    Phase,
    StepOutcome,
)
from incident_commander.api.meta import ObjectMeta
from tests.unit.cli.stage import COUNCIL, HOSTILE, PLAN, Stage, applied, incident, words
from tests.unit.consensus.council import NOW, plan


class TestList:
    def test_open_incidents_come_first_and_the_newest_before_older_ones(self) -> None:
        def named(name: str, phase: Phase, minutes: int) -> Incident:
            base = incident(phase)
            created = NOW - timedelta(minutes=minutes)
            meta = base.metadata.model_copy(update={"name": name, "creation_timestamp": created})
            return base.model_copy(update={"metadata": meta})

        stage = Stage.of(named("a", Phase.RESOLVED, 1), named("b", Phase.VOTING, 9), named("c", Phase.VOTING, 3))
        lines = [line.split()[0] for line in stage.run("list").out.splitlines()[1::2]]
        assert lines == ["c", "b", "a"]

    def test_says_what_it_is_about_and_how_it_stands(self) -> None:
        ran = Stage.of(incident()).run("list")
        for part in ("web-crash", "Critical", "AwaitingApproval", "Deployment/web", "RollbackRollout", "6/6", "1m"):
            assert part in ran.out
        assert ran.code == 0

    @pytest.mark.parametrize("columns", [40, 60, 80])
    @pytest.mark.parametrize("name", ["web-crash", "web-with-a-name-of-more-than-forty-two-characters"])
    def test_age_stands_in_its_column_however_narrow_the_terminal_is(self, columns: int, name: str) -> None:
        base = incident(Phase.VOTING)
        named = base.model_copy(update={"metadata": base.metadata.model_copy(update={"name": name})})
        head, *lines = Stage.of(named).run("list", columns=columns).out.splitlines()
        (line,) = [line for line in lines if line.rstrip().endswith("  1m")]
        assert line.index("1m") == head.index("AGE")
        assert line.index("Voting") == head.index("PHASE")
        assert name in "".join(lines)
        assert max(map(len, lines)) <= columns

    def test_no_incidents_is_said_and_where_was_looked(self) -> None:
        assert "No Incidents in namespace shop" in Stage.of().run("list").out
        assert "No Incidents in any namespace" in Stage.of().run("list", "-A").out

    def test_a_namespace_that_does_not_exist_is_no_good_news(self) -> None:
        ran = Stage.of(incident()).run("list", "-n", "shpo")
        assert ran.code == 3
        assert "there is no namespace shpo" in words(ran.err)

    def test_who_may_not_read_namespaces_is_told_what_was_found(self) -> None:
        stage = Stage.of()
        stage.cluster.refuse["get", "namespaces"] = errors.Forbidden("no")
        assert "No Incidents in namespace shpo" in stage.run("list", "-n", "shpo").out

    def test_another_namespace_and_all_of_them(self) -> None:
        stage = Stage.of(incident())
        assert "web-crash" not in stage.run("list", "-n", "other").out
        assert "shop/web-crash" in stage.run("list", "-A").out

    @pytest.mark.parametrize(("flag", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
    def test_as_data_it_is_what_is_stored(self, flag: str, load: object) -> None:
        stored = incident(message=HOSTILE)
        ran = Stage.of(stored).run("list", "-o", flag)
        assert load(ran.out)["items"][0] == stored.to_json()  # type: ignore[operator]
        assert ran.out.isascii()
        assert "\x1b" not in ran.out


class TestShow:
    def test_the_verdict_comes_first_and_the_story_last(self) -> None:
        out = Stage.of(incident()).run("show", "web-crash").out
        assert out.splitlines()[0].split() == ["shop/web-crash", "Critical", "AwaitingApproval"]
        titles = ["Next:", "Evidence", "Plan", "Votes", "Timeline"]
        positions = [out.index(f"\n{title}") for title in titles]
        assert positions == sorted(positions)

    def test_it_says_what_a_person_can_do_next_and_until_when(self) -> None:
        out = words(Stage.of(incident()).run("show", "web-crash").out)
        assert "kubectl incident approve web-crash -n shop" in out
        assert "12:15:00Z" in out

    def test_evidence_with_its_citation_gaps_votes_and_diff_are_there(self) -> None:
        out = words(Stage.of(incident()).run("show", "web-crash").out)
        for part in (
            "90 % CrashAfterRollout",
            "Pod/shop/web-1 status.phase = Failed",
            "not readable: Prometheus did not answer",
            '- "web:2" + "web:1"',
            "6 of 6 approve; 4 must",
            "6 signed approvals",
            "WebDown (firing)",
        ):
            assert part in out

    def test_what_a_drain_waits_for_stands_with_the_verdict(self) -> None:
        said = "waiting since 12:00 for Pod/shop/web-1: PodDisruptionBudget web allows no disruption now"
        waiting = (
            applied(StepOutcome.INTENDED)
            .attempts[0]
            .model_copy(update={"reason": "DisruptionBudgetSpent", "message": said})
        )
        of = incident(Phase.EXECUTING, execution=Execution(attempts=[waiting]))
        verdict = words(Stage.of(of).run("show", "web-crash").out).partition("Evidence")[0]
        assert f"DisruptionBudgetSpent: {said}" in verdict
        ended = incident(Phase.VERIFYING, execution=Execution(attempts=[waiting]))
        assert said not in words(Stage.of(ended).run("show", "web-crash").out).partition("Evidence")[0]

    def test_an_approval_of_another_plan_is_shown_to_count_for_nothing(self) -> None:
        waiting = incident()
        other = Approval(plan_digest="sha256:" + "0" * 64, decision="Approve", approver="ann")
        waiting = waiting.model_copy(update={"spec": waiting.spec.model_copy(update={"approval": other})})
        out = words(Stage.of(waiting).run("show", "web-crash").out)
        assert "the stored Approve by ann is for sha256:000000000000…, not for this plan" in out
        assert "counts for nothing" in out
        assert "kubectl incident approve web-crash -n shop" in out

    def test_an_approval_of_this_plan_is_not_questioned(self) -> None:
        waiting = incident()
        mine = Approval(plan_digest=PLAN.digest, decision="Approve", approver="ann")
        waiting = waiting.model_copy(update={"spec": waiting.spec.model_copy(update={"approval": mine})})
        assert "counts for nothing" not in words(Stage.of(waiting).run("show", "web-crash").out)

    @pytest.mark.parametrize("phase", [Phase.DIAGNOSING, Phase.VOTING, Phase.AWAITING_APPROVAL])
    def test_without_enough_agents_it_says_that_nothing_can_be_certified(self, phase: Phase) -> None:
        out = words(Stage.of(incident(phase), agents=COUNCIL.agents[:3]).run("show", "web-crash").out)
        assert "nothing can be certified" in out
        assert "3 Agents have a valid key, 4 are needed" in out
        assert "incident approve" not in out

    def test_agents_that_are_gone_since_the_vote_make_an_approval_pointless(self) -> None:
        out = words(Stage.of(incident(), agents=COUNCIL.agents[:5]).run("show", "web-crash").out)
        assert "an approval would lead to nothing" in out
        assert "incident approve" not in out

    def test_who_may_not_read_agents_is_shown_the_rest(self) -> None:
        stage = Stage.of(incident())
        stage.cluster.refuse[("list", "agents.incidentcommander.io")] = errors.Forbidden("no")
        assert "incident approve web-crash" in words(stage.run("show", "web-crash").out)

    def test_a_resolved_incident_offers_to_undo_while_the_change_stands(self) -> None:
        done = incident(Phase.RESOLVED, outcome=Outcome.REMEDIATED, execution=applied())
        out = words(Stage.of(done).run("show", "web-crash").out)
        assert "Resolved, Remediated" in out
        assert "kubectl incident undo web-crash -n shop" in out
        undone = incident(Phase.ESCALATED, execution=applied(StepOutcome.UNDONE))
        out = words(Stage.of(undone).run("show", "web-crash").out)
        assert "a person has to look at this" in out
        assert "incident undo" not in out

    def test_votes_about_an_earlier_plan_are_not_passed_off_as_votes_on_this_one(self) -> None:
        out = words(Stage.of(incident(of=plan("web:0"))).run("show", "web-crash").out)
        assert f"about an earlier plan, {PLAN.digest[:19]}" in out

    def test_an_incident_that_has_only_just_come_is_a_page_too(self) -> None:
        new = incident(
            Phase.PENDING, plan=None, consensus=Consensus(), hypotheses=[], gaps=[], timeline=[], approval=None
        )
        out = Stage.of(new).run("show", "web-crash").out
        assert "No cause was named yet" in out
        assert "AlertFiring  WebDown" in out

    def test_every_line_fits_the_terminal(self) -> None:
        for columns in (80, 60, 200):
            out = Stage.of(incident(execution=applied())).run("show", "web-crash", columns=columns).out
            assert max(map(len, out.splitlines())) <= columns

    @pytest.mark.parametrize("command", [("list",), ("show", "web-crash"), ("timeline", "web-crash")])
    def test_text_of_others_is_never_carried_out_by_the_terminal(self, command: tuple[str, ...]) -> None:
        base = incident(message=HOSTILE, cause=HOSTILE, action=HOSTILE, target=HOSTILE, gaps=[HOSTILE], story=HOSTILE)
        entries = [e.model_copy(update={"message": HOSTILE, "actor": HOSTILE}) for e in base.status.timeline]
        hostile = base.model_copy(update={"status": base.status.model_copy(update={"timeline": entries})})
        out = Stage.of(hostile).run(*command).out
        assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(out)
        assert "[bold red]APPROVED[/]" in words(out)


class TestTimeline:
    def test_is_in_order_with_the_time_since_the_start(self) -> None:
        lines = Stage.of(incident()).run("timeline", "web-crash").out.splitlines()
        assert lines[0].split()[:4] == ["11:59:00Z", "+0s", "gateway", "AlertReceived"]
        assert lines[1].split()[:3] == ["12:00:00Z", "+1m", "coordinator"]

    def test_what_happened_on_another_day_has_its_date(self) -> None:
        base = incident()
        first, second, *_ = base.status.timeline
        late = second.model_copy(update={"at": NOW + timedelta(hours=20)})
        moved = base.model_copy(update={"status": base.status.model_copy(update={"timeline": [first, late]})})
        lines = Stage.of(moved).run("timeline", "web-crash").out.splitlines()
        assert lines[0].startswith("11:59:00Z")
        assert any(re.match(r"\d{4}-\d\d-\d\d 08:00:00Z\s+\+20h", line) for line in lines)

    def test_as_data(self) -> None:
        entries = json.loads(Stage.of(incident()).run("timeline", "web-crash", "-o", "json").out)
        assert [entry["reason"] for entry in entries] == ["AlertReceived", "QuorumReached", "AlertFiring"]

    def test_tells_of_alerts_that_joined_later_and_of_those_that_are_over(self) -> None:
        def at(seconds: int) -> datetime:
            return NOW + timedelta(seconds=seconds)

        labels = {"alertname": "PodDown", "pod": "web-1"}
        alerts = [
            Alert(fingerprint="f", status=AlertStatus.FIRING, labels={"alertname": "WebDown"}, starts_at=at(-90)),
            Alert(fingerprint="g", status=AlertStatus.RESOLVED, labels=labels, starts_at=at(5), ends_at=at(65)),
            Alert(fingerprint="h", status=AlertStatus.FIRING, labels=labels | {"pod": "web-2"}, starts_at=at(7)),
        ]
        base = incident()
        spec = base.spec.model_copy(update={"alerts": alerts})
        lines = Stage.of(base.model_copy(update={"spec": spec})).run("timeline", "web-crash").out.splitlines()
        told = [" ".join(line.split()[2:6]) for line in lines]
        assert told[0] == "alertmanager AlertFiring WebDown"
        assert "alertmanager AlertFiring PodDown (pod" in told[3]
        assert lines[3].split()[0] == "12:00:05Z"
        assert "AlertFiring PodDown (pod web-2)" in " ".join(lines[4].split())
        assert "AlertResolved PodDown (pod web-1), which fired since" in " ".join(" ".join(lines[5:]).split())
        assert lines[5].split()[0] == "12:01:05Z"


class TestACascade:
    def effect(self, name: str, phase: Phase) -> Incident:
        base = incident(phase, cascade=Cascade(incident="shop/web-crash", since=NOW, message="calls it"), outcome=None)
        return base.model_copy(update={"metadata": base.metadata.model_copy(update={"name": name, "uid": name})})

    def test_its_root_lists_what_waits_for_it(self) -> None:
        other = incident()
        other = other.model_copy(update={"metadata": other.metadata.model_copy(update={"name": "unrelated"})})
        stage = Stage.of(incident(), self.effect("till", Phase.PENDING), self.effect("cart", Phase.DIAGNOSING), other)
        out = words(stage.run("show", "web-crash").out)
        assert "Effects shop/till waits for this one Deployment/shop/web shop/cart Diagnosing" in out
        assert "unrelated" not in out

    def test_an_effect_names_its_root(self) -> None:
        out = words(Stage.of(self.effect("till", Phase.PENDING)).run("show", "till").out)
        assert "Effect of shop/web-crash, which it waits for" in out

    def test_a_page_without_the_right_to_list_is_a_page(self) -> None:
        stage = Stage.of(incident())
        stage.cluster.refuse["list", "incidents.incidentcommander.io"] = errors.Forbidden("no")
        assert stage.run("show", "web-crash").code == 0


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.Forbidden("jane may not get incidents"), 4),
            (errors.Unavailable("connection refused"), 5),
            (errors.Throttled("too many requests"), 5),
            (errors.NotFound("no such thing"), 3),
        ],
    )
    def test_each_says_what_was_tried_what_was_found_and_what_to_do(
        self, error: errors.ClusterError, code: int
    ) -> None:
        stage = Stage.of(incident())
        stage.cluster.refuse[("get", "incidents.incidentcommander.io")] = error
        ran = stage.run("show", "web-crash")
        assert ran.code == code
        assert ran.out == ""
        tried, found, advice = (line for line in ran.err.splitlines() if line[:6].strip().endswith(":"))
        assert "cannot read Incident shop/web-crash" in tried
        assert str(error) in found
        assert len(advice) > len("next: ")

    def test_a_missing_incident_is_named(self) -> None:
        ran = Stage.of().run("show", "nope")
        assert ran.code == 3
        assert "nope" in ran.err
        assert "only namespace shop was looked in; `kubectl incident list -A`" in words(ran.err)
        assert "install" not in ran.err

    def test_a_missing_target_names_the_command_that_lists_its_kind(self) -> None:
        ran = Stage.of().run("trigger", "deploy/nope")
        assert ran.code == 3
        assert "`kubectl get deployments.apps -n shop`" in words(ran.err)
        assert "install" not in ran.err

    def test_a_resource_that_is_not_served_is_installed_with_the_chart(self) -> None:
        stage = Stage.of()
        message = "the server could not find the requested resource"
        stage.cluster.refuse[("list", "incidents.incidentcommander.io")] = errors.NotFound(message)
        assert "install the chart" in words(stage.run("list").err)

    def test_no_api_server_is_a_matter_of_configuration(self) -> None:
        ran = Stage.of().run("list", "--context", "nowhere")
        assert ran.code == 2
        assert "no context named nowhere" in ran.err

    def test_an_incident_of_another_shape_names_the_field(self) -> None:
        stage = Stage.of(incident())
        stored = next(o for o in stage.cluster.objects.values() if o["kind"] == "Incident")
        stored["status"]["phase"] = "Dreaming"
        ran = stage.run("show", "web-crash")
        assert ran.code == 1
        assert "status.phase" in ran.err

    def test_hostile_error_messages_stay_text(self) -> None:
        stage = Stage.of()
        stage.cluster.refuse[("list", "incidents.incidentcommander.io")] = errors.Unavailable(HOSTILE)
        assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(stage.run("list").err)

    def test_the_connection_is_closed_whatever_happens(self) -> None:
        stage = Stage.of(incident())
        stage.run("show", "web-crash")
        stage.run("show", "nope")
        assert stage.closed == 2


def test_an_unknown_meta_is_shown_without_an_age() -> None:
    base = incident()
    bare = base.model_copy(update={"metadata": ObjectMeta(name="web-crash", namespace="shop")})
    assert "-" in Stage.of(bare).run("list").out


def test_an_incident_without_a_proposal_says_so() -> None:
    ran = Stage.of(incident()).run("proposal", "web-crash")
    assert ran.code == 1
    assert "its plan proposes nothing for a repository" in words(ran.err)


@pytest.mark.parametrize(
    ("told", "command"),
    [
        ("roll-back: BreakerTripped (the circuit breaker is open)", "`kubectl incident breaker reset --reason ...`"),
        (
            "roll-back: NotOptedIn (Deployment/shop/web is not opted in)",
            "`kubectl label deployment web -n shop incidentcommander.io/managed=true`",
        ),
    ],
)
def test_what_only_a_person_can_clear_is_named_with_its_command(told: str, command: str) -> None:
    page = words(Stage.of(incident(Phase.ESCALATED, message=told)).run("show", "web-crash", columns=200).out)
    assert "Next: a person has to look at this" in page
    assert command in page
