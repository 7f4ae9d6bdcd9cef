"""What a database, a cache or a broker says when it refuses: the words are the same in every client library.

The caller's log holds them, or the store's own. Exhausted connections, read-only mode, locks and lag are troubles of
the store; a refused login is one of the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from incident_agents.diagnosis import stores
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import Log, reference
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object

_MAX_LINES = 1500
_SIGNS: tuple[tuple[Cause, str, re.Pattern[str]], ...] = tuple(
    (cause, kind, re.compile(pattern, re.IGNORECASE))
    for cause, kind, pattern in (
        (
            Cause.DATABASE_CREDENTIALS_INVALID,
            "mysql",
            r"Access denied for user '?(?P<user>[^'@\s]*)|ERROR 1045|\(1045\b|ER_ACCESS_DENIED_ERROR|SQLSTATE\[?28000",
        ),
        (
            Cause.DATABASE_CREDENTIALS_INVALID,
            "postgresql",
            r'password authentication failed for user "?(?P<user>[^"\s]*)|role "[^"]*" does not exist'
            r"|no pg_hba\.conf entry|SQLSTATE 28P01",
        ),
        (
            Cause.DATABASE_CREDENTIALS_INVALID,
            "mongodb",
            r"Authentication failed\.|MongoSecurityException",
        ),
        (Cause.DATABASE_CREDENTIALS_INVALID, "redis", r"WRONGPASS|NOAUTH Authentication required"),
        (
            Cause.DATABASE_CREDENTIALS_INVALID,
            "amqp",
            r"ACCESS_REFUSED|Login was refused using",
        ),
        (Cause.DATABASE_CREDENTIALS_INVALID, "kafka", r"SaslAuthenticationException|SASL authentication failed"),
        (Cause.DATABASE_CREDENTIALS_INVALID, "mssql", r"Login failed for user '(?P<user>[^']*)"),
        (
            Cause.DATABASE_CONNECTIONS_EXHAUSTED,
            "mysql",
            r"Too many connections|ER_CON_COUNT_ERROR|has exceeded the 'max_(?:user_)?connections|max_user_connections",
        ),
        (
            Cause.DATABASE_CONNECTIONS_EXHAUSTED,
            "postgresql",
            r"too many clients already|remaining connection slots are reserved"
            r"|too many connections for (?:role|database)|no more connections allowed",
        ),
        (Cause.DATABASE_CONNECTIONS_EXHAUSTED, "redis", r"max number of clients reached"),
        (Cause.DATABASE_CONNECTIONS_EXHAUSTED, "mongodb", r"connection refused because too many open connections"),
        (
            Cause.DATABASE_READ_ONLY,
            "mysql",
            r"running with the --(?:super-)?read-only|running with the LOCK_WRITE_GROWTH|Connection is read-only"
            r"|ER_OPTION_PREVENTS_STATEMENT|read[_ -]only mode",
        ),
        (
            Cause.DATABASE_READ_ONLY,
            "postgresql",
            r"cannot execute \w+(?: \w+)? in a read-only transaction|SQLSTATE 25006|default_transaction_read_only",
        ),
        (Cause.DATABASE_READ_ONLY, "redis", r"READONLY You can't write against|MISCONF Redis is configured to save"),
        (Cause.DATABASE_READ_ONLY, "mongodb", r"NotWritablePrimary|not master and slaveOk|NotMaster\b|not primary"),
        (Cause.DATABASE_LOCK_CONTENTION, "mysql", r"Lock wait timeout exceeded|Deadlock found when trying to get lock"),
        (
            Cause.DATABASE_LOCK_CONTENTION,
            "postgresql",
            r"SQLSTATE 40P01|DeadlockDetected|could not obtain lock on|canceling statement due to lock timeout",
        ),
        (Cause.REPLICATION_LAG, "mysql", r"Seconds_Behind_(?:Master|Source)|replica(?:tion)? (?:lag|is behind)"),
        (Cause.REPLICATION_LAG, "postgresql", r"canceling statement due to conflict with recovery|replication lag"),
        (Cause.CACHE_MEMORY_EXHAUSTED, "redis", r"OOM command not allowed when used memory"),
        (Cause.CACHE_MEMORY_EXHAUSTED, "memcached", r"SERVER_ERROR out of memory storing object"),
        (
            Cause.MESSAGE_QUEUE_BACKLOG,
            "amqp",
            r"(?:memory|disk) resource limit alarm set|connection is blocked|queue .{1,80} is full",
        ),
        (Cause.MESSAGE_QUEUE_BACKLOG, "kafka", r"consumer (?:group )?lag|QueueFullException|Local: Queue full"),
    )
)
# fmt: off
_LITERALS = (
    "denied for user", "1045", "er_access", "28000", "28p01", "password", "securityexception", "saslauth",
    "does not exist", "pg_hba", "authentication", "wrongpass", "noauth", "access_refused", "login", "too many c",
    "er_con_count", "max_", "slots are reserved", "no more connections", "number of clients", "too many open",
    "read-only", "read_only", "read only", "readonly", "lock_write_growth", "er_option", "25006", "misconf",
    "writableprimary", "not master", "notmaster", "not primary", "lock wait", "deadlock", "40p01",
    "could not obtain", "lock timeout", "seconds_behind", "replica", "recovery", "oom command", "out of memory",
    "alarm set",
    "is blocked", "is full", "lag", "queuefull", "queue full",
)
# fmt: on
"""Pieces of which every sign has one: looking for them first is what keeps a large log cheap."""
_SAY = {
    Cause.DATABASE_CREDENTIALS_INVALID: "refuses the login of",
    Cause.DATABASE_CONNECTIONS_EXHAUSTED: "has no connection left for",
    Cause.DATABASE_READ_ONLY: "takes no writes from",
    Cause.DATABASE_LOCK_CONTENTION: "keeps locks that time out for",
    Cause.REPLICATION_LAG: "serves old data to",
    Cause.CACHE_MEMORY_EXHAUSTED: "has no memory left for",
    Cause.MESSAGE_QUEUE_BACKLOG: "has a backlog for",
}
_LASTING = 0.5
"""A complaint that does not come in the last half of a long log is over."""


@dataclass
class _Heard:
    workload: Workload
    cause: Cause
    kind: str
    user: str = ""
    count: int = 0
    last: float = 0.0
    said: list[tuple[Log, str]] = field(default_factory=list)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and trouble with a store."""
    everything = [heard for workload in case.workloads for heard in _listen(case, workload).values()]
    speaking = {(h.workload.ref, h.cause) for h in everything if stores.kind_of(h.workload) == h.kind}
    for heard in everything:
        for place, (service, store) in enumerate(_meant(case, heard, speaking)):
            found = _finding(case, heard, service, store)
            if found is not None:
                yield replace(found, confidence=found.confidence - _LESS * place)


