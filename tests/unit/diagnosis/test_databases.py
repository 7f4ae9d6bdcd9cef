"""Data stores that refuse, in the words of their client libraries."""

import json

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_agents.diagnosis.store_words import SIGNS
from incident_commander.api.causes import Cause
from incident_commander.evidence.lines import numbered_lines
from tests.unit.diagnosis.builders import log, told
from tests.unit.diagnosis.shop import shop, tier

C = Cause


@pytest.mark.parametrize(
    ("kind", "port", "line", "cause", "object_"),
    [
        (
            "mysql:8.4",
            3306,
            "java.sql.SQLException: Access denied for user 'orders'@'10.244.1.22' (using password: YES)",
            C.DATABASE_CREDENTIALS_INVALID,
            "orders",
        ),
        (
            "mariadb:11",
            3306,
            "Error 1045 (28000): Access denied for user 'orders'@'%' (using password: NO)",
            C.DATABASE_CREDENTIALS_INVALID,
            "orders",
        ),
        (
            "postgres:17",
            5432,
            'psycopg.OperationalError: FATAL:  password authentication failed for user "orders"',
            C.DATABASE_CREDENTIALS_INVALID,
            "orders",
        ),
        (
            "redis:8",
            6379,
            "ReplyError: WRONGPASS invalid username-password pair or user is disabled.",
            C.DATABASE_CREDENTIALS_INVALID,
            "orders",
        ),
        (
            "mysql:8.4",
            3306,
            "com.mysql.cj.jdbc.exceptions.MySQLNonTransientConnectionException: Data source rejected establishment "
            'of connection,  message from server: "Too many connections"',
            C.DATABASE_CONNECTIONS_EXHAUSTED,
            "db",
        ),
        (
            "postgres:17",
            5432,
            "pq: sorry, too many clients already",
            C.DATABASE_CONNECTIONS_EXHAUSTED,
            "db",
        ),
        (
            "mysql:8.4",
            3306,
            "Error 1290 (HY000): The MySQL server is running with the --super-read-only option so it cannot execute "
            "this statement",
            C.DATABASE_READ_ONLY,
            "db",
        ),
        (
            "postgres:17",
            5432,
            "ERROR: cannot execute INSERT in a read-only transaction (SQLSTATE 25006)",
            C.DATABASE_READ_ONLY,
            "db",
        ),
        (
            "redis:8",
            6379,
            "READONLY You can't write against a read only replica.",
            C.DATABASE_READ_ONLY,
            "db",
        ),
        (
            "mysql:8.4",
            3306,
            "Lock wait timeout exceeded; try restarting transaction",
            C.DATABASE_LOCK_CONTENTION,
            "db",
        ),
        (
            "redis:8",
            6379,
            "OOM command not allowed when used memory > 'maxmemory'.",
            C.CACHE_MEMORY_EXHAUSTED,
            "db",
        ),
    ],
)
def test_the_words_of_the_store_are_the_cause(kind: str, port: int, line: str, cause: Cause, object_: str) -> None:
    made = shop(kind, port)
    made.logs = [log(made.pods["orders"], *["started"] * 20, *[line] * 4, container="orders")]
    top = made.diagnose().hypotheses[0]
    assert top.object is not None
    assert (top.cause, top.object.name, top.confidence >= 75) == (cause, object_, True)
    assert top.evidence[0].value == line


def test_a_json_record_says_its_reason_however_long_the_request_before_it_is() -> None:
    reason = 'password authentication failed for user "orders"'
    request = {f"x-header-{n}": "v" * 60 for n in range(60)}
    record = {"level": 50, "req": request, "err": {"message": reason, "stack": "at a\n" * 99}, "msg": "request errored"}
    (_, line), *_ = numbered_lines(json.dumps(record), 1)
    made = shop("postgres:17", 5432)
    made.logs = [log(made.pods["orders"], *["started"] * 20, *[line] * 4, container="orders")]
    top = made.diagnose().hypotheses[0]
    assert top.cause is C.DATABASE_CREDENTIALS_INVALID
    assert top.summary.endswith(f"{reason}; request errored")
    assert json.loads(top.evidence[0].value)["err"]["message"] == reason
    assert top.facts["user"] == "orders"


def test_a_complaint_that_ended_long_ago_is_history() -> None:
    made = shop()
    lines = ["Too many connections"] * 4 + ["200 OK"] * 400
    made.logs = [log(made.pods["orders"], *lines, container="orders")]
    found = made.diagnose()
    assert all(h.confidence < 60 for h in found.hypotheses), told(found)


