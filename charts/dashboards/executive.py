"""For those who ask whether it is worth it: incidents, how they ended, how long it took, what was saved."""

from __future__ import annotations

from charts.dashboards.panel import Dashboard, Panel, Row, Target, Text, Unit, Variable
from charts.dashboards.promql import grown, most, or_zero, quantile, recent
from incident_commander.adapters.instruments import incidents

_FIXED = 'outcome=~"Remediated|Prevented"'
_SELFHEALED = 'outcome="SelfHealed"'
_RECOMMENDED = 'outcome="Recommended"'
_FAILED = 'result="Failed"'
_HANDED_OVER = 'outcome=~"Escalated|Inconclusive|RolledBack|Expired|Rejected"'
_COUNT = grown(incidents.RECOVERY_DURATION, (), _FIXED, end="_count")
_SECONDS = grown(incidents.RECOVERY_DURATION, (), _FIXED, end="_sum")
_MINUTES_SAVED = f"({_COUNT}) * $baseline_minutes - ({_SECONDS}) / 60"
_RED_ABOVE_ZERO = ((None, "green"), (1, "red"))

_ASSUMPTIONS = """\
**Minutes and money saved are only as good as two numbers that you set at the top of this page.** *Minutes by hand* is
how long your people take from an alert to recovery without Incident Commander; *cost per minute* is what a minute of
such an outage costs you. Neither is measured here.

Counted is every recovery that Incident Commander brought about and proved (`Remediated`, `Prevented`): minutes by hand,
minus the minutes it took. What healed by itself, was only recommended, or was handed to people saves nothing here. A
fix that took longer than by hand counts against it.
"""


def _stat(
    title: str, description: str, expr: str, unit: Unit = Unit.SHORT, *, red: bool = False, width: int = 4
) -> Panel:
    thresholds = _RED_ABOVE_ZERO if red else ((None, "blue"),)
    return Panel(
        title, description, unit, [Target(expr, instant=True)], "stat", width, 4, decimals=0, thresholds=thresholds
    )


