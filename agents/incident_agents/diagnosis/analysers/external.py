"""A dependency outside of the cluster is late, limits its callers, or fails: named by the host in its callers' logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_agents.diagnosis import outside
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.outside import Failing
from incident_agents.diagnosis.telling import fatal
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.structured import message_of

_OFTEN, _LATE = 3, 0.5
_RARE, _MUCH = 0.005, 0.05
"""Of what a workload says: below the one it is everyday life, from the other on it is most of what happens."""
_HOSTS, _MOST = 3, 0.6
"""Who calls more hosts than that in vain has a trouble of his own, or calls whatever his users name."""
_AGAIN = re.compile(r"\bretry(?:ing)?\b.{0,40}(?:\d|\bafter\b|\bin\b)|\b(?:try|trying) again in\b", re.IGNORECASE)
"""The client will do so by itself: a call that was late is not one that failed."""
_READ = 3
"""Lines of one kind whose hosts are read: they may differ in an address."""


@dataclass
class _Calls:
    """Calls of one workload to one host that failed."""

    workload: Workload
    host: str
    count: int = 0
    recency: float = 0.0
    share: float = 0.0
    last_words: bool = False
    said: list[tuple[Log, str]] = field(default_factory=list)
    kinds: dict[Failing, int] = field(default_factory=dict)
    given_up: bool = False
    """Whether one of them was not tried again."""

    @property
    def failing(self) -> Failing:
        """How they fail most often."""
        return max(self.kinds, key=lambda kind: self.kinds[kind])


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each host that calls fail to until now."""
    by_host: dict[str, list[_Calls]] = {}
    for workload in case.workloads:
        for calls in _of(case, workload):
            by_host.setdefault(calls.host, []).append(calls)
    for host, callers in by_host.items():
        sure = [(confidence, calls) for calls in callers if (confidence := _confidence(case, calls))]
        if sure:
            yield _finding(case, host, sure)


def _of(case: Case, workload: Workload) -> list[_Calls]:
    found: dict[str, _Calls] = {}
    total = max(1, sum(len(log.lines) for pod in workload.living for log in case.logs(pod)))
    for pod in workload.living:
        for log in case.logs(pod):
            listened = case.listen(log)
            for remark in listened.holding(outside.PIECES):
                kind = outside.failing(remark.line, remark.low)
                if kind is None:
                    continue
                lines = [log.lines[place] for place in remark.places[-_READ:]]
                hosts = {host for line in lines for host in outside.called(line)}
                for host in sorted(host for host in hosts if outside.is_outside(case, host)):
                    calls = found.setdefault(host, _Calls(workload, host))
                    calls.count += remark.count
                    calls.share += remark.count / total
                    calls.given_up = calls.given_up or _AGAIN.search(remark.line) is None
                    calls.recency = max(calls.recency, listened.recency(remark.last))
                    calls.last_words = calls.last_words or fatal(remark.line)
                    calls.kinds[kind] = calls.kinds.get(kind, 0) + remark.count
                    calls.said.append((log, remark.line))
    return _of_few(list(found.values()))


def _of_few(calls: list[_Calls]) -> list[_Calls]:
    """Those that stand out, where there are many."""
    total = sum(c.count for c in calls)
    return calls if len(calls) <= _HOSTS else [c for c in calls if c.count >= _MOST * total]


def _confidence(case: Case, calls: _Calls) -> int:
    """0: no finding."""
    sick = any(case.unwell(p) for p in calls.workload.living)
    often = calls.count >= _OFTEN
    if not often and not sick:
        return 0
    if calls.recency < _LATE:
        return 40 if sick else 0
    if not often and not calls.last_words:
        return 40
    sure = 54 + (6 if often and calls.share >= _MUCH else 0)
    if (calls.share < _RARE or (calls.share < _MUCH and not calls.given_up)) and not sick:
        sure -= 12
    # Who reaches nobody, inside or outside, has a trouble of his own network.
    place = fields.namespace(calls.workload.object)
    lately = (c.address for c in case.complaints[calls.workload.ref] if c.at >= _LATE)
    return sure - (12 if any(case.service_at(address, place) is not None for address in lately) else 0)


def _finding(case: Case, host: str, callers: list[tuple[int, _Calls]]) -> Finding:
    confidence, loudest = max(callers, key=lambda pair: (pair[0], pair[1].count))
    workload = loudest.workload
    said, names = _SAY[loudest.failing], ", ".join(calls.workload.ref for _, calls in callers)
    return Finding(
        cause=Cause.DEPENDENCY_SLOW if loudest.failing.slow else Cause.DEPENDENCY_DOWN,
        object=None,
        confidence=confidence + (6 if len(callers) > 1 else 0),
        summary=clean_line(f"{host}, outside of the cluster, {said} {names}: {message_of(loudest.said[-1][1])}")[:1000],
        evidence=tuple(citing.of_log(log, line) for _, calls in callers[:3] for log, line in calls.said[-2:]),
        facts={
            "dependency": clean_line(host)[:256],
            "dependent": f"{workload.kind}/{fields.name(workload.object)}"[:256],
            "reason": loudest.failing.value,
        },
        about=frozenset(calls.workload.ref for _, calls in callers),
    )


_SAY = {
    Failing.LATE: "does not answer in time",
    Failing.LIMITED: "limits the requests of",
    Failing.BROKEN: "failed so often that a circuit breaker is open at",
    Failing.UNRESOLVED: "has no address for",
    Failing.ERRORS: "answers with errors to",
    Failing.UNREACHED: "cannot be reached by",
}
