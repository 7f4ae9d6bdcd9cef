"""A report on a terminal, within its width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from incident_commander.api.statement import Citation, CitationKind, Hypothesis
from incident_commander.cli.diagnose.drawing import drawn, title, told
from incident_commander.cli.diagnose.report import Report, Verdict
from incident_commander.cli.render.text import clock, moment, safe, styled
from incident_commander.evidence.changes import Change

_STYLE = {Verdict.CAUSE_FOUND: "bold red", Verdict.HEALTHY: "bold green", Verdict.UNKNOWN: "bold yellow"}
_WORDS = {Verdict.CAUSE_FOUND: "Cause", Verdict.HEALTHY: "Healthy", Verdict.UNKNOWN: "Unknown"}
_SHOWN = 4
"""Confident hypotheses that are shown with their evidence."""
_CITED, _VALUE = 10, 320
_PLOT = 76
"""Columns of a plot: a terminal of 80 with its margin."""
_TIMELINE, _CHANGES, _SYMPTOMS = 16, 10, 6
"""Lines of the timeline, and how many of them are for changes and for symptoms."""


def report_view(report: Report) -> RenderableType:
    """The page."""
    parts: list[RenderableType] = [*_verdict(report)]
    if report.clues:
        parts += _section("Where to look", [_cited(c) for c in report.clues])
    if report.series:
        parts += _section("Series (^ marks the change)", list(_series(report)))
    if len(report.order.groups) > 1:
        parts += _section("Which moved first", [_bullet(line) for line in told(report.order)])
    for hypothesis in report.hypotheses[1:_SHOWN]:
        parts += [Text(), _named("Also", hypothesis), _indented(_evidence(hypothesis))]
    if report.changes:
        parts += _section("What changed (=) and what was seen (!)", [*_changes(report)])
    if report.suspicions and report.hypotheses:
        parts += _section("Less likely", [_line(h) for h in report.suspicions])
    elif report.suspicions:
        parts += _section("Suspicions", [_line(h) for h in report.suspicions])
    answered = [e for e in report.ruled_out if e.answered]
    if answered:
        parts += _section(f"Ruled out, no sign of it in {report.looked_at}", [_bullet(e.question) for e in answered])
    unanswered = [_bullet(e.question) for e in report.ruled_out if not e.answered]
    if unanswered and not answered and not report.hypotheses:
        unanswered = [_bullet(f"none of the {len(unanswered)} things that are looked for (-o json names them)")]
    if unanswered:
        parts += _section("Could not be examined", unanswered)
    if report.not_seen:
        parts += _section("Not seen", [_bullet(gap) for gap in report.not_seen])
    return Group(*parts)


def _verdict(report: Report) -> Iterable[RenderableType]:
    yield Text.assemble((f"{_WORDS[report.verdict]}: ", _STYLE[report.verdict]), styled(report.headline, "bold"))
    if report.hypotheses:
        top = report.hypotheses[0]
        yield styled(f"{top.summary} (confidence {top.confidence} %)")
    yield styled(f"{report.subject}, as of {moment(report.captured_at)}", "dim")
    if report.hypotheses:
        yield Text()
        yield Text("Evidence", style="bold underline")
        yield _indented(_evidence(report.hypotheses[0]))


def _series(report: Report) -> Iterable[RenderableType]:
    for one in report.series:
        yield styled(title(one), "", 300)
        yield from (Text(safe(line, _PLOT), no_wrap=True) for line in drawn(one, _PLOT))


def _section(heading: str, lines: list[RenderableType]) -> list[RenderableType]:
    return [Text(), styled(heading, "bold underline"), _indented(lines)]


def _indented(lines: Iterable[RenderableType]) -> RenderableType:
    return Padding(Group(*lines), (0, 0, 0, 2), expand=False)


def _named(word: str, hypothesis: Hypothesis) -> Text:
    at = f" in {hypothesis.object}" if hypothesis.object is not None else ""
    return Text.assemble(
        (f"{word}: ", "bold yellow"),
        styled(f"{hypothesis.cause}{at}", "bold"),
        styled(f" ({hypothesis.confidence} %): {hypothesis.summary}"),
    )


def _line(hypothesis: Hypothesis) -> RenderableType:
    at = f" in {hypothesis.object}" if hypothesis.object is not None else ""
    return _row(f"{hypothesis.confidence:3d} %", styled(f"{hypothesis.cause}{at}: {hypothesis.summary}", "", 400))


def _changes(report: Report) -> Iterable[RenderableType]:
    shown = latest(report.changes)
    if len(report.changes) > len(shown):
        yield Text(f"{len(report.changes) - len(shown)} more (-o json)", style="dim")
    for change in shown:
        mark = ("!", "red") if change.symptom else ("=", "bold cyan")
        text = Text.assemble(mark, " ", styled(change.ref, "dim", 120), " ", styled(change.text, "", 240))
        yield _row(clock(change.at), text)


def latest(changes: Sequence[Change]) -> list[Change]:
    """The last ones that fit: changes before symptoms, in the order of time."""
    wanted = [c for c in changes if not c.symptom][-_CHANGES:]
    wanted += [c for c in changes if c.symptom][-max(_SYMPTOMS, _TIMELINE - len(wanted)) :]
    return sorted(wanted, key=lambda change: change.at)[-_TIMELINE:]


def _bullet(text: str) -> RenderableType:
    return _row("-", styled(text, "", 600))


def _evidence(hypothesis: Hypothesis) -> Iterable[RenderableType]:
    yield from (_cited(citation) for citation in hypothesis.evidence[:_CITED])
    if len(hypothesis.evidence) > _CITED:
        yield Text(f"and {len(hypothesis.evidence) - _CITED} more (-o json)", style="dim")


def _cited(citation: Citation) -> RenderableType:
    return _row("-", Text.assemble(styled(where(citation), "dim", 300), ": ", styled(citation.value, "", _VALUE)))


def where(citation: Citation) -> str:
    """Where a cited fact was read, in words."""
    match citation.kind:
        case CitationKind.LOG:
            return f"log of {citation.ref}{f', {citation.path}' if citation.path else ''}"
        case CitationKind.EVENT:
            return f"event {citation.path} about {citation.ref}"
        case CitationKind.METRIC:
            return f"metric {citation.path or citation.ref}"
        case CitationKind.ALERT:
            return f"alert {citation.ref}"
        case CitationKind.NOTE:
            return f"note {citation.ref}"
        case _:
            return f"{citation.ref} {citation.path}".strip()


def _row(mark: str, text: Text) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(mark, text)
    return table
