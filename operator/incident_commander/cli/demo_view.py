"""A recorded incident as a story for the terminal: the verdict of each section first, then why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from incident_commander.api.agent import Agent
from incident_commander.api.incident import Attempt, Certificate, CheckResult, Consensus, Incident, Phase, StepOutcome
from incident_commander.api.kinds import AGENT
from incident_commander.api.plan import FieldValue, Plan
from incident_commander.api.statement import Citation, Decision
from incident_commander.cli.demo_section import Mood, Section
from incident_commander.cli.recording import Recording
from incident_commander.cli.render.plan import changes, plan_diff
from incident_commander.cli.render.text import clock, safe, styled
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.errors import InvalidCertificate
from incident_commander.rehearsal.cluster import AuditEntry

_SHOWN_FACTS = 7
_SHOWN_HYPOTHESES = 3
_SHOWN_VOTE = 120
_RESULT_STYLE = {CheckResult.PASS: "green", CheckResult.FAIL: "red", CheckResult.INCONCLUSIVE: "yellow"}


def sections(recording: Recording) -> Iterator[Section]:
    """The story in the order in which it happened."""
    if not recording.states:
        yield Section("Alert", "nothing fired, and nothing was done", mood=Mood.PLAIN)
        return
    yield _alert(recording)
    yield _evidence(recording.last)
    yield _diagnosis(recording.last)
    acted = recording.first(Phase.EXECUTING)
    if acted is not None:
        incident = acted[1]
        plan, certificate = incident.status.plan, incident.status.consensus.certificate
        if plan is not None:
            yield Section("Plan", _plan_verdict(plan), plan_diff(plan))
        approvals = sum(vote.decision is Decision.APPROVE for vote in incident.status.consensus.votes)
        members = len(incident.status.consensus.members)
        verdict = f"{approvals} of {members} agents approve, each for a reason of its own"
        yield Section("Votes", verdict, _votes(incident.status.consensus), Mood.GOOD)
        if plan is not None and certificate is not None:
            yield _certificate(recording, incident, plan, certificate)
    if recording.applied is not None:
        yield _patch(recording, recording.applied)
        yield _verification(recording)
        yield from _undo(recording)
    yield _times(recording)
    yield _ending(recording)


def _alert(recording: Recording) -> Section:
    at, payload = recording.alerts[0]
    alert = payload["alerts"][0]
    labels = alert["labels"]
    fault = recording.stage.fault_at
    since = f", {seconds(at - fault)} after the fault" if fault is not None else ""
    where = {key: labels[key] for key in ("namespace", "deployment", "pod", "container") if key in labels}
    body = Group(
        styled(alert["annotations"].get("summary", "")),
        styled("  ".join(f"{key}={value}" for key, value in where.items()), "dim"),
        styled(f"stored as Incident {recording.last.key} before the webhook was answered", "dim"),
    )
    return Section("Alert", f"{labels['alertname']} ({labels['severity']}) at {clock(at)}{since}", body)


def _evidence(incident: Incident) -> Section:
    facts: list[Citation] = []
    if incident.status.assessment is not None:
        facts += incident.status.assessment.evidence
    for hypothesis in incident.status.hypotheses[:1]:
        facts += hypothesis.evidence
    unique = list(dict.fromkeys(facts))
    kinds = sorted({fact.kind.value.lower() for fact in unique})
    lines = [_fact(fact) for fact in unique[:_SHOWN_FACTS]]
    if len(unique) > _SHOWN_FACTS:
        lines.append(Text(f"… {len(unique) - _SHOWN_FACTS} more in the Incident", style="dim"))
    gaps = incident.status.gaps
    missing = f"; {len(gaps)} gaps" if gaps else "; nothing was unreadable"
    return Section("Evidence", f"{len(unique)} facts cited ({', '.join(kinds)}){missing}", Group(*lines))


def _fact(fact: Citation) -> Text:
    value = safe(fact.value, 110)
    place = f"{fact.ref} {fact.path}".strip()
    return Text.assemble(styled(f"{fact.kind.value:<7}", "dim"), styled(place, "dim"), "\n        ", styled(value))


def _diagnosis(incident: Incident) -> Section:
    hypotheses = incident.status.hypotheses
    if not hypotheses:
        return Section("Diagnosis", "the cause is not known", mood=Mood.BAD)
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for hypothesis in hypotheses[:_SHOWN_HYPOTHESES]:
        table.add_row(f"{hypothesis.confidence}%", styled(hypothesis.cause), styled(hypothesis.summary))
    best = hypotheses[0]
    parts: list[RenderableType] = [table]
    forecast = incident.status.forecast
    if forecast is not None and not forecast.abstained:
        parts.append(Text.assemble(("Forecast ", "dim"), styled(forecast.message)))
    return Section("Diagnosis", f"{best.cause}, confidence {best.confidence} of 100", Group(*parts))


def _plan_verdict(plan: Plan) -> str:
    steps = ", then ".join(f"{step.action} {step.target}" for step in plan.steps)
    return f"{steps} (risk {plan.risk})"


def _votes(consensus: Consensus) -> RenderableType:
    """One agent a row; a long reason is cut, the Incident has all of it."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
    for vote in consensus.votes:
        mark = {Decision.APPROVE: ("✓", "green"), Decision.REJECT: ("✗", "red")}.get(vote.decision, ("-", "yellow"))
        said = vote.message if len(vote.message) <= _SHOWN_VOTE else vote.message[:_SHOWN_VOTE].rstrip() + " …"
        table.add_row(styled(vote.agent), Text(*mark), Text.assemble(styled(vote.reason, "bold"), ": ", styled(said)))
    needed = f"{consensus.quorum} of {len(consensus.members)} are needed, so that {consensus.faults} may be Byzantine"
    return Group(table, Text(needed, style="dim"))


