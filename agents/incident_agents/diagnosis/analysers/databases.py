"""A database, a cache or a broker refuses its callers, in words that are the same in every client library.

The caller's log holds them, the store's own, or the answer to the store's probe. Exhausted connections, read-only
mode, locks and lag are troubles of the store; a refused login is one of the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import OVER
from incident_agents.diagnosis.rotated import rotated
from incident_agents.diagnosis.store_words import POOL, RELATIONAL, SIGNS
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.structured import message_of
from incident_commander.ports import Object

_SAY = {
    Cause.DATABASE_CREDENTIALS_INVALID: "refuses the login of",
    Cause.DATABASE_CONNECTIONS_EXHAUSTED: "has no connection left for",
    Cause.DATABASE_READ_ONLY: "takes no writes from",
    Cause.DATABASE_LOCK_CONTENTION: "keeps locks that time out for",
    Cause.REPLICATION_LAG: "serves old data to",
    Cause.CACHE_MEMORY_EXHAUSTED: "has no memory left for",
    Cause.MESSAGE_QUEUE_BACKLOG: "has a backlog for",
}
_OWN_POOL = "the pool of connections to {} is empty, too small or not given back to, at"
_LASTING = 0.5
"""A complaint that does not come in the last half of a long log is over."""


@dataclass
class _Heard:
    """What one workload says about one trouble with stores of one kind. ``last``: where in its log, 1 is the end."""

    workload: Workload
    cause: Cause
    kind: str
    user: str = ""
    count: int = 0
    last: float = 0.0
    lines: int = 0
    said: list[tuple[Citation, str]] = field(default_factory=list)

    def hear(self, line: str, citation: Citation, at: float, user: str, times: int = 1) -> None:
        self.count += times
        self.last = max(self.last, at)
        self.user = user or self.user
        self.said = [*self.said[:1], (citation, line)]


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and trouble with a store."""
    everything = [heard for workload in case.workloads for heard in _listen(case, workload).values()]
    everything = [h for h in everything if not _is_turned_away(h)] + _turned_away(case, everything)
    speaking = {(h.workload.ref, h.cause) for h in everything if _own(h)}
    pooled = sum(h.kind == POOL for h in everything)
    for heard in everything:
        for place, (service, store) in enumerate(_meant(case, heard, speaking)):
            found = _finding(case, heard, service, store, alone=heard.kind == POOL and pooled < _TOGETHER)
            yield replace(found, confidence=max(1, found.confidence - _LESS * place))


_LESS = 12
"""When several stores of the kind may be meant, the later ones."""
_TOGETHER = 2
"""So many callers whose pools are empty at once have not each too small a pool."""


def _own(heard: _Heard) -> bool:
    """Whether the store says it of itself."""
    return stores.kind_of(heard.workload) == heard.kind


def _is_turned_away(heard: _Heard) -> bool:
    return _own(heard) and heard.cause is Cause.DATABASE_CREDENTIALS_INVALID


def _turned_away(case: Case, everything: list[_Heard]) -> list[_Heard]:
    """The store turned somebody away: who, its callers say, else the address in the store's words does."""
    complaining = {h.workload.ref for h in everything if h.cause is Cause.DATABASE_CREDENTIALS_INVALID}
    found: dict[str, _Heard] = {}
    for heard in filter(_is_turned_away, everything):
        for citation, line in heard.said:
            caller = next((w for ip, w in _by_address(case).items() if _spoken(ip, line)), None)
            if caller is not None and caller.ref not in complaining:
                fresh = _Heard(caller, heard.cause, heard.kind, heard.user, heard.count - 1)
                made = found.setdefault(caller.ref, fresh)
                made.hear(line, citation, heard.last, heard.user)
    return list(found.values())


def _by_address(case: Case) -> dict[str, Workload]:
    return case.once(
        "workloads by address",
        lambda: {ip: w for w in case.workloads for p in w.living if (ip := fields.text(p, "status", "podIP"))},
    )


def _spoken(ip: str, line: str) -> bool:
    return re.search(rf"(?<![\d.]){re.escape(ip)}(?![\d.])", line[:2000]) is not None


def _meant(case: Case, heard: _Heard, speaking: set[tuple[str, Cause]]) -> list[tuple[Object | None, Workload | None]]:
    """The stores that the words may be about, the one that says the same of itself first; at most three."""
    if _own(heard):
        return [(None, heard.workload)]
    found: dict[str, tuple[Object | None, Workload | None]] = {}
    for kind in RELATIONAL if heard.kind == POOL else (heard.kind,):
        for service, store in stores.used_by(case, heard.workload, kind):
            found.setdefault(store.ref if store is not None else reference(service or {}), (service, store))
    ranked = sorted(found.items(), key=lambda entry: (entry[0], heard.cause) not in speaking)
    most = 1 if heard.cause is Cause.DATABASE_CREDENTIALS_INVALID else 3
    return [pair for _, pair in ranked[:most]] or [(None, None)]


_SIGNS_OF = {kind: tuple(s for s in SIGNS if s.kind == kind) for kind in {s.kind for s in SIGNS}}
"""A store says of itself what its own kind says."""


