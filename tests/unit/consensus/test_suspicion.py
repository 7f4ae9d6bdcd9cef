"""What proves that an agent is Byzantine, and what must never be taken for a proof."""

import copy
import json
from datetime import timedelta
from typing import Any

import pytest

from incident_commander.api.agent import Offence
from incident_commander.api.plan import Plan
from incident_commander.api.role import Role
from incident_commander.api.statement import Citation, CitationKind, Decision, Proposal
from incident_commander.consensus.envelope import open_envelope, sign
from incident_commander.consensus.suspicion import contradicted, equivocation, outside_catalogue, suspect
from incident_commander.errors import InvalidStatement
from tests.unit.consensus.council import NOW, YEAR, Council, agent, key, plan

COUNCIL = Council(6)
PLAN, OTHER = plan(), plan("web:0")
POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"namespace": "shop", "name": "web-1", "resourceVersion": "42"},
    "spec": {"nodeName": "n1", "hostNetwork": False, "containers": [{"name": "web", "image": "web:2"}]},
    "status": {"containerStatuses": [{"restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
}
REASON = "status.containerStatuses[0].state.waiting.reason"


class TestEquivocation:
    def two(self, first: str, second: str, **arguments: Any) -> Any:
        return equivocation(first, second, arguments.get("agents", COUNCIL.agents), arguments.get("now", NOW))

    @pytest.mark.parametrize(
        "second",
        [COUNCIL.vote(0, PLAN, Decision.REJECT), COUNCIL.vote(0, PLAN, Decision.ABSTAIN), COUNCIL.vote(0, OTHER)],
        ids=["other decision", "abstention", "other plan"],
    )
    def test_two_different_votes_in_one_round_prove_it_and_are_the_proof(self, second: str) -> None:
        first = COUNCIL.vote(0, PLAN)
        proven = self.two(first, second)
        assert proven.offence is Offence.EQUIVOCATION
        assert proven.proof == [first, second]
        assert (proven.since, proven.incident) == (NOW, "shop/web-crash")
        assert self.two(second, first) is not None

    @pytest.mark.parametrize(
        "second",
        [
            COUNCIL.vote(0, PLAN),
            COUNCIL.vote(0, PLAN, reason="SaidAgainAfterARestart", issued_at=NOW + timedelta(seconds=5)),
            COUNCIL.vote(0, PLAN, Decision.REJECT, round_=2),
            COUNCIL.vote(0, PLAN, Decision.REJECT, incident_uid="other"),
            COUNCIL.vote(1, PLAN, Decision.REJECT),
            COUNCIL.vote(0, PLAN, Decision.REJECT, signer=key(3)),
            COUNCIL.vote(0, PLAN, Decision.REJECT, signer=key(99)),
            "garbage",
        ],
        ids=["same", "reworded", "other round", "other incident", "other agent", "forged", "stranger", "garbage"],
    )
    def test_anything_else_proves_nothing(self, second: str) -> None:
        assert self.two(COUNCIL.vote(0, PLAN), second) is None
        assert self.two(second, COUNCIL.vote(0, PLAN)) is None

    def test_it_does_not_lapse_with_the_votes(self) -> None:
        first, second = COUNCIL.vote(0, PLAN), COUNCIL.vote(0, PLAN, Decision.REJECT)
        assert self.two(first, second, now=NOW + timedelta(days=1)) is not None

    def test_a_key_that_was_retired_cannot_frame_its_former_owner(self) -> None:
        keys = [key(0).public_key(NOW - YEAR, NOW + timedelta(hours=1)), key(50).public_key(NOW - YEAR, NOW + YEAR)]
        agents = [agent(0, Role.DETECTION, *keys), *COUNCIL.agents[1:]]
        first, second = COUNCIL.vote(0, PLAN), COUNCIL.vote(0, PLAN, Decision.REJECT)
        assert self.two(first, second, agents=agents) is not None
        assert self.two(first, second, agents=agents, now=NOW + timedelta(hours=2)) is None


class TestContradictedEvidence:
    def judge(self, path: str, value: str, pod: dict[str, Any] | None = None, **changes: Any) -> Any:
        fields: dict[str, Any] = {
            "kind": CitationKind.OBJECT,
            "ref": "Pod/shop/web-1",
            "path": path,
            "value": value,
            "resource_version": "42",
        }
        cited = Citation(**{**fields, **changes})
        envelope = COUNCIL.vote(0, PLAN, evidence=[cited])
        return contradicted(envelope, {"Pod/shop/web-1": pod or POD}, COUNCIL.agents, NOW)

    @pytest.mark.parametrize(
        ("path", "lie"),
        [
            (REASON, "ImagePullBackOff"),
            (REASON, ""),
            ("spec.containers[0].image", "web:9"),
            ("status.containerStatuses[0].restartCount", "70"),
            ("status.containerStatuses[0].restartCount", "17"),
            ("spec.hostNetwork", "true"),
            ("status.phase", "Failed"),
            ("spec.containers[4].image", "web:2"),
        ],
    )
    def test_a_value_that_the_same_version_of_the_object_refutes_is_the_proof(self, path: str, lie: str) -> None:
        proven = self.judge(path, lie)
        assert proven.offence is Offence.CONTRADICTED_EVIDENCE
        assert path in proven.message
        assert len(proven.proof) == 1

    @pytest.mark.parametrize(
        ("path", "truth"),
        [
            (REASON, "CrashLoopBackOff"),
            (REASON, '"CrashLoopBackOff"'),
            (REASON, "CrashLoop…"),
            (REASON, "waiting: CrashLoopBackOff"),
            ("status.containerStatuses[0].restartCount", "7"),
            ("status.containerStatuses[0].restartCount", "7 restarts"),
            ("spec.hostNetwork", "false"),
            ("spec.hostNetwork", "False"),
            ("status.phase", "absent"),
            ("status.phase", ""),
            ("status.readyReplicas", "0"),
            ("spec.paused", "false"),
        ],
    )
    def test_the_truth_in_any_wording_proves_nothing(self, path: str, truth: str) -> None:
        assert self.judge(path, truth) is None

    def test_an_object_that_moved_on_proves_nothing(self) -> None:
        moved = copy.deepcopy(POD)
        moved["metadata"]["resourceVersion"] = "43"
        assert self.judge(REASON, "ImagePullBackOff", moved) is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": CitationKind.LOG},
            {"kind": CitationKind.METRIC},
            {"resource_version": None},
            {"ref": "Pod/shop/gone"},
            {"path": "status.conditions[Ready].status"},
            {"path": 'metadata.labels["a.b/c"]'},
            {"path": ""},
            {"path": "spec.containers"},
            {"value": "[REDACTED]"},
        ],
        ids=str,
    )
    def test_what_cannot_be_checked_exactly_proves_nothing(self, changes: dict[str, Any]) -> None:
        arguments = {"path": REASON, "value": "ImagePullBackOff"} | changes
        assert self.judge(**arguments) is None

    def test_a_forged_vote_does_not_harm_the_agent_it_names(self) -> None:
        lie = Citation(kind=CitationKind.OBJECT, ref="Pod/shop/web-1", path=REASON, value="Lie", resource_version="42")
        forged = COUNCIL.vote(0, PLAN, evidence=[lie], signer=key(9))
        assert contradicted(forged, {"Pod/shop/web-1": POD}, COUNCIL.agents, NOW) is None


