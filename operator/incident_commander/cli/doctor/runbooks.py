"""Can the runbooks of the cluster ever be planned?"""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.facts import KNOWN
from incident_commander.api import kinds
from incident_commander.cli.doctor.facts import Facts, Unread
from incident_commander.cli.doctor.finding import Finding, fail, ok, unknown
from incident_commander.planning.fact_names import unknown_facts
from incident_commander.planning.runbooks import runbooks_of


def runbooks(facts: Facts) -> Iterator[Finding]:
    """Without them every plan is to call people."""
    if not facts.installed:
        return
    found = facts.of(kinds.RUNBOOK)
    if isinstance(found, Unread):
        yield unknown("Runbooks", found.why, "ask for `list` on runbooks.incidentcommander.io")
        return
    if not found:
        yield ok("Runbooks", "none in the cluster: the built-in ones are used")
        return
    read, problems = runbooks_of(found)
    problems += [problem for runbook in read for problem in unknown_facts(runbook, KNOWN)]
    for problem in problems:
        yield fail("Runbooks", problem, "correct it: what cannot be read, or is never known, is never planned")
    if not problems:
        yield ok("Runbooks", f"{len(found)} in the cluster, all can be read")
