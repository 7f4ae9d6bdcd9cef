"""What a database, a cache or a broker says when it refuses: the words are the same in every client library."""

from __future__ import annotations

import re
from dataclasses import dataclass

from incident_agents.diagnosis.listening import Words
from incident_commander.api.causes import Cause

POOL = "pool"
"""Of a pool of connections in the caller, whatever its database: one alone is the caller's own matter."""
RELATIONAL = ("mysql", "postgresql", "mssql")


@dataclass(frozen=True, slots=True)
class Sign:
    """Words that tell of a trouble with a store of one kind (its protocol, or ``POOL``)."""

    cause: Cause
    kind: str
    words: Words


def _sign(cause: Cause, kind: str, pattern: str, pieces: str) -> Sign:
    """``pieces``: those of the words, separated by bars."""
    return Sign(cause, kind, Words(re.compile(pattern, re.IGNORECASE), tuple(pieces.split("|"))))


SIGNS: tuple[Sign, ...] = (
    _sign(
        Cause.DATABASE_CREDENTIALS_INVALID,
        "mysql",
        r"Access denied for user '?(?P<user>[^'@\s]*)|ERROR 1045|\(1045\b|ER_ACCESS_DENIED_ERROR|SQLSTATE\[?28000"
        r"|number: 1045\b|ER_DBACCESS_DENIED_ERROR|ER_NOT_SUPPORTED_AUTH_MODE"
        r"|Plugin '?caching_sha2_password'? (?:could not|is not)",
        "denied for user|1045|er_access|28000|er_dbaccess|er_not_supported|caching_sha2",
    ),
    _sign(
        Cause.DATABASE_CREDENTIALS_INVALID,
        "postgresql",
        r'password authentication failed for user \\?"?(?P<user>[^"\s\\]*)|role \\?"[^"]*" does not exist'
        r"|no pg_hba\.conf entry|SQLSTATE 28P01",
        "password authentication|does not exist|pg_hba|28p01",
    ),
    _sign(
        Cause.DATABASE_CREDENTIALS_INVALID,
        "mongodb",
        # What an application says of its own users has neither the store's name nor its code.
        r"MongoSecurityException|SCRAM authentication failed|\(AuthenticationFailed\)"
        r"|(?:mongo|SCRAM|sasl|codeName|error 18\b)[^\n]{0,200}Authentication ?Failed"
        r"|Authentication ?failed[^\n]{0,200}(?:mongo|code[\"': =]{0,4}18\b|SCRAM)",
        "authentication failed|securityexception|authenticationfailed",
    ),
    _sign(Cause.DATABASE_CREDENTIALS_INVALID, "redis", r"WRONGPASS|NOAUTH Authentication required", "wrongpass|noauth"),
    _sign(
        Cause.DATABASE_CREDENTIALS_INVALID,
        "amqp",
        r"ACCESS_REFUSED|Login was refused using|PLAIN login refused",
        "access_refused|login was|login refused",
    ),
    _sign(
        Cause.DATABASE_CREDENTIALS_INVALID,
        "kafka",
        r"SaslAuthenticationException|SASL authentication failed",
        "saslauth|sasl auth",
    ),
    _sign(
        Cause.DATABASE_CREDENTIALS_INVALID,
        "mssql",
        r"Login failed for user '(?P<user>[^']*)'\.|(?:sqlserver|sqlclient|mssql|odbc|tds|18456|ELOGIN)[^\n]{0,200}"
        r"Login failed for user",
        "login failed",
    ),
    _sign(
        Cause.DATABASE_CONNECTIONS_EXHAUSTED,
        "mysql",
        r"Too many connections|ER_CON_COUNT_ERROR|has exceeded the 'max_(?:user_)?connections|max_user_connections"
        r"|ERROR 1040|\(1040\b|SQLSTATE\[?08004",
        "too many connections|er_con_count|max_|1040|08004",
    ),
    _sign(
        Cause.DATABASE_CONNECTIONS_EXHAUSTED,
        "postgresql",
        r"too many clients already|remaining connection slots are reserved"
        r"|too many connections for (?:role|database)|no more connections allowed",
        "too many c|slots are reserved|no more connections",
    ),
    _sign(Cause.DATABASE_CONNECTIONS_EXHAUSTED, "redis", r"max number of clients reached", "number of clients"),
    _sign(
        Cause.DATABASE_CONNECTIONS_EXHAUSTED,
        "mongodb",
        r"connection refused because too many open connections",
        "too many open",
    ),
    _sign(
        Cause.DATABASE_READ_ONLY,
        "mysql",
        r"running with the --(?:super-)?read-only|running with the LOCK_WRITE_GROWTH|Connection is read-only"
        r"|ER_OPTION_PREVENTS_STATEMENT|read[_ -]only mode|statement in a READ[ -]ONLY transaction",
        "read-only|read_only|read only|lock_write_growth|er_option",
    ),
    _sign(
        Cause.DATABASE_READ_ONLY,
        "postgresql",
        r"cannot execute \w+(?: \w+)? in a read-only transaction|SQLSTATE 25006|default_transaction_read_only",
        "read-only tr|25006|read_only",
    ),
    _sign(
        Cause.DATABASE_READ_ONLY,
        "redis",
        r"READONLY You can'?t write against|MISCONF Redis is configured to save",
        "readonly you|misconf",
    ),
    _sign(
        Cause.DATABASE_READ_ONLY,
        "mongodb",
        r"NotWritablePrimary|not master and slaveOk|NotMaster\b|not primary",
        "writableprimary|not master|notmaster|not primary",
    ),
    _sign(
        Cause.DATABASE_LOCK_CONTENTION,
        "mysql",
        r"Lock wait timeout exceeded|Deadlock found when trying to get lock",
        "lock wait|deadlock found",
    ),
    _sign(
        Cause.DATABASE_LOCK_CONTENTION,
        "postgresql",
        r"SQLSTATE 40P01|DeadlockDetected|(?:ERROR:|pq:) +deadlock detected"
        r"|could not obtain lock on|statement due to lock timeout|still waiting for \w+ on .{1,80} after \d+",
        "40p01|deadlock|could not obtain|lock timeout|still waiting",
    ),
    _sign(
        Cause.DATABASE_LOCK_CONTENTION,
        "mssql",
        r"was deadlocked on lock|Lock request time out period exceeded",
        "deadlocked|lock request",
    ),
    _sign(
        Cause.REPLICATION_LAG,
        "mysql",
        r"Seconds_Behind_(?:Master|Source)|replica(?:tion)? (?:lag|is behind)",
        "seconds_behind|replica",
    ),
    _sign(
        Cause.REPLICATION_LAG,
        "postgresql",
        r"canceling statement due to conflict with recovery|replication lag",
        "recovery|replication lag",
    ),
    _sign(
        Cause.DATABASE_CONNECTIONS_EXHAUSTED,
        POOL,
        r"Connection is not available, request timed out after|QueuePool limit of size|pool is probably full"
        r"|prior to obtaining a connection from the pool|pool timed out while waiting for an open"
        r"|pool error:? Timeout waiting for idle object|Timeout: Pool empty\. Unable to fetch a connection"
        r"|Timed out fetching a new connection from the connection pool|checkout a Connection has timed out"
        r"|could not obtain a (?:database )?connection (?:from the pool )?within|PoolExhaustedException|pool exhausted"
        r"|timeout exceeded when trying to connect|ConnectionAcquireTimeoutError|Timeout acquiring a connection"
        r"|connection not available and request was dropped from queue|timed out waiting for connection\b"
        r"|acquir\w* (?:a )?(?:database )?connection\b.{0,60}(?:deadline exceeded|timed? ?out)",
        "connection is not available|pool|open connection|obtain a|to connect|acquir|checkout|waiting for conn"
        "|connection not available",
    ),
    _sign(Cause.CACHE_MEMORY_EXHAUSTED, "redis", r"OOM command not allowed when used memory", "oom command"),
    _sign(
        Cause.CACHE_MEMORY_EXHAUSTED, "memcached", r"SERVER_ERROR out of memory storing object", "out of memory storing"
    ),
    _sign(
        Cause.MESSAGE_QUEUE_BACKLOG,
        "amqp",
        r"(?:memory|disk) resource limit alarm set|connection is blocked|queue .{1,80} is full",
        "alarm set|is blocked|is full",
    ),
    _sign(
        Cause.MESSAGE_QUEUE_BACKLOG,
        "kafka",
        r"consumer (?:group )?lag|QueueFullException|Local: Queue full",
        "lag|queuefull|queue full",
    ),
)

READ_ONLY = tuple(sign.words for sign in SIGNS if sign.cause is Cause.DATABASE_READ_ONLY)
"""What a store that takes no writes says."""