class TestOutsideTheCatalogue:
    def proposal(self, of: Plan, number: int = 3) -> str:
        return sign(COUNCIL.statement(number, Proposal(serial=1, plans=[of])), key(number))

    def test_a_step_that_no_action_yields_is_the_proof(self) -> None:
        envelope = self.proposal(PLAN)
        proven = outside_catalogue(envelope, ["step roll-back: /spec/replicas"], COUNCIL.agents, NOW)
        assert proven is not None
        assert proven.offence is Offence.OUTSIDE_CATALOGUE
        assert proven.proof == [envelope]
        assert "/spec/replicas" in proven.message

    def test_without_a_difference_there_is_nothing_to_prove(self) -> None:
        assert outside_catalogue(self.proposal(PLAN), [], COUNCIL.agents, NOW) is None

    def test_a_forged_proposal_does_not_harm_the_agent_it_names(self) -> None:
        forged = sign(COUNCIL.statement(3, Proposal(serial=1, plans=[PLAN])), key(4))
        assert outside_catalogue(forged, ["x"], COUNCIL.agents, NOW) is None

    def test_a_vote_is_no_proposal(self) -> None:
        assert outside_catalogue(COUNCIL.vote(3, PLAN), ["x"], COUNCIL.agents, NOW) is None


class TestABadSignature:
    def refused(self, text: str, now_after: timedelta = timedelta(0)) -> InvalidStatement:
        with pytest.raises(InvalidStatement) as refused:
            open_envelope(text, COUNCIL.agents, now=NOW + now_after)
        return refused.value

    @pytest.mark.parametrize("kind", ["garbage", "stranger", "broken", "other agent's key"])
    def test_raises_suspicion_of_whoever_writes_there_and_is_no_quarantine(self, kind: str) -> None:
        good = json.loads(COUNCIL.vote(0, PLAN))
        other = json.loads(COUNCIL.vote(0, OTHER))
        texts = {
            "garbage": "}{",
            "stranger": COUNCIL.vote(0, PLAN, signer=key(99)),
            "broken": json.dumps(good | {"signatures": other["signatures"]}, separators=(",", ":"), sort_keys=True),
            "other agent's key": COUNCIL.vote(0, PLAN, signer=key(1)),
        }
        found = suspect("agent-00", self.refused(texts[kind]))
        assert found is not None
        assert (found.agent, found.offence) == ("agent-00", Offence.BAD_SIGNATURE)

    def test_an_old_annotation_is_merely_old(self) -> None:
        assert suspect("agent-00", self.refused(COUNCIL.vote(0, PLAN), timedelta(hours=1))) is None
