"""The table of failure lines: what a line must contain, and what it then means. Order matters: the cause comes first.

Texts are those of the clients, servers and runtimes themselves; ``tests/unit/evidence/logs/recording`` provokes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from incident_commander.evidence.logs.failure_kinds import FailureKind as K


@dataclass(frozen=True, slots=True)
class Pattern:
    """``hint``: in lower case, anywhere in the line; ``form``: a regular expression that must be found as well."""

    kind: K
    hint: str
    form: re.Pattern[str] | None = None
    system: str = ""


_STATUS = (
    r"\b(?:unexpected|bad|returned|got|received|response)\b.{0,40}\bstatus\b.{0,12}\b5\d\d\b"
    r'|"status(?:_code)?": ?5\d\d\b'
)


_TIMEOUT = (
    r"\btimeout of \d+ ?ms exceeded|timeout after \d|\bupstream request timeout|gateway time-?out|headers timeout"
)


def _row(kind: K, hints: str, form: str = "", system: str = "") -> tuple[Pattern, ...]:
    """One pattern for each of the hints, which stand apart by `` | ``."""
    compiled = re.compile(form, re.IGNORECASE) if form else None
    return tuple(Pattern(kind, hint, compiled, system) for hint in hints.split(" | "))


PATTERNS: tuple[Pattern, ...] = (
    # What a server answers before it closes the connection says more than that it closed it.
    *_row(K.AUTH, "password authentication failed | no pg_hba.conf entry", system="PostgreSQL"),
    *_row(K.AUTH, "sasl authentication failed", system="PostgreSQL"),
    *_row(K.AUTH, "role ", form=r'role "[^"]*" does not exist', system="PostgreSQL"),
    *_row(K.AUTH, "access denied for user | er_access_denied", system="MySQL"),
    *_row(K.AUTH, "noauth  | wrongpass | called without any password configured", system="Redis"),
    *_row(K.PERMISSION, "noperm ", system="Redis"),
    *_row(
        K.AUTH, "authentication failed | authenticationfailed", form=r"mongo|SCRAM-SHA|code.?:? ?18\b", system="MongoDB"
    ),
    *_row(K.AUTH, "access_refused", system="RabbitMQ"),
    *_row(K.AUTH, "saslauthenticationexception | sasl authentication", system="Kafka"),
    *_row(K.AUTH, "statuscode.unauthenticated | code = unauthenticated | unauthenticated:", system="gRPC"),
    *_row(K.AUTH, "authentication failed | invalid credentials | login failed for user"),
    *_row(K.AUTH, "bad credentials"),
    *_row(K.AUTH, "unauthorized", form=r"\b401\b|unauthorized: "),
    *_row(K.TOO_MANY_CONNECTIONS, "connection slots are reserved | sorry, too many clients", system="PostgreSQL"),
    *_row(K.TOO_MANY_CONNECTIONS, "too many connections for", system="PostgreSQL"),
    *_row(K.TOO_MANY_CONNECTIONS, "max number of clients reached", system="Redis"),
    *_row(K.TOO_MANY_CONNECTIONS, "er_con_count_error", system="MySQL"),
    *_row(K.TOO_MANY_CONNECTIONS, "too many connections | remaining connection slots | poolexhausted"),
    *_row(K.TOO_MANY_CONNECTIONS, "pool exhausted | connection pool is full"),
    *_row(K.TOO_MANY_CONNECTIONS, "connection is not available, request timed out | timeouterror: queuepool limit"),
    *_row(K.TOO_MANY_CONNECTIONS, "queuepool limit of"),
    *_row(K.TOO_MANY_CONNECTIONS, "timeout exceeded when trying to connect | couldn't get a connection after"),
    *_row(K.TOO_MANY_CONNECTIONS, "timeout waiting for connection from pool"),
    *_row(K.DEADLOCK, "deadlock detected | deadlock found | deadlockdetected | deadlock victim"),
    *_row(K.DEADLOCK, "all goroutines are asleep - deadlock"),
    *_row(K.READ_ONLY, "read-only transaction | readonlysqltransaction", system="PostgreSQL"),
    *_row(K.READ_ONLY, "read-only option | read only transaction | --read-only | super-read-only", system="MySQL"),
    *_row(K.READ_ONLY, "readonly you can't write | read only replica", system="Redis"),
    *_row(K.READ_ONLY, "notwritableprimary | not primary | not master", system="MongoDB"),
    *_row(K.READ_ONLY, "read-only file system | readonly database | index read-only"),
    *_row(K.READ_ONLY, "read_only_allow_delete | erofs"),
    *_row(K.OUT_OF_MEMORY, "oom command not allowed", system="Redis"),
    *_row(K.OUT_OF_MEMORY, "outofmemoryerror | java heap space | heap out of memory | gc overhead limit"),
    *_row(K.OUT_OF_MEMORY, "cannot allocate memory | out of memory"),
    *_row(K.OUT_OF_MEMORY, "memoryerror", form=r"(?:^|[\s.])MemoryError\b"),
    *_row(K.OUT_OF_MEMORY, "oom", form=r"\bOOM[- ]?kill|oom_kill|std::bad_alloc"),
    *_row(K.OUT_OF_MEMORY, "std::bad_alloc | outofmemoryexception | memory allocation of"),
    *_row(K.DISK_FULL, "no space left on device | enospc | disk full | disk quota exceeded"),
    *_row(K.DISK_FULL, "not enough space on the disk"),
    *_row(K.DISK_FULL, "temp_file_limit | flood stage disk watermark | stop-writes-on-bgsave-error"),
    *_row(K.DISK_FULL, "free disk space alarm"),
    *_row(K.TOO_MANY_FILES, "too many open files | emfile"),
    *_row(K.ADDRESS_IN_USE, "address already in use | eaddrinuse | address in use"),
    *_row(K.ADDRESS_IN_USE, "only one usage of each socket address"),
    *_row(K.DNS, "no such host | enotfound | eai_again | unknownhostexception"),
    *_row(K.DNS, "name or service not known | getaddrinfo failed"),
    *_row(K.DNS, "temporary failure in name resolution | name resolution | nodename nor servname"),
    *_row(K.DNS, "could not translate host name"),
    *_row(K.DNS, "dns resolution failed | name resolver error | server misbehaving"),
    *_row(K.DNS, "unresolvedaddressexception | failed to resolve | nxdomain"),
    *_row(K.DNS, "could not resolve host"),
    *_row(K.DNS, "no address associated with hostname | couldn't resolve host", form=r"no address|resolve|fail|error"),
    *_row(K.DNS, "name does not resolve | dns lookup", form=r"no address|resolve|fail|error"),
    *_row(K.TLS, "x509:  | certificate verify failed | certificate_verify_failed"),
    *_row(K.TLS, "sslhandshakeexception | pkix path | self-signed certificate"),
    *_row(K.TLS, "self signed certificate | certificate has expired | tls handshake error"),
    *_row(K.TLS, "tls:  | wrong version number | unable_to_verify"),
    *_row(K.TLS, "ssl routines | handshake failure | does not support ssl | ssl is not enabled"),
    *_row(K.TLS, "remote certificate is invalid | sslerror"),
    *_row(K.TLS, "unknown ca | bad certificate | cert_has_expired | depth_zero_self_signed"),
    *_row(K.TLS, "sslcertverificationerror"),
    *_row(K.AUTH, "invalid username-password pair", system="Redis"),
    *_row(K.AUTH, "hello must be called with the client already authenticated", system="Redis"),
    *_row(K.REFUSED, "connection refused | econnrefused | actively refused | connect call failed"),
    *_row(K.REFUSED, "all connection attempts failed"),
    *_row(K.REFUSED, "refused", form=r"connect(?:ion)? to \S+ refused|refused (?:the )?connection"),
    *_row(K.REFUSED, "can't connect to | can not connect to", form=r"can('|no)t connect to .*\((61|111)\b"),
    *_row(K.REFUSED, "connectexception | nobrokersavailable | amqpconnectorerror"),
    *_row(K.REFUSED, "amqpconnectionerror"),
    *_row(K.UNREACHABLE, "network is unreachable | no route to host | ehostunreach | enetunreach"),
    *_row(K.UNREACHABLE, "host is unreachable"),
    *_row(K.LOCKED, "lock wait timeout | lock timeout | could not obtain lock | locknotavailable"),
    *_row(K.LOCKED, "database is locked"),
    *_row(K.TIMEOUT, "deadline exceeded | deadline_exceeded | deadlineexceeded | timed out"),
    *_row(K.TIMEOUT, "etimedout | i/o timeout | read timeout"),
    *_row(K.TIMEOUT, "connect timeout | connecttimeout | readtimeout | sockettimeout | httptimeout"),
    *_row(K.TIMEOUT, "timeouterror | timeout expired"),
    *_row(K.TIMEOUT, "statement timeout | querycanceled | timeout awaiting | esockettimedout"),
    *_row(K.TIMEOUT, "timeoutexception | client.timeout exceeded"),
    *_row(K.TIMEOUT, "timeout", form=_TIMEOUT),
    *_row(K.DISCONNECTED, "connection reset | econnreset | broken pipe | epipe"),
    *_row(K.DISCONNECTED, "server closed the connection | terminating connection"),
    *_row(K.DISCONNECTED, "socket hang up | unexpected eof | lost connection to | server has gone away"),
    *_row(K.DISCONNECTED, "remote end closed | server disconnected"),
    *_row(K.DISCONNECTED, "connection closed | connection was closed | connection is closed"),
    *_row(K.DISCONNECTED, "connection lost | connection aborted | other side closed"),
    *_row(K.DISCONNECTED, ": eof", form=r": EOF$"),
    *_row(K.OVERLOADED, "resource_exhausted | resourceexhausted | too many requests | rate limit"),
    *_row(K.OVERLOADED, "circuit breaker | circuitbreaker"),
    *_row(K.OVERLOADED, "callnotpermittedexception | upstream_overflow | request queue is full"),
    *_row(K.OVERLOADED, 'overflow" | throttl'),
    *_row(
        K.UPSTREAM_5XX,
        'status code 5 | status=5 | status: 5 | status code: 5 | http 5 | http/1.1" 5',
        form=r"(?:status(?: code)?[:=]? ?|HTTP(?:/[\d.]+)?\"? )5\d\d\b",
    ),
    *_row(
        K.UPSTREAM_5XX,
        'http/1.0" 5 | http/2" 5 | http/2.0" 5',
        form=r"(?:status(?: code)?[:=]? ?|HTTP(?:/[\d.]+)?\"? )5\d\d\b",
    ),
    *_row(
        K.UPSTREAM_5XX, "server error | bad gateway | internal server error | service unavailable", form=r"\b5\d\d\b"
    ),
    *_row(K.UPSTREAM_5XX, "status", form=_STATUS),
    *_row(K.UNAVAILABLE, "no healthy upstream | statuscode.unavailable | code = unavailable"),
    *_row(K.UNAVAILABLE, "unavailable:  | database system is starting up"),
    *_row(K.UNAVAILABLE, "database system is shutting down | loading redis is loading"),
    *_row(K.UNAVAILABLE, "loading the dataset | clusterdown | masterdown | no live upstreams"),
    *_row(
        K.UNAVAILABLE,
        "serverselectiontimeouterror | no primary | not enough in-sync replicas",
        form=r"unavail|timeout|primary|replica|503",
    ),
    *_row(K.UNAVAILABLE, "leader not available | service unavailable", form=r"unavail|timeout|primary|replica|503"),
    *_row(K.PERMISSION, "permission denied | permission_denied | permissiondenied | eacces | eperm"),
    *_row(K.PERMISSION, "accessdenied | access is denied | insufficient privilege"),
    *_row(
        K.PERMISSION,
        "command denied to user | operation not permitted | forbidden",
        form=r"denied|not permitted|\b403\b|forbidden: |is forbidden",
    ),
    *_row(K.PERMISSION, "access denied"),
    *_row(K.MISSING, "database ", form=r'database "[^"]*" does not exist|unknown database'),
    *_row(K.MISSING, "relation ", form=r'relation "[^"]*" does not exist', system="PostgreSQL"),
    *_row(K.MISSING, "unknown_topic_or_partition | unknowntopicorpartition", system="Kafka"),
    *_row(K.MISSING, "no queue ' | no exchange '", system="RabbitMQ"),
)
