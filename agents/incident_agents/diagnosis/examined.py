"""What was looked for and not found: the other half of a diagnosis."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from incident_agents.diagnosis import analysers
from incident_agents.diagnosis.asking import ASKING, Asking
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.coverage import unheard
from incident_agents.diagnosis.engine import Workup
from incident_agents.diagnosis.movements import movements
from incident_commander.api import kinds
from incident_commander.evidence.evidence import Evidence

_ALWAYS = (kinds.POD, kinds.EVENT)
_OF_TARGETS = frozenset({"gone"})


@dataclass(frozen=True, slots=True)
class Examined:
    """A question that an analyser asks, and found no sign of.

    What it needs: kinds of objects (by ``Kind.resource``), ``logs``, and ``metrics`` of what it compares.
    ``looked_at`` has how many objects, series and lines of those were read, ``missing`` those that could not be, or
    only in part. ``topic``: the trouble, in words that need no knowledge of the project.
    """

    analyser: str
    topic: str
    question: str
    looked_at: Mapping[str, int]
    missing: tuple[str, ...]

    @property
    def answered(self) -> bool:
        """Whether finding nothing means anything."""
        return not self.missing


def without_finding(workup: Workup) -> list[Examined]:
    """The analysers that found nothing, each with the first sentence of its documentation.

    One that could have found something is left out where another one found the same trouble, or the same cause.
    """
    case, found = workup.case, workup.found
    causes = {finding.cause for of_one in found.values() for finding in of_one}
    topics = {ASKING[analyser].topic for analyser, of_one in found.items() if of_one}
    silent = [
        _examined(analyser, case)
        for analyser, of_one in found.items()
        if not of_one and (case.evidence.target is not None or analyser not in _OF_TARGETS)
    ]
    return [e for e in silent if not e.answered or (e.topic not in topics and not causes & ASKING[e.analyser].causes)]


def _examined(analyser: str, case: Case) -> Examined:
    asking, evidence = ASKING[analyser], case.evidence
    needed = (*_ALWAYS, *asking.kinds)
    looked_at = {kind.resource: len(evidence.of(kind)) for kind in needed if evidence.asked(kind)}
    missing = [kind.resource for kind in needed if not evidence.asked(kind)]
    missing += [f"all {kind.resource}" for kind in needed if evidence.asked(kind) and kind.resource in evidence.partial]
    if asking.measures or asking.queries:
        looked_at["metrics"] = _series(case, asking)
        missing += [] if looked_at["metrics"] else [_metrics(evidence, asking)]
    if asking.logs:
        looked_at["logs"] = case.once("searched", lambda: sum(case.listen(log).searched for log in evidence.logs))
        missing += ["logs"] if not evidence.logs else unheard(case)
    read = {what: amount for what, amount in looked_at.items() if amount or what not in ("metrics", "logs")}
    return Examined(analyser, asking.topic, _first_sentence(analyser), read, tuple(missing))


def _series(case: Case, asking: Asking) -> int:
    measured = [case.evidence.metrics[name].series for name in asking.queries if name in case.evidence.metrics]
    moved = [m for m in movements(case) if m.measure in asking.measures and not m.alerted]
    return sum(map(len, measured)) + len(moved)


def _metrics(evidence: Evidence, asking: Asking) -> str:
    """``metrics`` where there are none at all; else which kind is missing."""
    if not evidence.series and not any(m.series for m in evidence.metrics.values()):
        return "metrics"
    return f"metrics of {' or '.join(_WORDS.get(m.value, m.value.lower()) for m in asking.measures) or 'volumes'}"


_WORDS = {"CPU": "CPU", "Loss": "packet loss", "ReplicationLag": "replication lag"}


def _first_sentence(analyser: str) -> str:
    documentation = sys.modules[f"{analysers.__name__}.{analyser}"].__doc__ or analyser
    return documentation.strip().split("\n", 1)[0].rstrip(".")
