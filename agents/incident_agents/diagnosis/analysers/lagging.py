"""A replica is behind its primary, or messages pile up: by the figures of exporters, and by the words of callers."""

from __future__ import annotations

from collections.abc import Iterator

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.calls import calls
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.measures import Measure
from incident_agents.diagnosis.movements import Movement, movements, of_ref
from incident_agents.diagnosis.said import said
from incident_agents.diagnosis.store_words import SIGNS
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields

_CAUSES = {Measure.BACKLOG: Cause.MESSAGE_QUEUE_BACKLOG, Measure.REPLICATION_LAG: Cause.REPLICATION_LAG}
_KINDS = {
    Measure.BACKLOG: ("kafka", "amqp"),
    Measure.REPLICATION_LAG: ("mysql", "postgresql", "mongodb", "redis", "mssql"),
}
_LEAST = {Measure.BACKLOG: 100.0, Measure.REPLICATION_LAG: 30.0}
"""Messages, and seconds, below which nobody notices."""
_TIMES, _STAYS = 3.0, 0.7
"""How many times as much as before; and how much of the most is still there at the end: else it is being worked off."""


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each store whose backlog or lag grew and stays."""
    done: set[tuple[str, Measure]] = set()
    for moved in movements(case):
        store = _store(case, moved) if moved.measure in _CAUSES and _grew(moved) else None
        if store is not None and (store.ref, moved.measure) not in done:
            done.add((store.ref, moved.measure))
            yield _finding(case, moved, store)


def backlogs(case: Case) -> dict[str, Movement]:
    """By store: the messages that pile up there, by the figures of exporters."""
    found: dict[str, Movement] = {}
    for moved in movements(case):
        if moved.measure is Measure.BACKLOG and _grew(moved) and (store := _store(case, moved)) is not None:
            found.setdefault(store.ref, moved)
    return found


def _grew(moved: Movement) -> bool:
    if moved.alerted or moved.rose < _TIMES or moved.by < _LEAST[moved.measure] or not moved.points:
        return False
    return moved.points[-1][1] >= _STAYS * max(value for _, value in moved.points)


def _store(case: Case, moved: Movement) -> Workload | None:
    """Whom the series is about; where that is an exporter, the only store of the kind beside it."""
    subject = of_ref(case, moved.subject)
    if subject is None or stores.kind_of(subject) in _KINDS[moved.measure]:
        return subject
    place = fields.namespace(subject.object)
    found = [
        w for w in case.workloads if stores.kind_of(w) in _KINDS[moved.measure] and fields.namespace(w.object) == place
    ]
    return found[0] if len(found) == 1 else subject


def _finding(case: Case, moved: Movement, store: Workload) -> Finding:
    cause = _CAUSES[moved.measure]
    heard = [
        (log, line)
        for sign in SIGNS
        if sign.cause is cause
        for workload in case.workloads
        for log, line in said(case, workload, sign.words)
    ]
    clients = [ref for ref, called in calls(case).items() if store.ref in called]
    what = "messages wait" if moved.measure is Measure.BACKLOG else "replication is behind"
    return of_workload(
        cause,
        store,
        [],
        "",
        confidence=70 + (12 if heard else 0),
        summary=f"{what} at {store.ref}: {moved.name} rose from {moved.before:.4g} to {moved.after:.4g} and stays",
        evidence=[moved.citation, *(citing.of_log(log, line) for log, line in heard[:2])],
        facts={"dependency": fields.name(store.object)},
        # Whoever should take the messages, and does not, is why they wait.
        depends_on=clients if moved.measure is Measure.BACKLOG else (),
    )
