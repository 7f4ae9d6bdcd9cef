"""What is said, what counts, and how the agents are."""

from __future__ import annotations

from incident_commander.adapters.instruments.instrument import CAUSES, ROLES, Source, counter, gauge, histogram
from incident_commander.api.agent import Offence
from incident_commander.api.incident import RoundDecision
from incident_commander.api.statement import Decision

_AGENT = "name of the Agent"

HYPOTHESES = counter(
    "hypotheses_total",
    Source.COORDINATOR,
    "Hypotheses that were put on record, by cause. Top is the likeliest of its diagnosis.",
    cause=CAUSES,
    rank=("Top", "Other"),
)
DIAGNOSIS_GAPS = counter(
    "diagnosis_gaps_total",
    Source.COORDINATOR,
    "Things that a recorded diagnosis could not read: metrics, logs or objects.",
)
STATEMENTS = counter(
    "statements_total",
    Source.AGENTS,
    "Signed statements that an agent wrote.",
    role=ROLES,
    type=("Assessment", "Diagnosis", "Forecast", "Proposal", "Account", "Measurement"),
)
STATEMENTS_REFUSED = counter(
    "statements_refused_total",
    Source.COORDINATOR,
    "Statements and votes that did not count and raised suspicion; Silent is a member without a vote.",
    role=(*ROLES, "unknown"),
    reason=(*(o.value for o in Offence), "Silent"),
)
VOTES = counter(
    "votes_total",
    Source.AGENTS,
    "Votes that an agent cast.",
    role=ROLES,
    decision=tuple(d.value for d in Decision),
    reason="the reason code of the vote, from a fixed list per role",
)
DISSENTS = counter(
    "dissents_total",
    Source.COORDINATOR,
    "Votes that differ from what their round decided; Silent is a member that did not vote in time.",
    role=(*ROLES, "unknown"),
    decision=(*(d.value for d in Decision), "Silent"),
)
ROUND_DURATION = histogram(
    "round_duration_seconds",
    Source.COORDINATOR,
    "From opening a round of voting to its decision.",
    decision=tuple(d.value for d in RoundDecision if d is not RoundDecision.OPEN),
)
AGENT_QUARANTINES = counter(
    "agent_quarantines_total",
    Source.COORDINATOR,
    "Agents that lost their vote for provable misbehaviour.",
    role=ROLES,
    offence=tuple(o.value for o in Offence),
)
# The agents, as the coordinator sees them every 30 seconds.
AGENT_HEARTBEAT = gauge(
    "agent_heartbeat_timestamp_seconds",
    Source.COORDINATOR,
    "When the agent last renewed its Lease, by its own clock (Unix time); 0 when it never did.",
    agent=_AGENT,
    role=ROLES,
)
AGENT_SUSPICION = gauge(
    "agent_suspicion",
    Source.COORDINATOR,
    "Agent.status.suspicion: rounds in which it was silent, late or contradicted itself.",
    agent=_AGENT,
    role=ROLES,
)
AGENT_QUARANTINED = gauge(
    "agent_quarantined",
    Source.COORDINATOR,
    "1 while the agent's votes count for nothing.",
    agent=_AGENT,
    role=ROLES,
)
AGENT_KEY_EXPIRY = gauge(
    "agent_key_expiry_timestamp_seconds",
    Source.COORDINATOR,
    "When the last of the agent's keys that count now ends (Unix time); 0 when none counts.",
    agent=_AGENT,
    role=ROLES,
)
CONSENSUS_MEMBERS = gauge(
    "consensus_members",
    Source.COORDINATOR,
    "Voters. Counting: agents with a key that counts now, n of the next round. Able: those that are not quarantined "
    "and whose Lease has not run out. Needed: equal votes that a decision takes; 0 when there are too few for any.",
    state=("Counting", "Able", "Needed"),
)
