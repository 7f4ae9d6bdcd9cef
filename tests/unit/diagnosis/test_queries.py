"""Slow queries, full databases and empty pools are told apart, in the words of servers and client libraries."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis
from tests.unit.diagnosis.builders import log, told
from tests.unit.diagnosis.shop import Shop, shop, tier

POSTGRES, MYSQL = ("postgres:17", 5432), ("mysql:8.4", 3306)
SLOW_LOGS = (
    (*POSTGRES, "2026-03-03 11:59:{n:02} UTC [71] LOG:  duration: 1{n:02}31.220 ms  statement: SELECT * FROM orders"),
    (*MYSQL, "# Query_time: 1{n:02}.31244  Lock_time: 0.000012 Rows_sent: 1  Rows_examined: 91288{n}"),
    (
        "mongo:8",
        27017,
        '{{"t":{{"$date":"2026-03-03T11:59:{n:02}.100Z"}},"s":"I","c":"COMMAND","msg":"Slow query","attr":'
        '{{"type":"command","ns":"shop.orders","durationMillis":1{n:02}31}}}}',
    ),
)
GIVEN_UP = (
    (*POSTGRES, "psycopg2.errors.QueryCanceled: canceling statement due to statement timeout"),
    (*POSTGRES, 'ERROR: canceling statement due to statement timeout (SQLSTATE 57014) query="SELECT"'),
    (*POSTGRES, "error: canceling statement due to statement timeout at Parser.parseErrorMessage (pg-protocol)"),
    (
        *MYSQL,
        "com.mysql.cj.jdbc.exceptions.MySQLTimeoutException: Statement cancelled due to timeout or client request",
    ),
    (*MYSQL, "ERROR 3024 (HY000): Query execution was interrupted, maximum statement execution time exceeded"),
    (*MYSQL, "Error: Query inactivity timeout code: 'PROTOCOL_SEQUENCE_TIMEOUT'"),
)
POOLS = (
    "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after "
    "30000ms (total=10, active=10, idle=0, waiting=37)",
    "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00",
    "Error: timeout exceeded when trying to connect at /app/node_modules/pg-pool/index.js:45:11",
    "KnexTimeoutError: Knex: Timeout acquiring a connection. The pool is probably full.",
    "ActiveRecord::ConnectionTimeoutError: could not obtain a connection from the pool within 5.000 seconds",
    "failed to acquire connection: context deadline exceeded",
    "DBConnection.ConnectionError: connection not available and request was dropped from queue after 2000ms",
    "org.apache.tomcat.jdbc.pool.PoolExhaustedException: [nio-1] Timeout: Pool empty. Unable to fetch a connection in "
    "30 seconds, none available[size:100; busy:100; idle:0; lastwait:30000].",
)


def says(made: Shop, app: str, lines: Sequence[str], times: int = 6) -> None:
    quiet = [f"INFO request {n} served" for n in range(40)]
    made.logs.append(log(made.pods[app], *quiet, *(list(lines) * times), container=app))


def logged(line: str) -> list[str]:
    return [line.format(n=n) for n in range(10, 16)]


def confident(found: Diagnosis) -> list[tuple[Cause, str]]:
    return [(h.cause, h.object.name) for h in found.hypotheses if h.confidence >= BAR and h.object is not None]


class TestSlowQueries:
    @pytest.mark.parametrize(("image", "port", "line"), SLOW_LOGS)
    def test_its_own_log_and_empty_pools_name_the_database(self, image: str, port: int, line: str) -> None:
        made = shop(image, port)
        says(made, "db", logged(line), times=1)
        says(made, "orders", [POOLS[0]])
        top = made.diagnose().hypotheses[0]
        assert top.object is not None
        assert (top.cause, top.object.name, top.facts["reason"]) == (Cause.DEPENDENCY_SLOW, "db", "SlowQueries")
        assert int(top.facts["latency"].removesuffix(" ms")) >= 1000

    @pytest.mark.parametrize(("image", "port", "line"), GIVEN_UP)
    def test_statements_that_are_given_up_name_it(self, image: str, port: int, line: str) -> None:
        made = shop(image, port)
        says(made, "orders", [line])
        assert confident(made.diagnose()) == [(Cause.DEPENDENCY_SLOW, "db")]

    def test_it_stands_above_the_pool_that_it_empties(self) -> None:
        made = shop(*POSTGRES)
        says(made, "db", logged(SLOW_LOGS[0][2]), times=1)
        says(made, "orders", [POOLS[1]])
        found = made.diagnose().hypotheses
        assert [h.cause for h in found[:2]] == [Cause.DEPENDENCY_SLOW, Cause.DATABASE_CONNECTIONS_EXHAUSTED]
        assert found[0].confidence - found[1].confidence >= 12

    @pytest.mark.parametrize(
        "lines",
        [
            ["2026-03-03 11:59:10 UTC [71] LOG:  duration: 12.220 ms  statement: SELECT 1"],
            ["WARN slow query took 130 ms"],
            ["2026-03-03 11:59:10 UTC [71] LOG:  checkpoint complete: wrote 3 buffers; write=12.1 s, total=12.3 s"],
            ["ERROR:  canceling autovacuum task"],
            ["INFO batch import took 12031 ms"],
        ],
    )
    def test_what_is_quick_or_no_query_is_none(self, lines: list[str]) -> None:
        made = shop(*POSTGRES)
        says(made, "db", lines)
        says(made, "orders", lines)
        assert confident(made.diagnose()) == []

    def test_one_slow_statement_among_many_quick_ones_is_everyday_life(self) -> None:
        made = shop(*POSTGRES)
        lines = [f"LOG:  duration: {20000 if n == 350 else n % 90}.220 ms  statement: SELECT 1" for n in range(400)]
        says(made, "db", lines, times=1)
        says(made, "orders", [POOLS[0]])
        assert (Cause.DEPENDENCY_SLOW, "db") not in confident(made.diagnose())

    def test_reports_for_which_nobody_waits_call_nobody(self) -> None:
        made = shop(*POSTGRES)
        says(made, "db", logged(SLOW_LOGS[0][2]), times=1)
        assert confident(made.diagnose()) == []

    def test_locks_behind_them_stand_above(self) -> None:
        made = shop(*POSTGRES)
        waits = "LOG:  process 71 still waiting for ShareLock on transaction 8123 after 1000.123 ms"
        says(made, "db", [waits, *logged(SLOW_LOGS[0][2])])
        made.pods["db"]["status"]["conditions"][1]["status"] = "False"
        made.pods["db"]["status"]["containerStatuses"][0]["ready"] = False
        says(made, "orders", [GIVEN_UP[0][2]])
        found = made.diagnose()
        order = [h.cause for h in found.hypotheses]
        assert order.index(Cause.DATABASE_LOCK_CONTENTION) < order.index(Cause.DEPENDENCY_SLOW), told(found)


class TestPools:
    @pytest.mark.parametrize("line", POOLS)
    def test_an_empty_pool_of_one_caller_is_the_callers(self, line: str) -> None:
        made = shop(*POSTGRES)
        says(made, "orders", [line])
        found = made.diagnose()
        assert confident(found) == [(Cause.DATABASE_CONNECTIONS_EXHAUSTED, "orders")], told(found)
        assert found.hypotheses[0].facts["dependency"] == "db"

    def test_empty_pools_of_several_callers_are_the_databases(self) -> None:
        made = shop(*POSTGRES)
        made.add("stock", tier("stock", "registry.example.com/stock:1", 8080, DB_HOST="db", DB_PORT="5432"), 8080)
        says(made, "orders", [POOLS[0]])
        says(made, "stock", [POOLS[1]])
        assert (Cause.DATABASE_CONNECTIONS_EXHAUSTED, "db") in confident(made.diagnose())

    def test_a_full_database_stands_above_the_pools_that_it_empties(self) -> None:
        made = shop(*POSTGRES)
        says(made, "orders", [POOLS[0], "FATAL: sorry, too many clients already"])
        top = made.diagnose().hypotheses[0]
        assert top.object is not None
        assert (top.cause, top.object.name) == (Cause.DATABASE_CONNECTIONS_EXHAUSTED, "db")

    @pytest.mark.parametrize(
        "line",
        [
            "WARNING urllib3.connectionpool: Connection pool is full, discarding connection: api",
            "org.apache.http.conn.ConnectionPoolTimeoutException: Timeout waiting for connection from pool",
            "INFO HikariPool-1 - Pool stats (total=10, active=1, idle=9, waiting=0)",
            "DEBUG acquired connection after 3 ms",
        ],
    )
    def test_pools_of_other_things_and_pools_in_good_health_are_none(self, line: str) -> None:
        made = shop(*POSTGRES)
        says(made, "orders", [line])
        assert confident(made.diagnose()) == []
