"""A report on a terminal, within its width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from incident_agents.diagnosis.examined import Examined
from incident_agents.diagnosis.verdict import Verdict
from incident_commander.api.statement import Citation, CitationKind, Hypothesis
from incident_commander.cli.diagnose.drawing import drawn, title, told
from incident_commander.cli.diagnose.report import Report, Root
from incident_commander.cli.diagnose.words import VERDICTS, consequences, counts
from incident_commander.cli.render.text import moment, safe, styled, when
from incident_commander.evidence.changes import Change
from incident_commander.evidence.gaps import shortened

_STYLE = {
    Verdict.CAUSE_FOUND: "bold red",
    Verdict.HEALTHY: "bold green",
    Verdict.UNKNOWN: "bold yellow",
    Verdict.INCONCLUSIVE: "bold yellow",
}
_SHOWN = 4
"""Causes that are shown with their evidence."""
_FEW = 6
"""Questions that are named one by one though all of them miss the same."""
_VALUE = 1200
"""Characters of a cited value: more than any has."""
_LONGEST = 20_000
"""Characters of a line that is not cut: more than a gap with all its names has."""
_PLOT = 76
"""Columns of a plot: a terminal of 80 with its margin."""


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is shown; ``wide``: also what each question was and what was looked at for it."""

    cited: int
    timeline: int
    wide: bool = False


PAGE = Amount(cited=6, timeline=8)
"""What the usual case needs of one screen."""
WIDE = Amount(cited=12, timeline=40, wide=True)


def report_view(report: Report, amount: Amount = PAGE) -> RenderableType:
    """The page."""
    parts: list[RenderableType] = [*_verdict(report, amount)]
    if report.clues:
        parts += _section("Where to look", [_cited(c) for c in report.clues])
    for root in report.roots[1:_SHOWN]:
        parts += [Text(), _named("Also", root.cause), *_explains(root), _indented(_evidence(root.cause, amount))]
    if report.suspicions:
        heading = "Less likely" if report.roots else "Suspicions"
        parts += _section(heading, [_line(h) for h in report.suspicions])
    if report.series:
        parts += _section("Series (^ marks the change)", list(_series(report)))
    if len(report.order.groups) > 1:
        parts += _section("Which moved first", [_bullet(line) for line in told(report.order, report.captured_at)])
    if report.changes:
        parts += _section("What changed (=) and what was seen (!)", [*_changes(report, amount)])
    answered = [e for e in report.ruled_out if e.answered]
    unanswered = [e for e in report.ruled_out if not e.answered]
    if answered:
        parts += _section(
            "Ruled out",
            [*(_ruled_out(answered, unanswered, amount)), Text(f"Looked at: {counts(report.looked_at)}.", "dim")],
        )
    if unanswered:
        parts += _section("Could not be examined", [*_unanswered(unanswered, amount)])
    if report.not_seen:
        parts += _section("Not seen", [_bullet(gap if amount.wide else shortened(gap)) for gap in report.not_seen])
    return Group(*parts)


def _ruled_out(
    answered: Sequence[Examined], unanswered: Sequence[Examined], amount: Amount
) -> Iterable[RenderableType]:
    """What could be looked at only in part stands with what could not."""
    if amount.wide:
        yield from (_bullet(f"{e.question} ({counts(e.looked_at)})") for e in answered)
    else:
        topics = sorted({e.topic for e in answered} - {e.topic for e in unanswered}, key=str.lower)
        yield styled(f"{', '.join(topics) or 'nothing as a whole'} (-o wide says what was looked for, and in what).")


