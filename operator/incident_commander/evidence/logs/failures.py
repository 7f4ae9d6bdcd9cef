"""What log lines say of failures of dependencies and of resources: a kind, and whom it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from incident_commander.evidence.logs.failure_kinds import FailureKind
from incident_commander.evidence.logs.failure_patterns import PATTERNS

LONGEST = 4096
"""Bytes of a line that are looked at."""

_SYSTEMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("PostgreSQL", ("postgres", "psycopg", "pq: ", "pgx", "sqlstate", "pg_hba", "5432", "asyncpg", "npgsql")),
    ("MySQL", ("mysql", "mariadb", "error 1045", "3306", "innodb", "mysqlconnector")),
    ("Redis", ("redis", "noauth ", "wrongpass", "readonly you can't write", "6379", "jedis", "lettuce", "valkey")),
    ("MongoDB", ("mongo", "27017", "serverselection", "topologydescription")),
    ("RabbitMQ", ("amqp", "rabbit", "pika", "5672", "access_refused")),
    ("Kafka", ("kafka", "bootstrap", "9092", "nobrokersavailable", "broker(s)")),
    ("Elasticsearch", ("elasticsearch", "opensearch", "9200")),
    ("gRPC", ("grpc", "rpc error", "failed to connect to all addresses", "statuscode.", "io.grpc")),
)
_HOST = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])"
_PORT = r"(?P<port>[0-9]{1,5})"
_ADDRESSES = tuple(
    re.compile(form)
    for form in (
        rf"host='(?P<host>{_HOST})', port={_PORT}",
        r"(?:lookup|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|UnknownHostException:|could not translate host name"
        r"|resolve host(?:name)?:?|resolve|Name or service not known:|resolution of)"
        rf"\s+['\"]?(?P<host>{_HOST})(?::{_PORT})?(?![\w.])",
        rf"host (?P<host>{_HOST}):{_PORT}",
        rf"connection to server at \"(?P<host>{_HOST})\"(?: \([^)]*\))?, port {_PORT}",
        rf"host=(?P<host>{_HOST}) [^\n]*?port={_PORT}",
        rf"[a-z][a-z0-9+]{{1,15}}://(?:[^\s/@'\"]{{1,100}}@)?(?P<host>{_HOST})(?::{_PORT})?",
        rf"(?:ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ECONNRESET|EADDRINUSE:[^:]*:|EADDRINUSE)\s+(?P<host>{_HOST}):{_PORT}",
        rf"->(?P<host>{_HOST}):{_PORT}",
        r"(?:ipv[46]:(?:%5B)?|tcp[46]? \(?|[Cc]onnect(?:ing|ed|ion)?(?: call failed)? (?:to |with )?|to |at |from "
        r"|upstream:? |broker |addr(?:ess)?[ =:]+)"
        rf"['\"(]*(?P<host>{_HOST}):{_PORT}",
        rf"(?<![\w.:/-])(?P<host>[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*\.?):{_PORT}(?![\w.]|:\S)",
        rf"(?:to|on|at|for|server|host)[ =]+['\"](?P<host>{_HOST})['\"](?:[ ,(]|$)",
        rf"Error \d+ (?:while )?connecting to (?P<host>{_HOST})(?::{_PORT})?",
    )
)
_SOURCE_FILE = re.compile(r"\.(?:go|py|js|mjs|cjs|ts|java|kt|scala|rb|rs|cs|c|cc|cpp|h|php|ex|erl)$")
_LOCAL = re.compile(r"(?:0\.0\.0\.0|\[::\])$")


def _stems(hints: list[str]) -> tuple[str, ...]:
    """Few short strings of which each hint holds one: a line without any of them needs no search of the table."""
    left, found = set(hints), list[str]()
    while left:
        grams = [hint[at : at + 4] for hint in sorted(left) for at in range(max(1, len(hint) - 3))]
        best = max(dict.fromkeys(grams), key=lambda gram: sum(gram in hint for hint in left))
        found.append(best)
        left = {hint for hint in left if best not in hint}
    return tuple(found)


_STEMS = _stems([pattern.hint for pattern in PATTERNS])


@dataclass(frozen=True, slots=True)
class Failure:
    """``dependency`` is ``host`` or ``host:port`` as the line writes it, empty where it names none.

    ``system`` is the product (PostgreSQL, Redis, ...) where words or the port tell, else empty.
    """

    kind: FailureKind
    dependency: str = ""
    system: str = ""


def failure_in(line: str) -> Failure | None:
    """The failure that a line tells of, or None. The first row of the table that fits decides."""
    text = line[:LONGEST]
    lowered = text.lower()
    if not any(stem in lowered for stem in _STEMS):
        return None
    for pattern in PATTERNS:
        if pattern.hint in lowered and (pattern.form is None or pattern.form.search(text)):
            dependency = _dependency(text) if pattern.kind.remote else ""
            return Failure(pattern.kind, dependency, pattern.system or system_of(lowered))
    return None


def system_of(lowered: str) -> str:
    """The product that a lower-case text is about, or empty."""
    return next((name for name, words in _SYSTEMS if any(word in lowered for word in words)), "")


def _dependency(text: str) -> str:
    for form in _ADDRESSES:
        for found in form.finditer(text):
            host, port = found["host"].rstrip("."), found.groupdict().get("port")
            if _SOURCE_FILE.search(host) or _LOCAL.match(host) or host.isdigit() or (port and int(port) > 65535):
                continue
            return f"{host}:{port}" if port else host
    return ""
