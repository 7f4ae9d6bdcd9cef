"""The results: a table of 80 columns, Markdown, and JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from e2e.harness.result import STAGES, Result

_LEGEND = (
    "Seconds. stored: alert fired -> Incident taken up; planned: -> diagnosis and plan; voted: -> quorum;",
    "approved: a person's time; acted: -> workload patched; proven: -> end; total: fired -> end.",
    "writes: requests that were stored about the incident (its object, status, Events, the workload) + dry-runs.",
)


def table(results: Sequence[Result]) -> str:
    """For the terminal."""
    heads = "".join(f"{stage:>9}" if stage == "approved" else f"{stage:>8}" for stage in STAGES)
    lines = [f"{'scenario':27} {'verdict':8} {'total':>7} {'writes':>7}  ended as"]
    detail = [f"{'seconds of each stage':24}{heads}"]
    for result in results:
        mark = f"({result.scenario.letter}) {result.scenario.name}"
        lines.append(f"{mark:27} {result.verdict:8} {_seconds(result.total()):>7} {_writes(result):>7}  {result.end}")
        parts = "".join(
            f"{_seconds(seconds):>9}" if stage == "approved" else f"{_seconds(seconds):>8}"
            for stage, seconds in result.stages().items()
        )
        detail.append(f"{result.scenario.name:24.24}{parts}")
    return "\n".join(line[:80].rstrip() for line in [*lines, "", *detail])


def write(results: Sequence[Result], folder: Path, where: str, seconds: float) -> None:
    """``report.md`` and ``junit.xml``."""
    (folder / "report.md").write_text(_markdown(results, where, seconds))
    suite = ElementTree.Element(
        "testsuite",
        name="e2e",
        tests=str(len(results)),
        failures=str(sum(bool(r.failure) for r in results)),
        time=f"{seconds:.1f}",
    )
    for result in results:
        _case(suite, result)
    ElementTree.indent(suite)
    ElementTree.ElementTree(suite).write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)


def _case(suite: ElementTree.Element, result: Result) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname="e2e", name=result.scenario.name, time=f"{result.seconds:.1f}"
    )
    properties = ElementTree.SubElement(case, "properties")
    values = {"firingToEnd": result.total(), **result.stages()}
    for name, value in values.items():
        if value is not None:
            ElementTree.SubElement(properties, "property", name=f"{name}Seconds", value=f"{value:.1f}")
    if result.cost is not None:
        ElementTree.SubElement(properties, "property", name="apiWrites", value=str(len(result.cost.stored)))
    if result.failure:
        failure = ElementTree.SubElement(case, "failure", message=result.failure.splitlines()[0][:300])
        failure.text = result.failure


def _markdown(results: Sequence[Result], where: str, seconds: float) -> str:
    failed = sum(bool(result.failure) for result in results)
    heads = " | ".join(STAGES)
    lines = [
        "# End to end",
        "",
        f"{len(results) - failed} of {len(results)} scenarios passed on {where} in {seconds:.0f} s.",
        "",
        f"| | scenario | verdict | ended as | {heads} | total | writes | dry-runs |",
        f"|---|---|---|---|{'--:|' * (len(STAGES) + 3)}",
    ]
    for result in results:
        stages = " | ".join(_seconds(value) for value in result.stages().values())
        dry = str(len(result.cost.dry_runs)) if result.cost is not None else "-"
        stored = str(len(result.cost.stored)) if result.cost is not None else "-"
        lines.append(
            f"| {result.scenario.letter} | {result.scenario.title} | {result.verdict} | {result.end} | {stages} "
            f"| {_seconds(result.total())} | {stored} | {dry} |"
        )
    lines += ["", *_LEGEND, ""]
    for result in results:
        lines += [f"## {result.scenario.name}", "", f"{result.scenario.title}.", ""]
        lines += [f"- {claim}" for claim in result.checks]
        if result.failure:
            lines += ["", "```", result.failure, "```"]
        if result.cost is not None:
            lines += ["", "| writes | who and what |", "|--:|---|"]
            lines += [f"| {count} | {what} |" for what, count in result.cost.counted()]
            if result.cost.refused:
                refused = ", ".join(sorted({f"{w.what} ({w.status})" for w in result.cost.refused}))
                lines += ["", f"Refused and so not stored: {len(result.cost.refused)} ({refused})"]
        lines.append("")
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _writes(result: Result) -> str:
    return "-" if result.cost is None else f"{len(result.cost.stored)}+{len(result.cost.dry_runs)}"
