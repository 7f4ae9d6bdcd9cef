"""Can the runbooks of the cluster ever be planned?"""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis.facts import KNOWN
from incident_commander.api import kinds
from incident_commander.cli.doctor.facts import Facts, Unread
from incident_commander.cli.doctor.finding import Finding, fail, ok, unknown
from incident_commander.planning.fact_names import unknown_facts
from incident_commander.planning.promql import unmeasurable
from incident_commander.planning.runbooks import runbooks_of
from incident_commander.planning.step_parameters import wrong_parameters


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
    problems += [
        problem for runbook in read for problem in (*unknown_facts(runbook, KNOWN), *wrong_parameters(runbook))
    ]
    unproven = [problem for runbook in read for problem in unmeasurable(runbook)]
    for problem in problems:
        yield fail("Runbooks", problem, "correct it: what cannot be read, known or done is never planned")
    for problem in unproven:
        yield fail("Runbooks", problem, "correct the query: a check that cannot be asked is Inconclusive")
    if not problems and not unproven:
        yield ok("Runbooks", f"{len(found)} in the cluster, all can be read")
