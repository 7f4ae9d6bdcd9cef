"""What JSON records say is shown, however much stands before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from incident_commander.evidence.citing import MAX_VALUE, of_log, spoken
from incident_commander.evidence.evidence import Log
from incident_commander.evidence.lines import MAX_LINE, clean_line, numbered_lines
from incident_commander.evidence.logs import Room, excerpt
from incident_commander.evidence.structured import abridged, message_of, shortened

REASON = 'password authentication failed for user "orders"'
REQUEST = {"method": "POST", "url": "/orders", "headers": {f"x-header-{n}": "v" * 40 for n in range(60)}}
STACK = "error: it failed\n" + "\n".join(
    f"    at Layer.handle (/app/node_modules/lib/layer.js:{n}:5)" for n in range(80)
)

RECORDS: dict[str, dict[str, Any]] = {
    "pino": {
        "level": 50,
        "time": 1767225600000,
        "req": REQUEST,
        "err": {"message": REASON, "stack": STACK},
        "msg": "failed",
    },
    "zap": {
        "level": "error",
        "ts": 1767225600.1,
        "caller": "x.go:7",
        "request": REQUEST,
        "msg": "failed",
        "error": REASON,
    },
    "structlog": {"request": REQUEST, "event": "failed", "level": "error", "exception": f"{REASON}\n{STACK}"},
    "Serilog": {
        "@t": "2026-01-01T00:00:00Z",
        "@l": "Error",
        "Request": REQUEST,
        "@mt": "failed",
        "@x": f"{REASON}\n{STACK}",
    },
    "logback": {"mdc": REQUEST, "level": "ERROR", "stack_trace": STACK, "message": REASON},
    "nested cause": {"req": REQUEST, "err": {"message": "query failed", "cause": {"message": REASON}}, "msg": "failed"},
}


@pytest.mark.parametrize("name", RECORDS)
def test_the_reason_is_said_and_not_the_request(name: str) -> None:
    said = message_of(json.dumps(RECORDS[name]))
    assert said.startswith(REASON)
    assert "x-header" not in said


@pytest.mark.parametrize("prefix", ["", "2026-01-01T00:00:00.000000001Z stdout F ", "orders-1 | "])
@pytest.mark.parametrize("name", RECORDS)
def test_a_long_record_keeps_its_reason_and_stays_json(name: str, prefix: str) -> None:
    line = clean_line(prefix + json.dumps(RECORDS[name]))
    assert len(line) <= MAX_LINE
    assert message_of(line).startswith(REASON)
    assert list(json.loads(line.removeprefix(prefix.strip()).lstrip())) == list(RECORDS[name])


@pytest.mark.parametrize("name", RECORDS)
def test_a_citation_shows_the_reason(name: str) -> None:
    (_, line), *_ = numbered_lines(json.dumps(RECORDS[name]), 10)
    cited = of_log(Log("shop", "orders-1", "orders", False, (line,), (1,)), line)
    assert json.dumps(REASON)[1:-1] in cited.value
    assert len(cited.value) <= MAX_VALUE
    assert cited.path == "line 1"


def test_a_record_of_twenty_thousand_characters_keeps_its_reason_in_what_is_kept_of_a_log() -> None:
    record = {"level": "ERROR", "stack_trace": STACK * 4, "message": REASON}
    kept = excerpt([json.dumps(record).encode()], Room(100, 100_000))
    assert message_of(kept.lines[0]).startswith(REASON)


def test_what_is_dropped_is_the_longest_first_and_only_as_much_as_must() -> None:
    line = json.dumps({"a": "x" * 300, "b": "y" * 100, "msg": "it failed"})
    short = abridged(line, 300)
    assert short is not None
    kept = json.loads(short)
    assert kept["msg"] == "it failed"
    assert kept["b"] == "y" * 100
    assert "…" in kept["a"]


@pytest.mark.parametrize(
    "line",
    ["plain text", "{not json", '{"a": [', "[1, 2]", '{"a":' * 5000, "ERROR it failed {}"],
    ids=lambda line: line[:12],
)
def test_what_is_no_record_is_left_as_it_is(line: str) -> None:
    assert abridged(line, 10) is None
    assert message_of(line, 100_000) == line


def test_what_the_first_line_announces_is_said() -> None:
    error = f"failed to connect to `user=orders`:\n\t10.0.0.1:5432 (db): tls error\n\t10.0.0.1:5432 (db): {REASON}"
    assert (
        message_of(json.dumps({"error": error})) == f"failed to connect to `user=orders`: 10.0.0.1:5432 (db): {REASON}"
    )


def test_a_record_without_a_message_is_shown_as_it_is() -> None:
    assert message_of('{"status": 200}') == '{"status": 200}'


def test_a_long_message_is_shortened_in_the_middle() -> None:
    assert shortened("a" * 50 + "b" * 50, 21) == "a" * 13 + "…" + "b" * 7


def test_no_half_of_a_secret_is_left_where_a_value_is_shortened() -> None:
    key = "-----BEGIN PRIVATE KEY-----" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 60 + "-----END PRIVATE KEY-----"
    for place in ("body", "payload"):
        line = clean_line(json.dumps({"msg": "sent", place: f"{'x ' * 200}{key} done", "user": "u" * 400}))
        assert "MIIE" not in spoken(line)
    assert "MIIE" not in message_of(json.dumps({"msg": f"{'x ' * 200}{key} done"}))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (f"Traceback (most recent call last):\n  File 'a.py'\nValueError: {REASON}", f"ValueError: {REASON}"),
        (f"java.lang.X: wrapped\n\tat a.b(C.java:1)\nCaused by: java.io.Y: {REASON}\n\tat d", f"java.io.Y: {REASON}"),
    ],
)
@pytest.mark.parametrize("key", ["exception", "exc_info", "stack_trace"])
def test_of_an_exception_with_its_trace_the_innermost_is_said(key: str, error: str, said: str) -> None:
    assert message_of(json.dumps({"level": "error", key: error, "message": "failed"})) == f"{said}; failed"
