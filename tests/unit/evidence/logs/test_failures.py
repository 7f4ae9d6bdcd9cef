"""Failures in log lines, as real clients, servers and runtimes wrote them (recording/README.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from incident_commander.evidence.logs import FailureKind, failure_in, summarise

RECORDED: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "recording/failures.json").read_text())
KINDS = {
    "refused": FailureKind.REFUSED,
    "timeout": FailureKind.TIMEOUT,
    "dns": FailureKind.DNS,
    "tls": FailureKind.TLS,
    "reset": FailureKind.DISCONNECTED,
    "disconnected": FailureKind.DISCONNECTED,
    "unavailable": FailureKind.UNAVAILABLE,
    "upstream-5xx": FailureKind.UPSTREAM_5XX,
    "overloaded": FailureKind.OVERLOADED,
    "auth": FailureKind.AUTH,
    "permission-denied": FailureKind.PERMISSION,
    "read-only": FailureKind.READ_ONLY,
    "too-many-connections": FailureKind.TOO_MANY_CONNECTIONS,
    "deadlock": FailureKind.DEADLOCK,
    "locked": FailureKind.LOCKED,
    "out-of-memory": FailureKind.OUT_OF_MEMORY,
    "disk-full": FailureKind.DISK_FULL,
    "in-use": FailureKind.ADDRESS_IN_USE,
}
SYSTEMS = {
    "pq": "PostgreSQL",
    "pgx": "PostgreSQL",
    "psycopg": "PostgreSQL",
    "pymysql": "MySQL",
    "redis": "Redis",
    "pymongo": "MongoDB",
    "kafka": "Kafka",
    "pika": "RabbitMQ",
    "grpc": "gRPC",
}
SILENT = {
    # What a driver passes on of the operating system's error does not name the product.
    ("go/pq", "refused"),
    ("go/redis", "refused"),
}


def told(lines: list[str]) -> Any:
    return summarise(["2026-01-31 12:00:00,000 ERROR request failed", *lines]).failures


@pytest.mark.parametrize("name", sorted(name for name in RECORDED if not name.endswith(" none")))
def test_a_recorded_failure_is_told_with_its_kind_and_its_dependency(name: str) -> None:
    record = RECORDED[name]
    found = told(record["lines"])
    assert found, record["lines"]
    kinds = [one.failure.kind for one in found]
    assert KINDS[record["kind"]] in kinds, (kinds, record["lines"])
    if record["kind"] != "in-use":
        named = [one.failure.dependency for one in found if one.failure.kind is KINDS[record["kind"]]]
        assert record["dependency"] in named, (named, record["lines"])


@pytest.mark.parametrize("name", sorted(name for name in RECORDED if not name.endswith(" none")))
def test_no_other_failure_is_told_than_the_one_that_was_provoked(name: str) -> None:
    assert {one.failure.kind for one in told(RECORDED[name]["lines"])} == {KINDS[RECORDED[name]["kind"]]}


@pytest.mark.parametrize("name", sorted(name for name in RECORDED if name.endswith(" none")))
def test_other_errors_are_no_failure_of_a_dependency(name: str) -> None:
    assert told(RECORDED[name]["lines"]) == ()


@pytest.mark.parametrize("name", sorted(name for name in RECORDED if not name.endswith(" none")))
def test_the_product_is_told_where_the_client_names_it(name: str) -> None:
    writer, kind = name.split(" ")
    product = SYSTEMS.get(writer.split("/")[1].split("-")[0])
    if product is None or (writer, kind) in SILENT or not writer.startswith("python"):
        return
    assert product in {one.failure.system for one in told(RECORDED[name]["lines"])}


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-31 12:00:00 INFO reconnected after 3 timeouts, connection refused before",
        "INFO 0 errors, 0 timeouts",
        "GET /timeout HTTP/1.1 200",
        "INFO permission granted to user 5",
        '{"level":"info","msg":"retrying","error":"connection refused"}',
    ],
)
def test_what_is_told_as_information_is_no_failure(line: str) -> None:
    assert summarise([line]).failures == ()


def test_each_failure_counts_once_a_record_and_keeps_its_addresses_apart() -> None:
    line = "2026-01-31 12:00:00 ERROR dial tcp 10.0.0.{}:5432: connect: connection refused"
    trace = ["java.net.ConnectException: Connection refused", "\tat a.b.C.d(C.java:1)", "Caused by: Connection refused"]
    lines = [x for n in (3, 4, 4) for x in (line.format(n), *trace)]
    found = {one.failure.dependency: one.count for one in summarise(lines).failures}
    assert found == {"10.0.0.3:5432": 1, "10.0.0.4:5432": 2}


def test_a_source_file_and_an_own_address_are_no_dependency() -> None:
    assert failure_in("client.go:122: i/o timeout").dependency == ""  # type: ignore[union-attr]
    assert failure_in("listen tcp 0.0.0.0:8080: bind: address already in use").dependency == ""  # type: ignore[union-attr]