def test_words_of_a_store_that_is_not_here_prove_little() -> None:
    made = shop("postgres:17", 5432)
    made.logs = [log(made.pods["orders"], *["login of bob: Authentication failed."] * 5, container="orders")]
    found = made.diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_the_pieces_that_are_looked_for_first_cover_every_sign() -> None:
    samples = {
        "Access denied for user 'x'@'y'",
        "ERROR 1045",
        "ER_ACCESS_DENIED_ERROR",
        "SQLSTATE[28000]",
        "password authentication failed for user x",
        'role "x" does not exist',
        "no pg_hba.conf entry",
        "MongoSecurityException",
        "NOAUTH Authentication required",
        "ACCESS_REFUSED",
        "SaslAuthenticationException",
        "mssql: login error: Login failed for user 'x",
        "MongoServerError: Authentication failed",
        "has exceeded the 'max_user_connections",
        "remaining connection slots are reserved",
        "max number of clients reached",
        "connection refused because too many open connections",
        "Connection is read-only",
        "NotWritablePrimary",
        "SQLSTATE 40P01",
        "DeadlockDetected",
        "Seconds_Behind_Source",
        "canceling statement due to conflict with recovery",
        "SERVER_ERROR out of memory storing object",
        "memory resource limit alarm set",
        "connection is blocked",
        "consumer lag",
        "Local: Queue full",
        "ER_DBACCESS_DENIED_ERROR",
        "ER_NOT_SUPPORTED_AUTH_MODE",
        "Plugin 'caching_sha2_password' could not be loaded",
        "SCRAM authentication failed",
        "PLAIN login refused",
        "ERROR 1040",
        "SQLSTATE[08004]",
        "Cannot execute statement in a READ ONLY transaction",
        "pq: deadlock detected",
        "QueuePool limit of size 5 overflow 10 reached",
        "The pool is probably full",
        "pool timed out while waiting for an open connection",
        "pool error Timeout waiting for idle object",
        "Timed out fetching a new connection from the connection pool",
        "PoolExhaustedException",
    }
    for sample in samples:
        found = [s for s in SIGNS if any(piece in sample.lower() for piece in s.words.pieces)]
        assert any(s.words.match(sample) for s in found), sample


def test_of_several_stores_the_one_that_says_it_of_itself_comes_first() -> None:
    made = shop()
    made.pods["orders"]["spec"]["containers"][0]["env"] = []
    made.add("archive", tier("archive", "mysql:8.4", 3306), 3306)
    made.add("zoo", tier("zoo", "mysql:8.4", 3306), 3306)
    made.logs = [
        log(made.pods["orders"], *["Too many connections"] * 4, container="orders"),
        log(made.pods["zoo"], *["[Warning] Too many connections"] * 4, container="zoo"),
    ]
    found = made.diagnose().hypotheses
    names = [h.object.name for h in found if h.cause is C.DATABASE_CONNECTIONS_EXHAUSTED and h.object is not None]
    assert names[0] == "zoo"
    assert set(names) == {"zoo", "db", "archive"}


def test_one_deadlock_among_many_requests_is_everyday_life() -> None:
    deadlock = "Deadlock found when trying to get lock; try restarting transaction"
    for times, suspected in ((1, False), (40, True)):
        made = shop()
        lines = [f"INFO request {n} served" for n in range(60)] + [deadlock] * times
        made.logs.append(log(made.pods["orders"], *lines, container="orders"))
        found = made.diagnose()
        assert any(h.cause is C.DATABASE_LOCK_CONTENTION and h.confidence >= 30 for h in found.hypotheses) is suspected


@pytest.mark.parametrize("kind", ["mssql/server:2022", "mongo:8"])
@pytest.mark.parametrize(
    "line", ["Authentication failed. Bad credentials", "Login failed for user 'bob' from 203.0.113.7"]
)
def test_what_an_application_says_of_its_own_users_is_no_refusal_of_its_store(kind: str, line: str) -> None:
    made = shop(kind, 1433 if "mssql" in kind else 27017)
    made.logs.append(log(made.pods["orders"], *[line] * 8, container="orders"))
    found = made.diagnose()
    assert all(h.confidence < 30 for h in found.hypotheses), told(found)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("mssql/server:2022", "Microsoft.Data.SqlClient.SqlException (0x80131904): Login failed for user 'sa'."),
        ("mssql/server:2022", "mssql: login error: Login failed for user 'sa'"),
        ("mongo:8", "pymongo.errors.OperationFailure: Authentication failed., full error: {'ok': 0.0, 'code': 18}"),
        ("mongo:8", "auth error: unable to authenticate: (AuthenticationFailed) Authentication failed."),
        ("mongo:8", "MongoServerError: Authentication failed."),
    ],
)
def test_what_the_client_of_a_store_says_is_one(kind: str, line: str) -> None:
    made = shop(kind, 1433 if "mssql" in kind else 27017)
    made.logs.append(log(made.pods["orders"], *[line] * 8, container="orders"))
    found = made.diagnose()
    assert (found.hypotheses[0].cause, found.hypotheses[0].confidence >= BAR) == (
        C.DATABASE_CREDENTIALS_INVALID,
        True,
    ), told(found)


@pytest.mark.parametrize(
    "line", ["READONLY You can't write against a read only replica.", "ERR max number of clients reached"]
)
def test_once_among_hundreds_of_requests_that_went_on_was_a_passing_trouble(line: str) -> None:
    for times, confident in ((1, False), (30, True)):
        made = shop("redis:8", 6379)
        served = [f"INFO request {n} served" for n in range(300)]
        lines = [*served, *[line] * times, *served[:60]]
        made.logs.append(log(made.pods["orders"], *lines, container="orders"))
        found = made.diagnose()
        assert any(h.confidence >= BAR for h in found.hypotheses) is confident, told(found)
