"""One Incident on one page: the verdict first, then evidence, plan, votes, what was done, and the story."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from incident_commander.api.incident import (
    Attempt,
    CheckResult,
    Incident,
    Outcome,
    Phase,
    StepOutcome,
    Verification,
)
from incident_commander.api.statement import Severity
from incident_commander.cli.render.evidence import evidence_view, forecast_view
from incident_commander.cli.render.plan import plan_diff
from incident_commander.cli.render.story import story
from incident_commander.cli.render.text import duration, moment, styled
from incident_commander.cli.render.timeline import timeline_view
from incident_commander.cli.render.votes import votes_view

SEVERITY_STYLE = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
_GOOD = frozenset({Outcome.REMEDIATED, Outcome.PREVENTED, Outcome.SELF_HEALED, Outcome.RECOMMENDED})
_CHECK = {
    CheckResult.PASS: ("✓ pass", "green"),
    CheckResult.FAIL: ("✗ fail", "red"),
    CheckResult.INCONCLUSIVE: ("? inconclusive", "yellow"),
}
_STEP_STYLE = {
    StepOutcome.APPLIED: "green",
    StepOutcome.UNDONE: "yellow",
    StepOutcome.FAILED: "red",
    StepOutcome.UNDO_FAILED: "bold red",
    StepOutcome.REFUSED: "yellow",
}


def phase_text(incident: Incident) -> Text:
    """Phase, and outcome once there is one."""
    status = incident.status
    if status.outcome is None:
        return Text(status.phase.value, style="bold cyan")
    good = status.outcome in _GOOD and status.phase is not Phase.ESCALATED
    same = status.outcome.value == status.phase.value
    text = status.phase.value if same else f"{status.phase.value}, {status.outcome.value}"
    return Text(text, style="bold green" if good else "bold red")


def incident_page(
    incident: Incident, *, now: datetime, advice: str = "", effects: Sequence[Incident] = ()
) -> RenderableType:
    """The page. ``advice`` is what a person can do next; ``effects`` wait, or waited, for this one."""
    status = incident.status
    parts: list[RenderableType] = [*_verdict(incident, now, advice)]
    if effects:
        parts += _section("Effects", _effects(effects))
    parts += _section("Evidence", _evidence(incident))
    if status.plan is not None:
        parts += _section("Plan", plan_diff(status.plan))
    if status.consensus.round or status.consensus.history:
        parts += _section("Votes", Group(*_votes(incident)))
    if status.execution.attempts or any(not g.allowed for g in status.execution.guards):
        parts += _section("Execution", Group(*_execution(incident)))
    if status.verification is not None:
        parts += _section("Verification", _verification(status.verification, ended=status.phase.terminal))
    parts += _section("Timeline", timeline_view(story(incident), status.started_at, limit=120))
    return Group(*parts)


def _section(title: str, body: RenderableType) -> list[RenderableType]:
    return [Text(), Text(title, style="bold underline"), Padding(body, (0, 0, 0, 2), expand=False)]


def _verdict(incident: Incident, now: datetime, advice: str) -> Iterator[RenderableType]:
    status, spec = incident.status, incident.spec
    yield Text.assemble(
        styled(incident.key, "bold"),
        "  ",
        styled(spec.severity, SEVERITY_STYLE[spec.severity]),
        "  ",
        phase_text(incident),
    )
    if status.message:
        yield styled(status.message)
    if status.phase is Phase.EXECUTING and (attempt := _waiting(incident)) is not None:
        yield styled(f"{attempt.reason}: {attempt.message}", "yellow")
    if advice:
        yield Text.assemble(("Next: ", "bold yellow"), styled(advice))
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _facts(incident, now):
        table.add_row(label, styled(value))
    yield table


def _waiting(incident: Incident) -> Attempt | None:
    """The attempt that is under way and says what it waits for."""
    under_way = (a for a in incident.status.execution.attempts if a.outcome is StepOutcome.INTENDED and a.reason)
    return next(under_way, None)


def _facts(incident: Incident, now: datetime) -> Iterator[tuple[str, str]]:
    status, spec = incident.status, incident.spec
    yield "Target", str(spec.target_ref) if spec.target_ref else "none was found in the alert's labels"
    if status.cascade is not None:
        verb = "waits for" if status.phase is Phase.PENDING else "waited for"
        yield "Effect of", f"{status.cascade.incident}, which it {verb}"
    if status.cause:
        sure = f", confidence {status.confidence} %" if status.confidence is not None else ""
        yield "Cause", f"{status.cause}{sure}"
    if spec.alerts:
        more = len(spec.alerts) - 1 + spec.omitted_alerts
        yield "Alert", f"{spec.alerts[0].name} ({spec.alerts[0].status})" + (f" and {more} more" if more else "")
    if spec.description:
        yield "Reported", spec.description.split("\n", 1)[0]
    if status.mode:
        yield "Mode", f"{status.mode}" + (f" by policy {status.policy}" if status.policy else ", no policy matches")
    started = status.started_at or incident.metadata.creation_timestamp
    if started is not None:
        end = status.finished_at
        took = f", took {duration(end - started)}" if end else f", {duration(now - started)} ago"
        yield "Opened", f"{moment(started)}{took}"
    if status.story and not status.phase.terminal:
        yield "Story", status.story.split("\n", 1)[0]


def _effects(effects: Sequence[Incident]) -> RenderableType:
    """Incidents that this one is the cause of, those that still wait for it first."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for effect in sorted(effects, key=lambda e: (e.status.phase is not Phase.PENDING, e.key)):
        waits = effect.status.phase is Phase.PENDING
        standing = Text("waits for this one", style="yellow") if waits else phase_text(effect)
        table.add_row(styled(effect.key, "bold"), standing, styled(effect.spec.target_ref or "no target"))
    return table


