"""Queries take too long at a database: by its own log of slow statements, and by statements that are given up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import LATE, said
from incident_agents.diagnosis.store_words import POOL, RELATIONAL, SIGNS
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.structured import message_of
from incident_commander.ports import Object

_DURATIONS = (
    re.compile(r"\bduration: (?P<ms>\d{1,9})(?:\.\d+)? ms\b"),
    re.compile(r"# Query_time: (?P<s>\d{1,6})(?:\.\d+)?\s"),
    re.compile(r"\"(?:Slow query)\".{0,1500}\"durationMillis\": ?(?P<ms>\d{1,9})"),
    re.compile(
        r"slow (?:query|sql)\b.{0,80}?\b(?:took|duration|time|in|elapsed)[ :=]{1,3}(?P<ms>\d{1,9})(?:\.\d+)? ?m", re.I
    ),
    re.compile(r"\[(?P<ms>\d{1,9})\.\d+ms\] \[rows:"),
)
"""PostgreSQL, MySQL, MongoDB; Hibernate and others of its kind, GORM."""
_TIMED = ("duration", "query_time", "slow query", "slow sql", "ms] [rows:")
_SLOW = 1000
"""Milliseconds: below it nobody waits for it in vain."""
_LOOKED_AT = 200
"""Lines of one kind whose durations are read: the last ones."""
_PATTERN = (
    r"canceling statement due to statement timeout|SQLSTATE 57014|QueryCanceled\b|QueryCanceledException"
    r"|maximum statement execution time exceeded|ER_QUERY_TIMEOUT|MySQLTimeoutException"
    r"|Statement cancelled due to timeout|Query inactivity timeout|PROTOCOL_SEQUENCE_TIMEOUT"
    r"|Execution Timeout Expired|MaxTimeMSExpired|operation exceeded time limit|Query read timeout"
    r"|\b(?:sql|pgx|pq|gorm|sqlx)\b.{0,80}deadline exceeded|SQLTimeoutException|QueryTimeoutException"
)
_GIVEN_UP = Words(
    re.compile(_PATTERN, re.IGNORECASE),
    ("statement", "57014", "querycancel", "query", "timeout", "maxtimems", "time limit", "deadline"),
)
_POOLS = next(sign.words for sign in SIGNS if sign.kind == POOL)
_KINDS = (*RELATIONAL, "mongodb")
_OFTEN = 3
_LOGGED, _SURE = 46, 60
"""Its own log alone: reports and jobs are slow in every database. Callers that give up: they wait in vain."""


@dataclass
class _Slow:
    """What is known of one database."""

    store: Workload
    service: Object | None = None
    slowest: int = 0
    logged: list[tuple[Log, str]] = field(default_factory=list)
    given_up: dict[str, list[tuple[Log, str]]] = field(default_factory=dict)
    pooled: set[str] = field(default_factory=set)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each database."""
    found = {w.ref: _Slow(w) for w in case.workloads if stores.kind_of(w) in _KINDS}
    for slow in found.values():
        slow.slowest, slow.logged = _logged(case, slow.store)
    for caller in case.workloads if found else ():
        if caller.ref in found:
            continue
        given_up = said(case, caller, _GIVEN_UP, often=_OFTEN)
        slowest, logged = _logged(case, caller)
        pooled = bool(said(case, caller, _POOLS, often=_OFTEN))
        if given_up or logged or pooled:
            for service, store in _databases(case, caller):
                slow = found[store.ref]
                slow.service = service
                slow.slowest = max(slow.slowest, slowest)
                slow.given_up |= {caller.ref: [*given_up, *logged]} if given_up or logged else {}
                slow.pooled |= {caller.ref} if pooled else set()
    for slow in found.values():
        if slow.logged or slow.given_up:
            yield _finding(slow)


def _databases(case: Case, caller: Workload) -> list[tuple[Object | None, Workload]]:
    """The database of a caller; none where several may be meant."""
    used = [pair for kind in _KINDS for pair in stores.used_by(case, caller, kind)]
    behind = {
        store.ref: (service, store) for service, store in used if store is not None and stores.kind_of(store) in _KINDS
    }
    return list(behind.values()) if len(behind) == 1 else []


def _logged(case: Case, workload: Workload) -> tuple[int, list[tuple[Log, str]]]:
    """The longest of the statements that took too long until now, and the last two of them; none for few."""
    slowest, found = 0, list[tuple[Log, str]]()
    for pod in workload.living:
        for log in case.logs(pod):
            listened = case.listen(log)
            places = sorted(p for r in listened.holding(_TIMED) for p in r.places[-_LOOKED_AT:])
            timed = [(place, ms) for place in places if (ms := _milliseconds(log.lines[place])) >= _SLOW]
            if len(timed) >= _OFTEN and listened.recency(timed[-1][0]) >= LATE:
                slowest = max(slowest, *(ms for _, ms in timed))
                found += [(log, log.lines[place]) for place, _ in timed[-2:]]
    return slowest, found


def _milliseconds(line: str) -> int:
    for pattern in _DURATIONS:
        if (match := pattern.search(line)) is not None:
            told = match.groupdict()
            return int(told["ms"]) if told.get("ms") else 1000 * int(told["s"])
    return 0


def _finding(slow: _Slow) -> Finding:
    store, callers = slow.store, sorted({*slow.given_up, *slow.pooled})
    heard = [*slow.logged[:2], *(pair for lines in slow.given_up.values() for pair in lines[:2])]
    told: list[Citation] = [citing.of_log(log, line) for log, line in heard[:5]]
    longest = f", up to {slow.slowest / 1000:.1f} s" if slow.slowest else ""
    waits = f"; {', '.join(callers)} wait for it in vain" if callers else ""
    confidence = _LOGGED
    if slow.given_up or slow.pooled:
        confidence = _SURE + (8 if slow.logged else 0) + (6 if slow.given_up and slow.pooled else 0)
    dependent = callers[0].split("/") if callers else []
    facts = {
        "dependency": fields.name(store.object),
        "dependent": f"{dependent[0]}/{dependent[-1]}"[:256] if dependent else "",
        "latency": f"{slow.slowest} ms" if slow.slowest else "",
        "reason": "SlowQueries",
    }
    return Finding(
        cause=Cause.DEPENDENCY_SLOW,
        object=store.target,
        confidence=confidence,
        summary=clean_line(f"queries take too long at {store.ref}{longest}{waits}: {message_of(heard[0][1])}")[:1000],
        evidence=tuple(told),
        facts={key: value for key, value in facts.items() if value},
        about=frozenset({store.ref, *callers, *([reference(slow.service)] if slow.service is not None else [])}),
    )
