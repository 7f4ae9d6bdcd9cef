"""The report: the verdict, then what is to be mended, then what is well."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from incident_commander.cli.doctor import cluster_checks, install_checks, monitoring_checks
from incident_commander.cli.doctor.facts import Facts
from incident_commander.cli.doctor.finding import Finding, Verdict
from incident_commander.cli.render.text import styled

_STYLE = {
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "bold magenta",
    Verdict.WARN: "yellow",
    Verdict.SKIPPED: "dim",
    Verdict.OK: "green",
}


def examine(facts: Facts) -> list[Finding]:
    """All checks, in the order in which an alert meets what they look at."""
    checks = [*cluster_checks.CHECKS]
    if facts.installed:
        checks += install_checks.CHECKS
    return [finding for check in (*checks, *monitoring_checks.CHECKS) for finding in check(facts)]


def healthy(findings: Sequence[Finding]) -> bool:
    """Nothing failed, and nothing that was looked for could not be seen."""
    return not any(f.verdict in (Verdict.FAIL, Verdict.UNKNOWN) for f in findings)


def report(facts: Facts, findings: Sequence[Finding]) -> RenderableType:
    """For people, 80 columns wide."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    worst_first = list(Verdict)
    for finding in sorted(findings, key=lambda f: worst_first.index(f.verdict)):
        said = styled(finding.message)
        if finding.advice:
            said = Text("\n").join((said, Text.assemble(("→ ", "bold"), styled(finding.advice))))
        table.add_row(Text(finding.verdict, style=_STYLE[finding.verdict]), styled(finding.check), said)
    return Group(_verdict(facts, findings), Text(""), table)


def _verdict(facts: Facts, findings: Sequence[Finding]) -> Text:
    counts = {verdict: sum(f.verdict is verdict for f in findings) for verdict in Verdict}
    told = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    if not healthy(findings):
        return Text.assemble(("Not ready", "bold red"), styled(f": {told}"))
    if not facts.installed:
        return Text.assemble(("Ready to be installed", "bold green"), styled(f": {told}"))
    return Text.assemble(("Healthy", "bold green"), styled(f": {told}"))