def _evidence(incident: Incident) -> RenderableType:
    body = evidence_view(incident.status.hypotheses, incident.status.gaps)
    return body if incident.status.forecast is None else Group(body, forecast_view(incident.status.forecast))


def _votes(incident: Incident) -> Iterator[RenderableType]:
    consensus, plan = incident.status.consensus, incident.status.plan
    if plan is not None and consensus.plan_digest and plan.digest != consensus.plan_digest:
        yield styled(f"These are about an earlier plan, {consensus.plan_digest[:19]}…, not the one above.", "yellow")
    yield votes_view(consensus)


def _execution(incident: Incident) -> Iterator[RenderableType]:
    for attempt in incident.status.execution.attempts:
        yield _attempt(attempt)
        for step in attempt.steps:
            said = step.message if len(attempt.steps) > 1 else ""
            yield Padding(
                Text.assemble(
                    styled(step.outcome, _STEP_STYLE.get(step.outcome, "")),
                    "  ",
                    styled(step.action),
                    " ",
                    styled(step.target),
                    "  ",
                    styled(said),
                ),
                (0, 0, 0, 2),
                expand=False,
            )
    for guard in incident.status.execution.guards:
        if not guard.allowed:
            yield Text.assemble(
                ("refused by guard ", "yellow"),
                styled(guard.guard, "bold"),
                styled(f" ({guard.reason}): "),
                styled(guard.message),
            )
    until = incident.status.execution.waiting_until
    if until is not None:
        yield Text(f"Waits until {moment(until)}.", style="yellow")


def _attempt(attempt: Attempt) -> Text:
    said = f"{attempt.reason}: {attempt.message}" if attempt.reason else attempt.message
    return Text.assemble(
        ("Attempt ", "bold"),
        styled(attempt.id),
        "  ",
        styled(attempt.outcome, _STEP_STYLE.get(attempt.outcome, "")),
        "  ",
        styled(said),
    )


def _verification(verification: Verification, *, ended: bool) -> RenderableType:
    result = verification.result
    open_ = Text("never measured to its end", style="yellow") if ended else Text("still measuring", style="cyan")
    mark = open_ if result is None else Text(*_CHECK[result])
    parts: list[RenderableType] = [Text.assemble(mark, "  ", styled(verification.message))]
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in verification.checks:
        table.add_row(styled(check.name), Text(*_CHECK[check.result]), styled(check.message))
    if verification.checks:
        parts.append(table)
    if verification.undo_checked is not None:
        parts.append(Text.assemble("After the undo: ", Text(*_CHECK[verification.undo_checked])))
    return Group(*parts)
