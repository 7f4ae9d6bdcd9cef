"""verify: on line, and from files alone; any changed byte is found, and what is wrong is said."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from incident_commander import errors
from incident_commander.api.incident import (
    Approval,
    CheckResult,
    Execution,
    Incident,
    Outcome,
    PastRound,
    Phase,
    RoundDecision,
    Verification,
)
from incident_commander.api.policy import ConsensusPolicy, Mode, RemediationPolicy, RemediationPolicySpec
from incident_commander.consensus.certificate import issue
from incident_commander.consensus.membership import members_of
from tests.unit.cli.stage import COUNCIL, HOSTILE, PLAN, Ran, Stage, applied, incident, words
from tests.unit.consensus.council import NOW, UID, Council, plan

ATTEMPT = ("status", "execution", "attempts", 0)
STEP = (*ATTEMPT, "steps", 0)
OTHER = "sha256:" + "0" * 64
done_id = f"1-{PLAN.digest[7:23]}"


@pytest.fixture
def files(tmp_path: Path) -> "Files":
    return Files(tmp_path)


class Files:
    """An exported Incident and the exported Agents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.incident, self.keys = folder / "incident.yaml", folder / "agents.yaml"
        self.write(done())
        items = [agent.to_json() for agent in COUNCIL.agents]
        self.keys.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))

    def write(self, of: Incident) -> None:
        self.incident.write_text(yaml.safe_dump(of.to_json()))

    def change(self, *path: str | int, to: Any) -> None:
        stored = yaml.safe_load(self.incident.read_text())
        place = stored
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = to
        self.incident.write_text(yaml.safe_dump(stored))

    def verify(self, *more: str) -> Ran:
        stage = Stage()
        ran = stage.run("verify", "-f", str(self.incident), "--keys", str(self.keys), *more)
        assert stage.closed == 0, "no cluster is asked"
        return ran


def done() -> Incident:
    measured = Verification(attempt_id=done_id, result=CheckResult.PASS)
    base = incident(Phase.RESOLVED, execution=applied(), verification=measured, outcome=Outcome.REMEDIATED)
    approval = Approval(plan_digest=PLAN.digest, decision="Approve", approver="jane")
    return base.model_copy(update={"spec": base.spec.model_copy(update={"approval": approval})})


def later() -> Incident:
    """What was decided and done in the second round."""
    votes = [COUNCIL.vote(n, PLAN, round_=2) for n in range(6)]
    accepted = [COUNCIL.accept(vote, PLAN, round_=2) for vote in votes]
    members = members_of(COUNCIL.agents, NOW)
    proof = issue(UID, PLAN, 2, members, 4, accepted, NOW, required_roles=[])
    was = done().status
    consensus = was.consensus.model_copy(update={"round": 2, "votes": accepted, "certificate": proof})
    attempt = was.execution.attempts[0].model_copy(update={"round": 2, "id": f"2-{PLAN.digest[7:23]}"})
    verification = Verification(attempt_id=attempt.id, result=CheckResult.PASS)
    changes = {"consensus": consensus, "execution": Execution(attempts=[attempt]), "verification": verification}
    return done().model_copy(update={"status": was.model_copy(update=changes)})