EXECUTIVE = Dashboard(
    uid="incident-commander-executive",
    title="Incident Commander / Executive",
    description="Incidents, outcomes, time to verified recovery, and what was saved under your own assumptions.",
    since="now-30d",
    variables=(
        Variable("baseline_minutes", "Minutes by hand", "30", "Your assumption: from alert to recovery, by people."),
        Variable("cost_per_minute", "Cost per minute", "100", "Your assumption: what a minute of outage costs."),
        Variable("currency", "Currency", "USD", "What the cost is counted in."),
    ),
    rows=(
        Row(
            "In this time",
            (
                _stat(
                    "Incidents",
                    "Incidents that came to an end, whatever it was.",
                    or_zero(f"({grown(incidents.INCIDENTS_ENDED)})"),
                ),
                _stat(
                    "Fixed and proven",
                    "A plan was carried out, and the workload, the alert and the policy's queries were measured "
                    "healthy "
                    "after it.",
                    or_zero(f"({grown(incidents.INCIDENTS_ENDED, (), _FIXED)})"),
                ),
                _stat(
                    "Healed by themselves",
                    "The alert resolved and the workload was measured healthy before anything was done.",
                    or_zero(f"({grown(incidents.INCIDENTS_ENDED, (), _SELFHEALED)})"),
                ),
                _stat(
                    "Recommended only",
                    "Mode Observe, or owned by GitOps: the plan was shown and nothing was changed.",
                    or_zero(f"({grown(incidents.INCIDENTS_ENDED, (), _RECOMMENDED)})"),
                ),
                _stat(
                    "Handed to people",
                    "Escalated, inconclusive, undone, expired or rejected: a person had to go on.",
                    or_zero(f"({grown(incidents.INCIDENTS_ENDED, (), _HANDED_OVER)})"),
                ),
                _stat(
                    "Undo failed",
                    "Changes that did not help and could not be taken back, or nobody can tell. Must be 0.",
                    or_zero(f"({grown(incidents.UNDO_RESULTS, (), _FAILED)})"),
                    red=True,
                ),
            ),
        ),
        Row(
            "Time to verified recovery",
            (
                Panel(
                    "Typical (p50)",
                    "Half of the proven recoveries were faster: from the first alert's start to the proof, over "
                    "the whole "
                    "range. Estimated from a histogram.",
                    Unit.SECONDS,
                    [Target(quantile(0.5, incidents.RECOVERY_DURATION, (), _FIXED, "$__range"), instant=True)],
                    "stat",
                    4,
                    8,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Slow (p90)",
                    "Nine of ten proven recoveries were faster, over the whole range.",
                    Unit.SECONDS,
                    [Target(quantile(0.9, incidents.RECOVERY_DURATION, (), _FIXED, "$__range"), instant=True)],
                    "stat",
                    4,
                    8,
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "From firing to verified recovery",
                    "p50 and p90 of fixes that were proven, in windows of an hour. A gap is an hour without any.",
                    Unit.SECONDS,
                    [
                        Target(quantile(0.5, incidents.RECOVERY_DURATION, (), _FIXED, "1h"), "p50"),
                        Target(quantile(0.9, incidents.RECOVERY_DURATION, (), _FIXED, "1h"), "p90"),
                    ],
                    width=16,
                ),
            ),
        ),
        Row(
            "Saved, under your assumptions",
            (
                Text("What these numbers assume", _ASSUMPTIONS, width=14, height=6),
                Panel(
                    "Minutes saved",
                    "Proven fixes x your minutes by hand, minus the minutes they took. An assumption goes in: "
                    "see the text.",
                    Unit.MINUTES,
                    [Target(or_zero(f"({_MINUTES_SAVED})"), instant=True)],
                    "stat",
                    5,
                    6,
                    decimals=0,
                    thresholds=((None, "red"), (0, "green")),
                    lowest=None,
                ),
                Panel(
                    "Money saved ($currency)",
                    "Minutes saved x your cost per minute, in the currency that you name at the top. Two assumptions "
                    "go in: see the text.",
                    Unit.WHOLE,
                    [Target(or_zero(f"(({_MINUTES_SAVED}) * $cost_per_minute)"), instant=True)],
                    "stat",
                    5,
                    6,
                    decimals=0,
                    thresholds=((None, "red"), (0, "green")),
                    lowest=None,
                ),
            ),
        ),
        Row(
            "Trend",
            (
                Panel(
                    "Incidents by outcome",
                    "How many came to each end, per step of the graph.",
                    Unit.SHORT,
                    [Target(recent(incidents.INCIDENTS_ENDED, ("outcome",)), "{{outcome}}")],
                    stack=True,
                    interval="1h",
                ),
                Panel(
                    "Incidents by severity",
                    "How many were taken up, per step of the graph.",
                    Unit.SHORT,
                    [Target(recent(incidents.INCIDENTS_OPENED, ("severity",)), "{{severity}}")],
                    stack=True,
                    interval="1h",
                ),
                Panel(
                    "Most frequent causes",
                    "Incidents that ended, by the likeliest cause that was diagnosed; the ten most frequent.",
                    Unit.SHORT,
                    [
                        Target(
                            or_zero(f"topk(10, {grown(incidents.INCIDENT_CAUSES, ('cause',))} > 0)"),
                            "{{cause}}",
                            instant=True,
                        )
                    ],
                    "bargauge",
                    decimals=0,
                    thresholds=((None, "blue"),),
                ),
                Panel(
                    "Open now",
                    "Incidents that are being worked on, or wait for a person.",
                    Unit.SHORT,
                    [Target(most(incidents.OPEN_INCIDENTS, ("phase",)), "{{phase}}")],
                    stack=True,
                ),
            ),
        ),
    ),
)
