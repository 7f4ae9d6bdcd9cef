"""approve, reject, undo: only what was shown is decided, under the name of the person who asks."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from incident_commander import errors
from incident_commander.api.incident import Approval, Incident, Phase, StepOutcome
from tests.unit.cli.stage import COUNCIL, HOSTILE, PLAN, Stage, applied, incident, words
from tests.unit.consensus.council import NOW, UID, Council, plan

AGENTS = "agents.incidentcommander.io"


def standing() -> Incident:
    return incident(Phase.RESOLVED, execution=applied())


class TestApprove:
    def test_writes_the_decision_bound_to_the_digest_under_the_users_own_name(self) -> None:
        stage = Stage.of(incident())
        ran = stage.run("approve", "web-crash", "--reason", "looks right", answer="y\n")
        assert ran.code == 0
        body = {
            "metadata": {"uid": UID},
            "spec": {
                "approval": {
                    "planDigest": PLAN.digest,
                    "decision": "Approve",
                    "approver": "jane@example.com",
                    "reason": "looks right",
                }
            },
        }
        assert stage.cluster.patches == [("incidents.incidentcommander.io", "web-crash", body)]
        assert "Recorded: Approve by jane@example.com" in words(ran.out)

    def test_shows_the_plan_its_digest_and_the_votes_before_it_asks(self) -> None:
        ran = Stage.of(incident()).run("approve", "web-crash", answer="n\n")
        for part in (PLAN.digest, '+ "web:1"', "6 of 6 approve", "the certificate holds"):
            assert part in words(ran.out)
        assert "Approve this plan for shop/web-crash?" in ran.err

    @pytest.mark.parametrize("answer", ["n\n", "\n", ""])
    def test_without_a_yes_nothing_is_written(self, answer: str) -> None:
        stage = Stage.of(incident())
        ran = stage.run("approve", "web-crash", answer=answer)
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "nothing was written" in words(ran.err)

    @pytest.mark.parametrize(("uid", "said"), [(None, "was deleted meanwhile"), ("another", "was replaced")])
    def test_a_target_that_is_gone_is_said_before_anybody_is_asked(self, uid: str | None, said: str) -> None:
        stage = Stage.of(incident())
        key = ("deployments.apps", "shop", "web")
        stage.cluster.objects.pop(key)
        if uid is not None:
            stage.cluster.objects[key] = {"metadata": {"name": "web", "namespace": "shop", "uid": uid}}
        ran = stage.run("approve", "web-crash", answer="y\n")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert f"Deployment/shop/web {said}" in words(ran.err)
        assert "Approve this plan" not in ran.err

    def test_a_plan_that_is_out_of_date_is_said_before_anybody_is_asked(self) -> None:
        stage = Stage.of(incident())
        meta = stage.cluster.objects[("deployments.apps", "shop", "web")]["metadata"]
        meta["generation"] = (meta.get("generation") or 0) + 1
        ran = stage.run("approve", "web-crash", answer="y\n")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "changed since the plan was made" in words(ran.err)
        assert "approve that" in words(ran.err)

    def test_a_target_that_may_not_be_read_is_left_to_the_executor(self) -> None:
        stage = Stage.of(incident())
        stage.cluster.refuse[("get", "deployments.apps")] = errors.Forbidden("no")
        assert stage.run("approve", "web-crash", "--yes").code == 0

    def test_yes_does_not_ask(self) -> None:
        stage = Stage.of(incident())
        assert stage.run("approve", "web-crash", "--yes").code == 0
        assert len(stage.cluster.patches) == 1

    @pytest.mark.parametrize("digest", [PLAN.digest, PLAN.digest.removeprefix("sha256:")])
    def test_a_pinned_digest_that_fits_is_accepted(self, digest: str) -> None:
        assert Stage.of(incident()).run("approve", "web-crash", "--yes", "--digest", digest).code == 0

    @pytest.mark.parametrize("digest", [plan("web:0").digest, PLAN.digest[:20], ""])
    def test_a_pinned_digest_of_another_plan_is_not(self, digest: str) -> None:
        stage = Stage.of(incident())
        ran = stage.run("approve", "web-crash", "--yes", "--digest", digest)
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert PLAN.digest in words(ran.err)

    def test_a_plan_that_was_changed_after_the_vote_is_refused(self) -> None:
        forged = plan("evil:1").model_copy(update={"digest": PLAN.digest})
        stage = Stage.of(incident(of=forged))
        ran = stage.run("approve", "web-crash", "--yes")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "changed it after the vote" in words(ran.err)

    def test_a_plan_that_no_quorum_stands_behind_is_refused(self) -> None:
        for broken in (
            incident(of=plan("web:0")),
            incident(consensus=incident().status.consensus.model_copy(update={"certificate": None})),
        ):
            stage = Stage.of(broken)
            ran = stage.run("approve", "web-crash", "--yes")
            assert (ran.code, stage.cluster.patches) == (1, [])
            assert "incident verify web-crash" in words(ran.err)

    def test_votes_of_agents_that_are_quarantined_by_now_are_no_quorum(self) -> None:
        stage = Stage.of(incident(), agents=Council(6, quarantined=[0, 1, 2]).agents)
        ran = stage.run("approve", "web-crash", "--yes")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "quarantined" in ran.err

    def test_who_may_not_read_the_agents_is_told_that_nothing_was_verified(self) -> None:
        stage = Stage.of(incident())
        stage.cluster.refuse[("list", AGENTS)] = errors.Forbidden("no")
        ran = stage.run("approve", "web-crash", "--yes")
        assert ran.code == 0
        assert "Not verified" in ran.out
        assert "needs ClusterRole incident-verifier, bound cluster-wide" in words(ran.out)

    @pytest.mark.parametrize("phase", [p for p in Phase if p is not Phase.AWAITING_APPROVAL])
    def test_in_any_other_phase_it_is_refused(self, phase: Phase) -> None:
        stage = Stage.of(incident(phase))
        ran = stage.run("approve", "web-crash", "--yes")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert f"phase {phase}" in words(ran.err)

    def test_once_the_time_is_over_it_is_refused(self) -> None:
        stage = Stage.of(incident())
        stage.now = NOW + timedelta(minutes=15)
        ran = stage.run("approve", "web-crash", "--yes")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "ran out at 2026-03-01 12:15:00Z" in words(ran.err)

    def test_what_is_decided_is_not_decided_again(self) -> None:
        base = incident()
        decided = Approval(plan_digest=PLAN.digest, decision="Reject", approver="bob")
        stage = Stage.of(base.model_copy(update={"spec": base.spec.model_copy(update={"approval": decided})}))
        ran = stage.run("approve", "web-crash", "--yes")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "bob decided already: Reject" in words(ran.err)

    def test_a_refusal_by_admission_is_told(self) -> None:
        stage = Stage.of(incident())
        stage.cluster.refuse[("patch", "incidents.incidentcommander.io")] = errors.Forbidden(
            "approver must be the user who asks"
        )
        ran = stage.run("approve", "web-crash", "--yes")
        assert ran.code == 4
        assert "cannot write spec.approval of Incident shop/web-crash" in words(ran.err)
        assert "approver must be the user" in words(ran.err)


class TestReject:
    def test_writes_the_rejection(self) -> None:
        stage = Stage.of(incident())
        assert stage.run("reject", "web-crash", "-y").code == 0
        assert stage.cluster.patches[0][2]["spec"]["approval"]["decision"] == "Reject"

    def test_needs_no_certificate(self) -> None:
        stage = Stage.of(incident(), agents=COUNCIL.agents[:3])
        assert stage.run("reject", "web-crash", "-y").code == 0


class TestUndo:
    def test_shows_what_it_would_write_asks_and_records_who_asked(self) -> None:
        stage = Stage.of(standing())
        ran = stage.run("undo", "web-crash", "--reason", "wanted it", answer="y\n")
        assert ran.code == 0
        assert '- "web:1" + "web:2"' in words(ran.out)
        request = {"planDigest": PLAN.digest, "requester": "jane@example.com", "reason": "wanted it"}
        assert stage.cluster.patches[0][2]["spec"] == {"undo": request}

    def test_without_a_yes_nothing_is_written(self) -> None:
        stage = Stage.of(standing())
        assert stage.run("undo", "web-crash", answer="n\n").code == 1
        assert stage.cluster.patches == []

    def test_what_somebody_else_changed_since_is_not_asked_for(self) -> None:
        stage = Stage.of(standing())
        web = stage.cluster.objects[("deployments.apps", "shop", "web")]
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:3"
        ran = stage.run("undo", "web-crash", "-y")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert "image is web:3, web:1 was written" in words(ran.err)

    def test_another_digest_is_refused(self) -> None:
        stage = Stage.of(standing())
        assert stage.run("undo", "web-crash", "-y", "--digest", plan("web:0").digest).code == 1
        assert stage.cluster.patches == []

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda: incident(Phase.CLOSED), "nothing was carried out"),
            (lambda: incident(Phase.ESCALATED, execution=applied(StepOutcome.UNDONE)), "ended as Undone"),
            (lambda: incident(Phase.ROLLING_BACK, execution=applied()), "being undone already"),
            (lambda: incident(Phase.RESOLVED, execution=applied(undo_possible=False)), "can be undone"),
        ],
    )
    def test_when_there_is_nothing_to_undo_it_says_why(self, make: Callable[[], Incident], said: str) -> None:
        stage = Stage.of(make())
        ran = stage.run("undo", "web-crash", "-y")
        assert (ran.code, stage.cluster.patches) == (1, [])
        assert said in words(ran.err)


def test_a_hostile_user_name_stays_text() -> None:
    stage = Stage.of(incident())
    stage.cluster.user = HOSTILE
    out = stage.run("approve", "web-crash", "--yes").out
    assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(out)


@pytest.mark.parametrize(("phase", "said"), [(Phase.VOTING, "says what it waits for"), (Phase.CLOSED, "how it ended")])
def test_where_nothing_is_to_be_decided_it_says_what_show_would_tell(phase: Phase, said: str) -> None:
    ran = Stage.of(incident(phase)).run("approve", "web-crash")
    assert ran.code == 1
    assert said in words(ran.err)