def _listen(case: Case, workload: Workload) -> dict[tuple[Cause, str], _Heard]:
    found: dict[tuple[Cause, str], _Heard] = {}
    own = stores.kind_of(workload)
    for said in _remarks(case, workload):
        low = said.line.lower()
        for sign in SIGNS if not own else _SIGNS_OF.get(own, ()):
            if not any(piece in low for piece in sign.words.pieces):
                continue
            if (match := sign.words.match(said.line)) is not None:
                heard = found.setdefault((sign.cause, sign.kind), _Heard(workload, sign.cause, sign.kind))
                heard.hear(said.line, said.citation(), said.at(), match.groupdict().get("user") or "", said.times)
    lines = sum(len(log.lines) for pod in workload.living for log in case.logs(pod))
    for heard in found.values():
        heard.lines = lines
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """Something that is said, how often, how late, and its citation (made when it is needed)."""

    line: str
    times: int
    at: Callable[[], float]
    citation: Callable[[], Citation]


def _remarks(case: Case, workload: Workload) -> Iterator[_Said]:
    """What its pods log, and what its probes are answered."""
    for pod in workload.living:
        for log in case.logs(pod):
            listened = case.listen(log)
            for remark in listened.remarks:
                at, citation = partial(listened.recency, remark.last), partial(citing.of_log, log, remark.line)
                yield _Said(remark.line, remark.count, at, citation)
        if not pods.ready(pod):
            for event in case.events(pod, "Unhealthy"):
                yield _Said(fields.text(event, "message"), 1, lambda: 1.0, partial(citing.of_event, event))


def _finding(case: Case, heard: _Heard, service: Object | None, store: Workload | None, *, alone: bool) -> Finding:
    workload, own = heard.workload, _own(heard)
    sick = [p for p in workload.living if case.unwell(p)]
    confidence = _confidence(heard, bool(sick), known=store is not None or service is not None, alone=alone)
    evidence: list[Citation] = [citation for citation, _ in heard.said[:3]]
    evidence += [citing.of_object(p, "status.phase") for p in sick[:1]]
    name = fields.name(store.object) if store is not None else fields.name(service) or f"a {heard.kind} store"
    dependent = "" if own else f"{workload.kind}/{fields.name(workload.object)}"[:256]
    callers = "its callers" if own else workload.ref
    refused = heard.cause is Cause.DATABASE_CREDENTIALS_INVALID
    acted_on = workload if refused or store is None or alone else store
    said = _OWN_POOL.format(name) if alone else f"{name} {_SAY[heard.cause]}"
    changed = rotated(case, workload) if refused else None
    tail = f"; {changed.name} was changed after it had started, and is read at the start alone" if changed else ""
    evidence += changed.evidence if changed is not None else ()
    if acted_on is not workload:
        confidence += 2
    base = of_workload(
        heard.cause,
        acted_on,
        sick if acted_on is workload else [],
        "",
        confidence=min(confidence + (4 if changed else 0), 94),
        summary=f"{said} {callers}: {message_of(heard.said[-1][1])}{tail}",
        evidence=evidence,
        facts={"dependency": name, "dependent": dependent} if not refused else {"dependency": name, "user": heard.user},
    )
    about = {*base.about, workload.ref, *(reference(p) for p in sick)}
    if store is not None and acted_on is store:
        about |= {store.ref, *(reference(p) for p in store.living if not pods.ready(p))}
        about |= {reference(service)} if service is not None else set()
    # A pool empties where connections are not given back in time: whatever is wrong with the store explains it.
    points_to = {store.ref} if heard.kind == POOL and store is not None else set()
    return replace(base, about=frozenset(about), depends_on=frozenset(points_to))


_PASSING = frozenset({Cause.DATABASE_LOCK_CONTENTION, Cause.REPLICATION_LAG, Cause.MESSAGE_QUEUE_BACKLOG})
"""What every busy store says now and then, and recovers from."""


def _confidence(heard: _Heard, sick: bool, *, known: bool, alone: bool) -> int:
    sure = 76 + (6 if heard.count >= _OFTEN else 0) + (8 if sick else 0)
    if heard.last < _LASTING:
        sure -= 30 if sick or heard.last >= OVER else 50
    if heard.count < _OFTEN and not sick:
        everyday = heard.cause in _PASSING and heard.count < _MUCH * heard.lines
        sure -= 50 if everyday else 30 if heard.cause in _PASSING else 8
    elif heard.cause in _PASSING and not sick and (heard.count < _MUCH * heard.lines or not known):
        sure -= 36
    if not sick and heard.last < _SERVED_SINCE and heard.count < _RARE * heard.lines:
        sure -= 40
    if heard.kind == POOL:
        sure -= 24 if alone else 16
    elif not known:
        # No such store is known here: the words may be somebody else's, and some of them are anybody's.
        sure -= 12 if heard.kind in RELATIONAL else 34
    return sure


_RARE, _SERVED_SINCE = 0.005, 0.95
"""Of what a workload says: once among hundreds of lines, with others after it, was a passing trouble."""
_OFTEN = 3
_MUCH = 0.15
"""Of what a workload says: below it, one that is well has tried again with success."""
