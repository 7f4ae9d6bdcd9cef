"""What a database, a cache or a broker says when it refuses: the words are the same in every client library."""

from __future__ import annotations

import re

from incident_commander.api.causes import Cause

POOL = "pool"
"""Of a pool of connections in the caller, whatever its database: one alone is the caller's own matter."""
RELATIONAL = ("mysql", "postgresql", "mssql")

SIGNS: tuple[tuple[Cause, str, re.Pattern[str]], ...] = tuple(
    (cause, kind, re.compile(pattern, re.IGNORECASE))
    for cause, kind, pattern in (
        (
            Cause.DATABASE_CREDENTIALS_INVALID,
            "mysql",
            r"Access denied for user '?(?P<user>[^'@\s]*)|ERROR 1045|\(1045\b|ER_ACCESS_DENIED_ERROR|SQLSTATE\[?28000"
            r""
            r"|number: 1045\b|ER_DBACCESS_DENIED_ERROR|ER_NOT_SUPPORTED_AUTH_MODE"
            r"|Plugin '?caching_sha2_password'? (?:could not|is not)",
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
            r"Authentication failed\.|MongoSecurityException|AuthenticationFailed|SCRAM authentication failed",
        ),
        (Cause.DATABASE_CREDENTIALS_INVALID, "redis", r"WRONGPASS|NOAUTH Authentication required"),
        (
            Cause.DATABASE_CREDENTIALS_INVALID,
            "amqp",
            r"ACCESS_REFUSED|Login was refused using|PLAIN login refused",
        ),
        (Cause.DATABASE_CREDENTIALS_INVALID, "kafka", r"SaslAuthenticationException|SASL authentication failed"),
        (Cause.DATABASE_CREDENTIALS_INVALID, "mssql", r"Login failed for user '(?P<user>[^']*)"),
        (
            Cause.DATABASE_CONNECTIONS_EXHAUSTED,
            "mysql",
            r"Too many connections|ER_CON_COUNT_ERROR|has exceeded the 'max_(?:user_)?connections|max_user_connections"
            r"|ERROR 1040|\(1040\b|SQLSTATE\[?08004",
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
            r"|ER_OPTION_PREVENTS_STATEMENT|read[_ -]only mode|statement in a READ[ -]ONLY transaction",
        ),
        (
            Cause.DATABASE_READ_ONLY,
            "postgresql",
            r"cannot execute \w+(?: \w+)? in a read-only transaction|SQLSTATE 25006|default_transaction_read_only",
        ),
        (Cause.DATABASE_READ_ONLY, "redis", r"READONLY You can'?t write against|MISCONF Redis is configured to save"),
        (Cause.DATABASE_READ_ONLY, "mongodb", r"NotWritablePrimary|not master and slaveOk|NotMaster\b|not primary"),
        (Cause.DATABASE_LOCK_CONTENTION, "mysql", r"Lock wait timeout exceeded|Deadlock found when trying to get lock"),
        (
            Cause.DATABASE_LOCK_CONTENTION,
            "postgresql",
            r"SQLSTATE 40P01|DeadlockDetected|(?:ERROR:|pq:) +deadlock detected"
            r"|could not obtain lock on|statement due to lock timeout",
        ),
        (Cause.REPLICATION_LAG, "mysql", r"Seconds_Behind_(?:Master|Source)|replica(?:tion)? (?:lag|is behind)"),
        (Cause.REPLICATION_LAG, "postgresql", r"canceling statement due to conflict with recovery|replication lag"),
        (
            Cause.DATABASE_CONNECTIONS_EXHAUSTED,
            POOL,
            r"Connection is not available, request timed out after|QueuePool limit of size|pool is probably full"
            r"|prior to obtaining a connection from the pool|pool timed out while waiting for an open"
            r"|pool error:? Timeout waiting for idle object"
            r"|Timed out fetching a new connection from the connection pool"
            r"|could not obtain a (?:database )?connection within|PoolExhaustedException|pool exhausted",
        ),
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
LITERALS = (
    "denied for user", "1045", "er_access", "28000", "28p01", "password", "securityexception", "saslauth",
    "does not exist", "pg_hba", "authentication", "wrongpass", "noauth", "access_refused", "login", "too many c",
    "er_con_count", "max_", "slots are reserved", "no more connections", "number of clients", "too many open",
    "read-only", "read_only", "read only", "readonly", "lock_write_growth", "er_option", "25006", "misconf",
    "writableprimary", "not master", "notmaster", "not primary", "lock wait", "deadlock", "40p01",
    "could not obtain", "lock timeout", "seconds_behind", "replica", "recovery", "oom command", "out of memory",
    "alarm set",
    "is blocked", "is full", "lag", "queuefull", "queue full", "er_dbaccess", "er_not_supported", "caching_sha2",
    "authenticationfailed", "1040", "08004", "read-only tr", "read only tr", "pool", "connection is not available",
    "open connection",
)
# fmt: on
"""Pieces of which every sign has one: looking for them first is what keeps a large log cheap."""