def _certificate(recording: Recording, incident: Incident, plan: Plan, certificate: Certificate) -> Section:
    agents = [Agent.model_validate(obj) for obj in recording.system.world.api.store.scan(AGENT)]

    def refusal(candidate: Certificate) -> str:
        try:
            verify_certificate(
                candidate,
                plan=plan,
                incident_uid=incident.metadata.uid,
                agents=agents,
                consensus_policy=None,
                now=candidate.issued_at,
            )
        except InvalidCertificate as error:
            return f"{error.reason}: {error}"
        return ""

    problem = refusal(certificate)
    forged = refusal(certificate.model_copy(update={"envelopes": [_flipped(e) for e in certificate.envelopes]}))
    verdict = f"valid: {len(certificate.envelopes)} Ed25519 signatures over this plan's digest"
    body = Group(
        styled(certificate.plan_digest, "dim"),
        Text.assemble(
            "Checked again from the Incident and the public keys alone. With one byte of each signature changed it "
            "is refused: ",
            styled(forged[:170] or "NOT REFUSED", "dim"),
        ),
    )
    good = not problem and bool(forged)
    return Section("Certificate", verdict if good else f"INVALID {problem}", body, Mood.GOOD if good else Mood.BAD)


def _flipped(envelope: str) -> str:
    place = envelope.rindex('"sig"') + 12
    other = "A" if envelope[place] != "A" else "B"
    return envelope[:place] + other + envelope[place + 1 :]


def _patch(recording: Recording, attempt: Attempt) -> Section:
    writes = [e for e in recording.system.world.audit.writes(resource=recording.stage.kind.resource) if _by_us(e)]
    by = ", ".join(sorted({entry.call.user.rsplit(":", 1)[-1] for entry in writes}))
    first = attempt.steps[0]
    body = Group(
        styled(first.message or attempt.message),
        styled(
            "JSON Patch that tests uid, resourceVersion and every old value; dry-run, then intent, then write",
            "dim",
        ),
        styled(f"writes to the workload in all: {len(writes)}, by: {by}", "dim"),
    )
    return Section("Patch", f"accepted at {_clock(attempt.finished_at)}, generation {first.result_generation}", body)


def _verification(recording: Recording) -> Section:
    measured = next((i for _, i in reversed(recording.states) if _result(i) is not None), recording.last)
    verification = measured.status.verification
    if verification is None or verification.result is None:
        return Section("Verification", "not measured", mood=Mood.BAD)
    lines = [
        Text.assemble(
            styled(f"{check.result:<13}", _RESULT_STYLE[check.result]),
            styled(f"{check.name}: "),
            styled(check.message, "", 170),
        )
        for check in verification.checks
    ]
    window = f" after {seconds(_until(verification.started_at, recording))}"
    mood = Mood.GOOD if verification.result is CheckResult.PASS else Mood.BAD
    return Section("Verification", f"{verification.result}{window}", Group(*lines), mood)