def _unanswered(unanswered: Sequence[Examined], amount: Amount) -> Iterable[RenderableType]:
    if amount.wide:
        yield from (_bullet(f"{e.question} (not read: {', '.join(e.missing)})") for e in unanswered)
        return
    common = [what for what in unanswered[0].missing if all(what in e.missing for e in unanswered)]
    if common and len(unanswered) > _FEW:
        yield _bullet(f"none of the {len(unanswered)} things that are looked for: without {', '.join(common)}")
        return
    of_topic: dict[str, list[str]] = {}
    for examined in unanswered:
        of_topic.setdefault(examined.topic, []).extend(what.split(".", 1)[0] for what in examined.missing)
    without: dict[tuple[str, ...], list[str]] = {}
    for topic, missing in of_topic.items():
        without.setdefault(tuple(dict.fromkeys(missing)), []).append(topic)
    yield from (
        _bullet(f"{', '.join(sorted(topics, key=str.lower))}: without {', '.join(missing)}")
        for missing, topics in without.items()
    )


def _verdict(report: Report, amount: Amount) -> Iterable[RenderableType]:
    yield Text.assemble((f"{VERDICTS[report.verdict]}: ", _STYLE[report.verdict]), styled(report.headline, "bold"))
    if report.roots:
        top = report.roots[0].cause
        yield styled(f"{top.summary} (confidence {top.confidence} %)")
        yield from _explains(report.roots[0])
    yield styled(f"{report.subject}, as of {moment(report.captured_at)}", "dim")
    if report.roots:
        yield Text()
        yield Text("Evidence", style="bold underline")
        yield _indented(_evidence(report.roots[0].cause, amount))


def _explains(root: Root) -> Iterable[RenderableType]:
    if root.effects:
        yield styled(f"Explains: {consequences(root.effects)}.", "", 600)


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
    return _row(f"{hypothesis.confidence:3d} %", styled(f"{hypothesis.cause}{at}: {hypothesis.summary}"))


def _changes(report: Report, amount: Amount) -> Iterable[RenderableType]:
    shown = latest(report.changes, amount.timeline)
    if len(report.changes) > len(shown):
        yield Text(f"{len(report.changes) - len(shown)} more (-o {'json' if amount.wide else 'wide'})", style="dim")
    for change in shown:
        mark = ("!", "red") if change.symptom else ("=", "bold cyan")
        text = Text.assemble(mark, " ", styled(change.ref, "dim"), " ", styled(change.text))
        yield _row(when(change.at, report.captured_at), text)


def latest(changes: Sequence[Change], most: int) -> list[Change]:
    """The last ones that fit: changes before symptoms, in the order of time."""
    wanted = [c for c in changes if not c.symptom][-(most * 5 // 8) :]
    wanted += [c for c in changes if c.symptom][-max(most * 3 // 8, most - len(wanted)) :]
    return sorted(wanted, key=lambda change: change.at)[-most:]


def _bullet(text: str) -> RenderableType:
    return _row("-", styled(text, "", _LONGEST))


def _evidence(hypothesis: Hypothesis, amount: Amount) -> Iterable[RenderableType]:
    yield from (_cited(citation) for citation in hypothesis.evidence[: amount.cited])
    if len(hypothesis.evidence) > amount.cited:
        yield Text(f"and {len(hypothesis.evidence) - amount.cited} more (-o wide)", style="dim")


def _cited(citation: Citation) -> RenderableType:
    return _row("-", Text.assemble(styled(where(citation), "dim"), ": ", styled(citation.value, "", _VALUE)))


def where(citation: Citation) -> str:
    """Where a cited fact was read, in words."""
    match citation.kind:
        case CitationKind.LOG:
            return f"log of {citation.ref}{f', {citation.path}' if citation.path else ''}"
        case CitationKind.EVENT:
            return f"event {citation.path} about {citation.ref}"
        case CitationKind.METRIC:
            # A recorded series is named with its labels: whose it is. A query may be as long as a page.
            labelled = bool(citation.path) and citation.ref.startswith(f"{citation.path}{{")
            return f"metric {citation.ref if labelled else citation.path or citation.ref}"
        case CitationKind.ALERT:
            return f"alert {citation.ref}"
        case CitationKind.NOTE:
            return f"note {citation.ref} {citation.path}".rstrip()
        case _:
            return f"{citation.ref} {citation.path}".strip()


def _row(mark: str, text: Text) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(mark, text)
    return table