class TestFromFiles:
    def test_a_good_record_is_verified_and_what_was_checked_is_listed(self, files: Files) -> None:
        ran = files.verify()
        assert ran.code == 0
        assert ran.out.splitlines()[0].split() == ["shop/web-crash", "VERIFIED"]
        assert ran.out.count("✓") >= 9
        assert "✗" not in ran.out
        assert PLAN.digest in ran.out

    def test_json_works_as_well_as_yaml(self, files: Files) -> None:
        files.incident.write_text(json.dumps(done().to_json()))
        assert files.verify().code == 0

    def test_a_change_of_the_plan_is_found_and_both_digests_are_named(self, files: Files) -> None:
        files.change("status", "plan", "steps", 0, "operations", 0, "value", to='"evil:1"')
        ran = files.verify()
        assert ran.code == 1
        assert "NOT VERIFIED" in ran.out
        assert PLAN.digest in words(ran.out)
        assert "its content is sha256:" in words(ran.out)
        assert "not checked: the approvals make the quorum" in words(ran.out)

    def test_a_changed_signature_is_found_and_the_envelope_is_named(self, files: Files) -> None:
        path = ("status", "consensus", "certificate", "envelopes", 2)
        good = incident().status.consensus.certificate
        assert good is not None
        document = json.loads(good.envelopes[2])
        sig = document["signatures"][0]["sig"]
        document["signatures"][0]["sig"] = ("A" if sig[0] != "A" else "B") + sig[1:]
        files.change(*path, to=json.dumps(document, separators=(",", ":"), sort_keys=True))
        ran = files.verify()
        assert ran.code == 1
        assert "envelope 2: the signature" in words(ran.out)
        assert "agent agent-02 does not fit the payload" in words(ran.out)

    @pytest.mark.parametrize(
        ("path", "to", "said"),
        [
            (("metadata", "uid"), "other", "ForeignIncident"),
            (("status", "consensus", "certificate", "round"), 2, "round 1"),
            (("status", "consensus", "certificate", "quorum"), 3, "QuorumTooLow"),
            (("status", "consensus", "certificate", "faults"), 2, "WrongFaults"),
            (("status", "consensus", "certificate", "members", 0, "agent"), "mallory", "mallory"),
            (
                ("status", "consensus", "votes", 1, "decision"),
                "Reject",
                "decision of the vote of agent-01 reads Reject",
            ),
            (("status", "consensus", "votes", 1, "reason"), "x", "reason of the vote of agent-01"),
            (("metadata", "name"), "other", "this one reads shop/other, agent agent-00 signed shop/web-crash"),
            (("metadata", "namespace"), "bank", "this one reads bank/web-crash"),
            (("spec", "targetRef", "name"), "bank", "it reads apps/v1 Deployment/shop/bank"),
            (("spec", "targetRef", "uid"), "u-2", "agent agent-00 signed apps/v1 Deployment/shop/web"),
            (("spec", "targetRef", "apiVersion"), "example.com/v1", "it reads example.com/v1 Deployment/shop/web"),
            (("spec", "targetRef"), None, "it reads nothing, agent agent-00 signed apps/v1 Deployment/shop/web"),
            (("status", "consensus", "round"), 3, "round of status.consensus differs: 3 there"),
            (("spec", "approval", "planDigest"), "sha256:" + "0" * 64, "spec.approval says Approve of sha256:000"),
            (("spec", "approval", "decision"), "Reject", "spec.approval says Reject"),
            (
                ("status", "execution", "attempts", 0, "steps", 0, "operations", 0, "value"),
                '"evil:1"',
                "operations of step 'roll-back'",
            ),
            (("status", "execution", "attempts", 0, "steps", 0, "target", "name"), "db", "target of step"),
            ((*STEP, "preImage", 0, "value"), '"evil:1"', "preImage of step 'roll-back'"),
            ((*STEP, "undoOperations", 0, "value"), '"evil:1"', "undoOperations of step 'roll-back'"),
            ((*STEP, "undoPossible"), False, "undoPossible of step 'roll-back'"),
            ((*ATTEMPT, "steps"), [], "has no steps, and its outcome is Applied"),
            ((*ATTEMPT, "planDigest"), OTHER, f"attempt {done_id} is of round 1 and names plan {OTHER}"),
            ((*ATTEMPT, "round"), 2, "is of round 2, and the last that was certified is 1"),
            ((*ATTEMPT, "id"), "1-0123", "is called 1-0123"),
            ((*ATTEMPT, "outcome"), "Undone", "reads Undone, and its step 'roll-back' reads Applied"),
            ((*STEP, "outcome"), "Undone", "reads Applied, and its step 'roll-back' reads Undone"),
            (("status", "execution", "attempts"), [], "the outcome is Remediated, and no attempt"),
            (("status", "consensus", "decision"), "Rejected", "status.consensus.decision reads Rejected"),
            (("status", "consensus", "decision"), "Open", "status.consensus.decision reads Open"),
            (("status", "outcome"), "RolledBack", "the outcome is RolledBack, and no attempt was undone"),
            (
                ("status", "verification", "result"),
                "Fail",
                "the outcome is Remediated, and what was measured reads Fail",
            ),
            (("status", "verification", "attemptId"), "1-0123", "status.verification is about attempt 1-0123"),
        ],
        ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
    )
    def test_each_false_claim_is_named(self, files: Files, path: tuple[str | int, ...], to: object, said: str) -> None:
        files.change(*path, to=to)
        ran = files.verify()
        assert ran.code == 1
        assert said in words(ran.out)

    def test_approvals_that_name_no_target_count_as_before_and_claim_nothing_about_it(self, files: Files) -> None:
        assert "spec.targetRef)" in words(files.verify().out)
        before = Council(6)
        votes = [before.accept(before.vote(n, PLAN), PLAN) for n in range(6)]
        old = done().status.consensus.model_copy(update={"votes": votes, "certificate": before.certificate(PLAN)})
        files.write(done().model_copy(update={"status": done().status.model_copy(update={"consensus": old})}))
        files.change("spec", "targetRef", "name", to="bank")
        ran = files.verify()
        assert ran.code == 0
        assert "every approval names this Incident's target" not in words(ran.out)
        assert "do not name spec.targetRef" in words(ran.out)

    def test_an_added_attempt_with_a_false_digest_is_found(self, files: Files) -> None:
        (first,) = (attempt.to_json() for attempt in done().status.execution.attempts)
        files.change("status", "execution", "attempts", to=[first, copy.deepcopy(first)])
        assert "two attempts are called" in words(files.verify().out)
        second = {**copy.deepcopy(first), "id": "1-" + OTHER[7:23], "planDigest": OTHER}
        files.change("status", "execution", "attempts", to=[first, second])
        assert f"is of round 1 and names plan {OTHER}" in words(files.verify().out)

    def test_an_attempt_of_an_earlier_round_is_said_to_be_unchecked(self, files: Files) -> None:
        (first,) = (attempt.to_json() for attempt in later().status.execution.attempts)
        earlier = {
            **copy.deepcopy(first),
            "round": 1,
            "id": "1-" + OTHER[7:23],
            "planDigest": OTHER,
            "outcome": "Undone",
        }
        earlier["steps"][0]["outcome"] = "Undone"
        files.write(later())
        files.change("status", "execution", "attempts", to=[earlier, first])
        ran = files.verify()
        assert ran.code == 0
        assert f"attempt {earlier['id']}: not checked, its plan is not in this record any more" in words(ran.out)
        past = PastRound(round=1, plan_digest=OTHER, decision=RoundDecision.REJECTED, approvals=0, rejections=4)
        files.change("status", "consensus", "history", to=[past.to_json()])
        assert "is of round 1, which ended as Rejected" in words(files.verify().out)

    def test_an_attempt_that_was_refused_before_its_intent_has_no_steps(self, files: Files) -> None:
        files.change("status", "execution", "attempts", 0, "steps", to=[])
        files.change("status", "execution", "attempts", 0, "outcome", to="Refused")
        files.change("status", "phase", to="Escalated")
        files.change("status", "outcome", to="Escalated")
        files.change("status", "verification", to=None)
        ran = files.verify()
        assert ran.code == 0
        assert "0 steps, Refused" in words(ran.out)

    def test_where_nothing_was_carried_out_that_is_said(self, files: Files) -> None:
        files.write(incident(Phase.CLOSED, mode=Mode.OBSERVE.value, outcome=Outcome.RECOMMENDED))
        ran = files.verify()
        assert ran.code == 0
        assert "the record has no attempt and claims none" in words(ran.out)

    @pytest.mark.parametrize(
        ("path", "to", "admitted"),
        [
            (("status", "cause"), "MemoryLeak", "what was diagnosed"),
            (("status", "policy"), "other", "which policy and mode applied"),
            (("status", "verification", "message"), "all is well", "verification"),
            (("spec", "severity"), "Info", "severity"),
            (("spec", "alerts"), [], "alerts"),
        ],
        ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
    )
    def test_what_nobody_can_check_is_admitted(
        self, files: Files, path: tuple[str | int, ...], to: object, admitted: str
    ) -> None:
        files.change(*path, to=to)
        ran = files.verify()
        assert ran.code == 0
        assert admitted in words(ran.out).partition("not covered, ")[2]

    def test_a_step_that_was_added_to_what_was_done_is_found(self, files: Files) -> None:
        steps = done().status.execution.attempts[0].steps
        files.change("status", "execution", "attempts", 0, "steps", to=[steps[0].to_json(), steps[0].to_json()])
        assert "has 2 steps, the plan 1" in words(files.verify().out)

    def test_without_an_approval_a_plan_that_needed_one_was_not_rightly_carried_out(self, files: Files) -> None:
        files.write(incident(Phase.RESOLVED, execution=applied()))
        assert "spec.approval is empty" in files.verify().out

    def test_keys_of_others_verify_nothing(self, files: Files) -> None:
        keys = yaml.safe_load(files.keys.read_text())
        keys["items"] = keys["items"][1:]
        files.keys.write_text(yaml.safe_dump(keys))
        ran = files.verify()
        assert ran.code == 1
        assert "agent-00" in words(ran.out)

    def test_the_rules_of_the_policy_are_applied_when_it_is_given(self, files: Files) -> None:
        strict = RemediationPolicy(
            metadata=PLAN_POLICY, spec=RemediationPolicySpec(mode=Mode.APPROVE, consensus=ConsensusPolicy(min_quorum=6))
        )
        policy = files.folder / "policy.yaml"
        policy.write_text(yaml.safe_dump(strict.to_json()))
        files.change("status", "policy", to="strict")
        assert "QuorumTooLow" in words(files.verify("--policy", str(policy)).out)
        assert "default quorum" in words(files.verify().out)

    def test_a_later_plan_in_the_status_is_told_from_a_forged_one(self, files: Files) -> None:
        files.write(incident(Phase.ESCALATED, of=plan("web:0"), execution=applied()))
        ran = files.verify()
        assert ran.code == 1
        assert "status.plan is another plan now" in words(ran.out)

    def undecided(self, phase: Phase = Phase.VOTING, **status: Any) -> Incident:
        consensus = incident().status.consensus.model_copy(update={"certificate": None, "decision": RoundDecision.OPEN})
        return incident(phase, **{"consensus": consensus, **status})

    def test_nothing_decided_yet_is_a_result_of_its_own(self, files: Files) -> None:
        files.write(self.undecided())
        ran = files.verify()
        assert (ran.code, ran.err) == (6, "")
        assert ran.out.splitlines()[0] == "shop/web-crash  NOTHING DECIDED YET"
        report = json.loads(files.verify("-o", "json").out)
        assert (report["verified"], report["undecided"]) == (None, ["shop/web-crash"])

    @pytest.mark.parametrize(
        "claimed",
        [
            {"phase": Phase.EXECUTING},
            {"phase": Phase.AWAITING_APPROVAL},
            {"phase": Phase.RESOLVED, "outcome": Outcome.REMEDIATED},
            {"phase": Phase.ESCALATED, "outcome": Outcome.ROLLED_BACK},
            {"execution": applied()},
        ],
        ids=["executing", "to be approved", "remediated", "rolled back", "carried out"],
    )
    def test_a_decision_that_is_claimed_without_a_certificate_is_false(
        self, files: Files, claimed: dict[str, Any]
    ) -> None:
        files.write(self.undecided(**claimed))
        ran = files.verify()
        assert ran.code == 1
        assert "there is no certificate" in words(ran.out)

    def test_the_report_is_there_as_data(self, files: Files) -> None:
        assert json.loads(files.verify("-o", "json").out)["verified"] is True
        files.change("status", "consensus", "certificate", "quorum", to=3)
        ran = files.verify("-o", "json")
        report = json.loads(ran.out)
        assert (ran.code, report["verified"]) == (1, False)
        assert [c["holds"] for c in report["checks"]].count(False) == 2

    def test_hostile_values_stay_text(self, files: Files) -> None:
        files.change("status", "consensus", "certificate", "members", 0, "agent", to=HOSTILE)
        files.change("metadata", "name", to=HOSTILE)
        out = files.verify().out
        assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(out)


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("}{", "not YAML"),
            ("[" * 1200, "cannot read"),
            ("a: &x [1]\nb: *x\n", "aliases are not used"),
            ("kind: Incident\nstatus: 5\n", "status"),
            ("", "0 Incidents"),
            ("- 1\n", "0 Incidents"),
            ("kind: Pod\n", "0 Incidents"),
            ("!!python/object/apply:os.system [ls]\n", "not YAML"),
        ],
    )
    def test_each_gets_a_clear_error(self, files: Files, content: str, said: str) -> None:
        files.incident.write_text(content)
        ran = files.verify()
        assert ran.code == 1
        assert said in words(ran.err)
        assert "next:" in ran.err

    def test_bytes_that_are_no_text_get_one_too(self, files: Files) -> None:
        files.incident.write_bytes(b"\xff\xfe\x00")
        assert files.verify().code == 1

    def test_a_device_that_never_ends_is_read_to_the_limit_only(self, files: Files) -> None:
        files.incident.unlink()
        files.incident.symlink_to("/dev/zero")
        ran = files.verify()
        assert ran.code == 1
        assert "it has more than 4194304 bytes" in words(ran.err)

    def test_a_file_without_agents_says_how_to_export_them(self, files: Files) -> None:
        files.keys.write_text("kind: List\nitems: []\n")
        ran = files.verify()
        assert ran.code == 1
        assert "kubectl get agents -o yaml" in words(ran.err)

    def test_a_file_without_keys_is_a_wrong_command_line(self, files: Files) -> None:
        ran = Stage().run("verify", "-f", str(files.incident))
        assert ran.code == 2
        assert "--keys" in ran.err


class TestOnLine:
    def test_a_good_record_is_verified(self) -> None:
        ran = Stage.of(done()).run("verify", "web-crash")
        assert (ran.code, ran.out.splitlines()[0].split()[-1]) == (0, "VERIFIED")

    def test_the_policy_is_read_and_a_missing_one_is_said(self) -> None:
        ran = Stage.of(incident(policy="gone")).run("verify", "web-crash")
        assert ran.code == 0
        assert "policy gone cannot be read" in words(ran.out)

    def test_agents_that_may_not_be_read_are_an_error(self) -> None:
        stage = Stage.of(done())
        stage.cluster.refuse[("list", "agents.incidentcommander.io")] = errors.Forbidden("no")
        ran = stage.run("verify", "web-crash")
        assert ran.code == 4
        assert "cannot list the Agents" in words(ran.err)
        assert "needs ClusterRole incident-verifier, bound cluster-wide" in words(ran.err)

    def test_a_name_or_a_file_is_needed(self) -> None:
        assert Stage().run("verify").code == 2


PLAN_POLICY = RemediationPolicy().metadata.model_copy(update={"name": "strict"})
