"""Any f of n agents behaving in any way, with a coordinator that is against us too.

The adversary holds the keys of f agents and sees everything that honest agents sign. It forges, replays,
equivocates, stays silent and sends garbage; then it puts together whatever certificates it likes. Honest
agents do one thing only: they vote once in a round.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from incident_commander.api.incident import Certificate, RecordedVote, RoundDecision
from incident_commander.api.plan import Plan
from incident_commander.api.statement import Decision, Vote
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.consensus.envelope import open_envelope
from incident_commander.consensus.membership import members_of, quorum, tolerated_faults
from incident_commander.consensus.tally import tally
from incident_commander.errors import InvalidCertificate, InvalidStatement
from tests.unit.consensus.council import NOW, UID, Council, key, plan

PLANS = (plan("web:1"), plan("evil:1"))
COUNCILS = {n: Council(n) for n in range(4, 14)}


@dataclass(frozen=True)
class Honest:
    """One vote: on which of the two plans, and how."""

    on: int
    decision: Decision


@dataclass(frozen=True)
class Round:
    n: int
    byzantine: frozenset[int]
    honest: dict[int, Honest]
    pool: tuple[str, ...]

    @property
    def council(self) -> Council:
        return COUNCILS[self.n]

    def supporters(self, number: int) -> int:
        return sum(h.on == number and h.decision is Decision.APPROVE for h in self.honest.values())


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    n = draw(st.integers(4, 13))
    council = COUNCILS[n]
    byzantine = draw(st.sets(st.integers(0, n - 1), max_size=tolerated_faults(n)))
    honest = {
        i: Honest(draw(st.integers(0, 1)), draw(st.sampled_from([Decision.APPROVE, *Decision])))
        for i in range(n)
        if i not in byzantine
    }
    pool = [council.vote(i, PLANS[h.on], h.decision) for i, h in honest.items()]
    pool += [council.vote(i, p) for i in byzantine for p in PLANS]
    pool += draw(st.lists(_mischief(council, sorted(byzantine), tuple(pool)), max_size=6))
    return Round(n, frozenset(byzantine), honest, tuple(pool))


def _mischief(council: Council, byzantine: list[int], seen: tuple[str, ...]) -> st.SearchStrategy[str]:
    numbers = st.integers(0, council.size - 1)
    plans = st.sampled_from(PLANS)
    options: list[st.SearchStrategy[str]] = [
        st.text(max_size=60),
        st.builds(lambda t, i: t[: i % len(t)] + t[i % len(t) + 1 :], st.sampled_from(seen), st.integers(0, 2000)),
        st.builds(lambda i, p: council.vote(i, p, signer=key(99)), numbers, plans),
    ]
    if byzantine:
        liars = st.sampled_from(byzantine)
        options += [
            st.builds(lambda i, p, liar: council.vote(i, p, signer=key(liar)), numbers, plans, liars),
            st.builds(lambda liar, p, r: council.vote(liar, p, round_=r), liars, plans, st.integers(1, 3)),
            st.builds(lambda liar, p, d: council.vote(liar, p, d), liars, plans, st.sampled_from(Decision)),
            st.builds(lambda liar, p, d: council.vote(liar, p, reason=d), liars, plans, st.sampled_from(["a", "b"])),
            st.builds(lambda liar, p: council.vote(liar, p, incident_uid="other"), liars, plans),
        ]
    return st.one_of(options)


def certified(certificate: Certificate, council: Council, of: Plan) -> bool:
    try:
        verify_certificate(
            certificate, plan=of, incident_uid=UID, agents=council.agents, consensus_policy=None, now=NOW
        )
    except InvalidCertificate:
        return False
    return True


def best_certificate(case: Round, of: Plan) -> Certificate:
    """The strongest one that the adversary can make: every envelope that helps, one for each signer."""
    useful: dict[str, str] = {}
    for envelope in case.pool:
        try:
            statement = open_envelope(envelope, case.council.agents, now=NOW)
        except InvalidStatement:
            continue
        body = statement.body
        if not isinstance(body, Vote) or statement.incident_uid != UID:
            continue
        if (body.round, body.plan_digest, body.decision) == (1, of.digest, Decision.APPROVE):
            useful[statement.agent] = envelope
    return certificate(case, of, list(useful.values()))


def certificate(case: Round, of: Plan, envelopes: list[str]) -> Certificate:
    """Correct in everything but, perhaps, the envelopes."""
    members = members_of(case.council.agents, NOW)
    return Certificate(
        incident_uid=UID,
        round=1,
        plan_digest=of.digest,
        members=members,
        faults=tolerated_faults(len(members)),
        quorum=quorum(len(members)),
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=10),
        envelopes=envelopes,
    )


@settings(max_examples=150, deadline=None)
@given(rounds())
def test_no_two_plans_are_ever_certified_in_one_round(case: Round) -> None:
    both = [certified(best_certificate(case, p), case.council, p) for p in PLANS]
    assert both.count(True) <= 1


@settings(max_examples=150, deadline=None)
@given(rounds(), st.data())
def test_whatever_envelopes_are_put_together_at_least_q_minus_f_honest_agents_approved(
    case: Round, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, 1))
    chosen = data.draw(st.lists(st.sampled_from(case.pool), max_size=case.n + 3))
    for made in (certificate(case, PLANS[number], chosen), best_certificate(case, PLANS[number])):
        if certified(made, case.council, PLANS[number]):
            assert case.supporters(number) >= quorum(case.n) - len(case.byzantine)


@settings(max_examples=150, deadline=None)
@given(rounds())
def test_a_plan_that_a_quorum_of_honest_agents_rejects_is_never_certified(case: Round) -> None:
    for number, of in enumerate(PLANS):
        rejecting = sum(h.on == number and h.decision is Decision.REJECT for h in case.honest.values())
        if rejecting >= quorum(case.n):
            assert not certified(best_certificate(case, of), case.council, of)


@settings(max_examples=100, deadline=None)
@given(rounds())
def test_an_honest_tally_never_certifies_both_plans_in_whatever_order_it_reads(case: Round) -> None:
    verdicts = []
    for of in PLANS:
        votes: list[RecordedVote] = []
        for envelope in case.pool:
            try:
                votes.append(case.council.accept(envelope, of))
            except InvalidStatement:
                continue
        members = members_of(case.council.agents, NOW)
        verdict = tally(votes, members, quorum(case.n))
        assert verdict == tally(votes[::-1], members, quorum(case.n))
        verdicts.append(verdict.decision)
    assert verdicts.count(RoundDecision.CERTIFIED) <= 1


@settings(max_examples=100, deadline=None)
@given(st.integers(4, 13), st.data())
def test_honest_agents_that_agree_are_certified_whatever_f_others_do(n: int, data: st.DataObject) -> None:
    council = COUNCILS[n]
    silent = data.draw(st.sets(st.integers(0, n - 1), max_size=tolerated_faults(n)))
    made = council.certificate(PLANS[0], [i for i in range(n) if i not in silent])
    assert certified(made, council, PLANS[0])


def test_one_more_than_f_can_certify_two_plans_so_the_bound_is_tight() -> None:
    council = COUNCILS[4]
    byzantine, honest = (0, 1), (2, 3)
    pool = [council.vote(i, p) for i in byzantine for p in PLANS]
    pool += [council.vote(i, p) for i, p in zip(honest, PLANS, strict=True)]
    case = Round(4, frozenset(byzantine), {}, tuple(pool))
    assert all(certified(best_certificate(case, p), council, p) for p in PLANS)