_LESS = 12
"""When several stores of the kind may be meant, the later ones."""


def _meant(case: Case, heard: _Heard, speaking: set[tuple[str, Cause]]) -> list[tuple[Object | None, Workload | None]]:
    """The stores that the words may be about, the one that says the same of itself first; at most three."""
    if stores.kind_of(heard.workload) == heard.kind:
        return [(None, heard.workload)]
    found: dict[str, tuple[Object | None, Workload | None]] = {}
    for service, store in stores.used_by(case, heard.workload, heard.kind):
        found.setdefault(store.ref if store is not None else reference(service or {}), (service, store))
    ranked = sorted(found.items(), key=lambda entry: (entry[0], heard.cause) not in speaking)
    most = 1 if heard.cause is Cause.DATABASE_CREDENTIALS_INVALID else 3
    return [pair for _, pair in ranked[:most]] or [(None, None)]


def _listen(case: Case, workload: Workload) -> dict[tuple[Cause, str], _Heard]:
    found: dict[tuple[Cause, str], _Heard] = {}
    own = stores.kind_of(workload)
    for pod in workload.living:
        for log in case.logs(pod):
            lines = log.lines[-_MAX_LINES:]
            for n, line in enumerate(lines):
                low = line[:2000].lower()
                if not any(piece in low for piece in _LITERALS):
                    continue
                for cause, kind, pattern in _SIGNS:
                    match = pattern.search(line[:2000])
                    if match is None or (own and own != kind):
                        continue
                    heard = found.setdefault((cause, kind), _Heard(workload, cause, kind))
                    heard.count += 1
                    heard.last = max(heard.last, (n + 1) / len(lines))
                    heard.user = match.groupdict().get("user") or heard.user
                    heard.said = [*heard.said[:1], (log, line)] if heard.said else [(log, line)]
    return found


def _finding(case: Case, heard: _Heard, service: Object | None, store: Workload | None) -> Finding | None:
    workload = heard.workload
    own = stores.kind_of(workload) == heard.kind
    sick = [p for p in workload.living if case.unwell(p)]
    confidence = 76 + (6 if heard.count >= 3 else 0) + (8 if sick else 0)
    if heard.last < _LASTING:
        confidence -= 30
    if own and heard.cause is Cause.DATABASE_CREDENTIALS_INVALID:
        return None  # the store turned somebody away; who, its callers say
    if store is None and service is None:
        # No such store is known here: the words may be somebody else's, and some of them are anybody's.
        confidence -= 12 if heard.kind in ("mysql", "postgresql", "mssql") else 34
    evidence: list[Citation] = [citing.of_log(log, line) for log, line in heard.said[:3]]
    evidence += [citing.of_object(p, "status.phase") for p in sick[:1]]
    name = fields.name(store.object) if store is not None else fields.name(service) or f"a {heard.kind} store"
    dependent = "" if own else f"{workload.kind}/{fields.name(workload.object)}"[:256]
    callers = "its callers" if own else workload.ref
    acted_on = workload if heard.cause is Cause.DATABASE_CREDENTIALS_INVALID or store is None else store
    if acted_on is not workload:
        confidence += 2
    base = of_workload(
        heard.cause,
        acted_on,
        sick if acted_on is workload else [],
        "",
        confidence=min(confidence, 94),
        summary=f"{name} {_SAY[heard.cause]} {callers}: {clean_line(heard.said[-1][1])[:400]}",
        evidence=evidence,
        facts={"dependency": name, "dependent": dependent}
        if heard.cause is not Cause.DATABASE_CREDENTIALS_INVALID
        else {"dependency": name, "user": heard.user},
    )
    about = {*base.about, workload.ref, *(reference(p) for p in sick)}
    if store is not None and acted_on is store:
        about |= {store.ref, *(reference(p) for p in store.living if not pods.ready(p))}
        about |= {reference(service)} if service is not None else set()
    return Finding(base.cause, base.object, base.confidence, base.summary, base.evidence, base.facts, frozenset(about))
