"""For those who must trust it: who said what, who disagreed, what was held back, what was done."""

from __future__ import annotations

from charts.dashboards.panel import Dashboard, Panel, Row, Target, Unit
from charts.dashboards.promql import grown, most, or_zero, quantile, recent
from incident_commander.adapters.instruments import consensus, incidents

_TOP = 'rank="Top"'
_OTHER = 'rank="Other"'
_DECIDED = 'decision=~"Approved|Rejected"'
_WAITED = quantile(0.9, incidents.APPROVAL_DURATION, (), _DECIDED, "$__range")
_ANY_IS_RED = ((None, "green"), (1, "red"))


def _table(title: str, description: str, expr: str) -> Panel:
    return Panel(title, description, Unit.SHORT, [Target(or_zero(expr), instant=True)], "table", decimals=0)


TRANSPARENCY = Dashboard(
    uid="incident-commander-transparency",
    title="Incident Commander / Transparency",
    description="Hypotheses, votes, dissent, suspicion, guard refusals and approvals: why it did what it did, or "
    "nothing.",
    rows=(
        Row(
            "What was thought",
            (
                Panel(
                    "Likeliest causes",
                    "Diagnoses on record by their first hypothesis.",
                    Unit.SHORT,
                    [
                        Target(
                            or_zero(f"topk(15, {grown(consensus.HYPOTHESES, ('cause',), _TOP)} > 0)"),
                            "{{cause}}",
                            instant=True,
                        )
                    ],
                    "bargauge",
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Alternatives considered",
                    "Hypotheses on record that were not the likeliest of their diagnosis.",
                    Unit.SHORT,
                    [
                        Target(
                            or_zero(f"topk(15, {grown(consensus.HYPOTHESES, ('cause',), _OTHER)} > 0)"),
                            "{{cause}}",
                            instant=True,
                        )
                    ],
                    "bargauge",
                    width=6,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Gaps in the evidence",
                    "What diagnoses could not read: logs, metrics, objects. Their confidence is lower for it.",
                    Unit.SHORT,
                    [Target(recent(consensus.DIAGNOSIS_GAPS), "gaps")],
                    width=6,
                    stack=True,
                ),
            ),
        ),
        Row(
            "Who said what",
            (
                Panel(
                    "Statements by agent",
                    "Signed statements that were written; an agent says the same thing once.",
                    Unit.SHORT,
                    [Target(or_zero(recent(consensus.STATEMENTS, ("role", "type"))), "{{role}}: {{type}}")],
                    stack=True,
                ),
                _table(
                    "Votes by agent, with reason",
                    "All votes of this range. A reject or an abstention says why.",
                    grown(consensus.VOTES, ("role", "decision", "reason")),
                ),
                Panel(
                    "Rounds by decision",
                    "Certified: a quorum approved. Stale: the target changed meanwhile. Expired: no quorum in time.",
                    Unit.SHORT,
                    [Target(recent(consensus.ROUND_DURATION, ("decision",), end="_count"), "{{decision}}")],
                    stack=True,
                ),
                Panel(
                    "Dissent and silence",
                    "Votes against what their round decided, and members that did not vote in time.",
                    Unit.SHORT,
                    [Target(recent(consensus.DISSENTS, ("role", "decision")), "{{role}}: {{decision}}")],
                    stack=True,
                ),
            ),
        ),
        Row(
            "Who can be trusted",
            (
                Panel(
                    "Voters",
                    "Counting: n of the next round. Able: alive and not quarantined. Needed: equal votes for a "
                    "decision. "
                    "Able below needed: nothing can be decided.",
                    Unit.SHORT,
                    [Target(most(consensus.CONSENSUS_MEMBERS, ("state",)), "{{state}}")],
                    width=8,
                ),
                Panel(
                    "Suspicion",
                    "Rounds in which an agent was silent, late or not understood, since it exists. It takes no "
                    "vote away.",
                    Unit.SHORT,
                    [Target(most(consensus.AGENT_SUSPICION, ("agent",)), "{{agent}}")],
                    width=8,
                ),
                Panel(
                    "In quarantine",
                    "Yes: the agent was caught lying, and its votes count for nothing. The proof is in its Agent "
                    "resource.",
                    Unit.YES_NO,
                    [Target(most(consensus.AGENT_QUARANTINED, ("agent",)), "{{agent}}", instant=True)],
                    "stat",
                    8,
                    decimals=0,
                    thresholds=_ANY_IS_RED,
                ),
                Panel(
                    "Statements that did not count",
                    "By offence and agent. BadSignature: somebody writes in its name. Silent: it did not vote.",
                    Unit.SHORT,
                    [Target(recent(consensus.STATEMENTS_REFUSED, ("role", "reason")), "{{role}}: {{reason}}")],
                    stack=True,
                ),
                Panel(
                    "Signing keys end in",
                    "Time until the last key of each agent that counts now ends. Rotate with overlap before.",
                    Unit.SECONDS,
                    [
                        Target(
                            f"{most(consensus.AGENT_KEY_EXPIRY, ('agent',))} - time()",
                            "{{agent}}",
                            instant=True,
                        )
                    ],
                    "bargauge",
                    decimals=1,
                    thresholds=((None, "red"), (86400, "orange"), (14 * 86400, "green")),
                    lowest=None,
                ),
            ),
        ),
        Row(
            "What was held back",
            (
                _table(
                    "Guard refusals",
                    "Plans that a guard did not allow. Waiting: the guard may allow it later, as after a freeze "
                    "window.",
                    grown(incidents.GUARD_REFUSALS, ("guard", "reason", "effect")),
                ),
                Panel(
                    "Circuit breaker tripped",
                    "Yes: nothing is carried out until a person closes it (incident-commander breaker reset).",
                    Unit.YES_NO,
                    [Target(most(incidents.CIRCUIT_BREAKER_STATE, (), 'state="Tripped"'), "tripped", instant=True)],
                    "stat",
                    4,
                    decimals=0,
                    thresholds=_ANY_IS_RED,
                ),
                Panel(
                    "Approvals",
                    "Asked: plans that a person was to approve. Expired: nobody decided, nothing was done. "
                    "Overtaken: it "
                    "resolved or the target went away meanwhile.",
                    Unit.SHORT,
                    [
                        Target(or_zero(grown(incidents.APPROVALS_REQUESTED)), "Asked", instant=True),
                        Target(
                            grown(incidents.APPROVAL_DURATION, ("decision",), end="_count"),
                            "{{decision}}",
                            instant=True,
                        ),
                    ],
                    "bargauge",
                    4,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Wait for people (p90)",
                    "Nine of ten decisions were faster, over the whole range; 0 when nobody was asked.",
                    Unit.SECONDS,
                    [
                        Target(
                            or_zero(f"({_WAITED} >= 0)"),
                            instant=True,
                        )
                    ],
                    "stat",
                    4,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Messages to people",
                    "Failed: the receiver did not accept it. Dropped: one too many at a time. Incidents say it, too.",
                    Unit.SHORT,
                    [Target(grown(incidents.NOTIFICATIONS, ("result",)), "{{result}}", instant=True)],
                    "bargauge",
                    12,
                    4,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
            ),
        ),
        Row(
            "What was done",
            (
                _table(
                    "Steps by action and outcome",
                    "What the executor carried out, found nothing to change for, was refused, or took back.",
                    grown(incidents.STEPS, ("action", "outcome")),
                ),
                Panel(
                    "Was it proven?",
                    "Pass: measured healthy. Fail: undone. Inconclusive: data was missing, handed to people.",
                    Unit.SHORT,
                    [Target(grown(incidents.VERIFICATION_RESULTS, ("result",)), "{{result}}", instant=True)],
                    "bargauge",
                    6,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Was it taken back?",
                    "Attempts that were to be undone. Failed: the target does not show the old values, or nobody "
                    "can tell.",
                    Unit.SHORT,
                    [Target(grown(incidents.UNDO_RESULTS, ("result",)), "{{result}}", instant=True)],
                    "bargauge",
                    6,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
            ),
        ),
    ),
)