def _undo(recording: Recording) -> Iterator[Section]:
    attempt = recording.last.status.execution.attempts[0]
    if attempt.outcome not in (StepOutcome.UNDONE, StepOutcome.UNDO_FAILED):
        return
    step = attempt.steps[0]
    written = [FieldValue(path=operation.path, value=operation.value) for operation in step.operations]
    lines = []
    for change in changes(step.undo_operations, written):
        lines += [styled(change.path, "bold"), styled(f"- {change.before}", "red", 150)]
        lines.append(styled(f"+ {change.after}", "green", 150))
    body = Group(*lines, styled(f"checked: the target {step.message}", "dim"))
    good = attempt.outcome is StepOutcome.UNDONE
    verdict = f"{attempt.outcome} from the recorded pre-image at {_clock(attempt.finished_at)}"
    yield Section("Undo", verdict, body, Mood.GOOD if good else Mood.BAD)


def _result(incident: Incident) -> CheckResult | None:
    return incident.status.verification.result if incident.status.verification is not None else None


def _until(started: datetime | None, recording: Recording) -> timedelta:
    judged = next((at for at, incident in recording.states if _result(incident) is not None), None)
    return judged - started if judged is not None and started is not None else timedelta()


def _times(recording: Recording) -> Section:
    first_alert = recording.alerts[0][0]
    patched = recording.applied.finished_at if recording.applied is not None else None
    points: list[tuple[str, datetime | None]] = [
        ("fault", recording.stage.fault_at),
        ("alert at the webhook", first_alert),
        ("Incident stored", recording.states[0][0]),
        ("cause found, plan chosen", _at(recording, Phase.VOTING)),
        ("votes counted, certified", _at(recording, Phase.EXECUTING)),
        ("patch accepted", patched),
        ("all replicas available", recording.well_at),
        ("found not to help", _at(recording, Phase.ROLLING_BACK)),
        ("end", _at(recording, Phase.RESOLVED, Phase.ESCALATED, Phase.CLOSED)),
    ]
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, justify="right")
    before: datetime | None = None
    for label, at in points:
        if at is not None:
            table.add_row(label, _clock(at), f"+{seconds(at - before)}" if before is not None else "")
            before = at
    verdict = f"{seconds(patched - first_alert)} from the alert to the accepted patch" if patched else "nothing written"
    return Section("Time", f"{verdict}, in the cluster's time", table)


def _ending(recording: Recording) -> Section:
    status = recording.last.status
    audit = recording.system.world.audit
    writes = [entry for entry in audit.writes() if _by_us(entry)]
    healthy = recording.stage.healthy()
    lines: list[RenderableType] = [
        styled(status.message),
        styled(f"The truth: {recording.stage.story}.", "italic"),
        styled(f"The workload is {'healthy' if healthy else 'still ill'}; {len(writes)} API writes in all.", "dim"),
    ]
    if status.phase is Phase.RESOLVED:
        mood = Mood.GOOD if healthy else Mood.BAD
        return Section("Verdict", f"{status.phase}: {status.outcome}", Group(*lines), mood)
    left = "nothing left changed" if recording.unchanged else "SOMETHING IS LEFT CHANGED"
    verdict = f"{status.phase}: people are asked; {left}"
    return Section("Verdict", verdict, Group(*lines), Mood.PLAIN if recording.unchanged else Mood.BAD)


def _at(recording: Recording, *phases: Phase) -> datetime | None:
    found = recording.first(*phases)
    return found[0] if found is not None else None


def _by_us(entry: AuditEntry) -> bool:
    return entry.call.user.startswith("system:serviceaccount:")


def _clock(at: datetime | None) -> str:
    return at.strftime("%H:%M:%S.%f")[:-3] if at is not None else "never"


def seconds(span: timedelta) -> str:
    """``0.34 s``, ``12.5 s``, ``4 min 12 s``."""
    total = span.total_seconds()
    if total < 10:
        return f"{total:.2f} s"
    if total < 60:
        return f"{total:.1f} s"
    return f"{int(total) // 60} min {int(total) % 60:02d} s"
