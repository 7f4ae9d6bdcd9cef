"""A report as Markdown, for a ticket or a chat.

Text of others is escaped so that no renderer of Markdown or HTML finds markup, a link or a mention in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_commander.api.statement import Hypothesis
from incident_commander.cli.diagnose.drawing import drawn, title, told
from incident_commander.cli.diagnose.report import Report, Root
from incident_commander.cli.diagnose.terminal import WIDE, latest, where
from incident_commander.cli.diagnose.words import VERDICTS, consequences, counts
from incident_commander.cli.render.text import moment, safe

_PLOT = 76
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~^$:@-])")
_MENTION = re.compile(r"((?<![\w])\\@)(?=\w)")
_BARE_LINK = re.compile(r"\b(www)\.", re.IGNORECASE)
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(value: object, limit: int = 600) -> str:
    """One line that is read as the text it is."""
    text = "".join(_HTML.get(char, char) for char in _SPECIAL.sub(r"\\\1", safe(value, limit)))
    # Mentions and bare links are found after escapes are resolved, or without any markup.
    text = _BARE_LINK.sub(r"\1\\.", _MENTION.sub(r"\1&#8203;", text))
    return re.sub(r"^(\s*\d+)(\.\s)", r"\1\\\2", text)


def code(value: object, limit: int = 600) -> str:
    """One line of code. A fence longer than any run of backticks inside ends nowhere else."""
    text = safe(value, limit)
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text or not text.strip() else ""
    return f"{fence}{space}{text}{space}{fence}"


def report_markdown(report: Report) -> str:
    """The same order as on a terminal."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {VERDICTS[report.verdict]}: {escaped(report.headline)}"
    yield ""
    if report.roots:
        first = report.roots[0].cause
        yield f"{escaped(first.summary, 1100)} (confidence {first.confidence} %)"
        yield ""
        yield from _explains(report.roots[0])
    yield f"{escaped(report.subject)}, as of {moment(report.captured_at)}"
    for place, root in enumerate(report.roots):
        yield from ("", "### Evidence" if place == 0 else f"### Also: {_name(root.cause)}", "")
        if place:
            yield from (escaped(root.cause.summary, 1100), "", *_explains(root))
        yield from (f"- {escaped(where(c), 400)}: {code(c.value)}" for c in root.cause.evidence)
    if report.clues:
        yield from ("", "### Where to look", "")
        yield from (f"- {escaped(where(c), 400)}: {code(c.value)}" for c in report.clues)
    yield from _series(report)
    if report.changes:
        yield from ("", "### What changed, and what was seen", "")
        for change in latest(report.changes, WIDE.timeline):
            word = "seen" if change.symptom else "changed"
            yield f"- {moment(change.at)} {word}: {escaped(change.ref, 200)} {code(change.text, 400)}"
    if report.suspicions:
        yield from ("", "### Less likely" if report.roots else "### Suspicions", "")
        yield from (f"- {_name(h)}: {escaped(h.summary, 1100)}" for h in report.suspicions)
    answered = [e for e in report.ruled_out if e.answered]
    if answered:
        yield from (
            "",
            "### Ruled out",
            "",
            f"No sign was found of what follows; looked at: {escaped(counts(report.looked_at))}.",
            "",
        )
        yield from (f"- {escaped(e.question)} ({escaped(counts(e.looked_at))})" for e in answered)
    unanswered = [e for e in report.ruled_out if not e.answered]
    if unanswered:
        yield from ("", "### Could not be examined", "")
        yield from (f"- {escaped(e.question)} (not read: {escaped(', '.join(e.missing))})" for e in unanswered)
    if report.not_seen:
        yield from ("", "### Not seen", "")
        yield from (f"- {escaped(gap)}" for gap in report.not_seen)


def _explains(root: Root) -> Iterator[str]:
    if root.effects:
        yield from (f"Explains: {escaped(consequences(root.effects), 1100)}.", "")


def _series(report: Report) -> Iterator[str]:
    if report.series:
        yield from ("", "### Series (^ marks the change)", "")
        for one in report.series:
            yield from (escaped(title(one), 400), "", "```text", *(safe(line) for line in drawn(one, _PLOT)), "```", "")
    if len(report.order.groups) > 1:
        yield from ("", "### Which moved first", "")
        yield from (f"- {escaped(line)}" for line in told(report.order, report.captured_at))


def _name(hypothesis: Hypothesis) -> str:
    at = f" in {hypothesis.object}" if hypothesis.object is not None else ""
    return f"{escaped(f'{hypothesis.cause}{at}')} ({hypothesis.confidence} %)"
