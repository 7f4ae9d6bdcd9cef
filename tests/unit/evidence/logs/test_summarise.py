"""What is told of a log."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_commander.evidence.logs import Level, Limits, Skipped, lines_of, sampled, summarise

JAVA = """2026-01-31 12:00:00,001 ERROR c.x.Pool - Failed to obtain JDBC Connection
org.postgresql.util.PSQLException: Connection to orders-db:5432 refused.
\tat org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:342)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)
\t... 12 more"""
PYTHON = """ERROR:root:task 7 failed
Traceback (most recent call last):
  File "/app/x.py", line 3, in <module>
    f()
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/x.py", line 5, in <module>
    g()
ValueError: bad thing 3"""
BARE_PYTHON = """Traceback (most recent call last):
  File "/app/x.py", line 3, in <module>
    f()
shop.errors.Broken: out of stock"""
GO = """panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f0a1]

goroutine 1 [running]:
main.run(0xc000012345, 0x1)
\t/app/main.go:12 +0x1d
main.main()
\t/app/main.go:7
exit status 2"""
NODE = """Error: connect ECONNREFUSED 10.0.0.3:5432
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
  errno: -111,
  code: 'ECONNREFUSED'
}"""
DOTNET = """fail: Shop.Orders.Worker[0]
      Could not take order 17
      System.TimeoutException: The operation has timed out.
         at Shop.Cache.Get() in /src/Cache.cs:line 12
         --- End of inner exception stack trace ---"""
RUBY = """/app/x.rb:10:in `foo': bad (RuntimeError)
\tfrom /app/x.rb:12:in `<main>'"""
POSTGRES = """2026-01-31 12:00:00.123 UTC [12] ERROR:  deadlock detected
2026-01-31 12:00:00.123 UTC [12] DETAIL:  Process 1 waits for ShareLock
2026-01-31 12:00:00.123 UTC [12] STATEMENT:  UPDATE a SET b = 1"""
AFTER = "2026-01-31 12:00:09,001 INFO  done"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (JAVA, "java.net.ConnectException: Connection refused"),
        (PYTHON, "ValueError: bad thing 3"),
        (BARE_PYTHON, ""),
        (GO, ""),
        (NODE, ""),
        (DOTNET, ""),
        (RUBY, ""),
        (POSTGRES, ""),
    ],
    ids=["java", "python", "python without a log line", "go", "node", "dotnet", "ruby", "postgres"],
)
def test_a_stack_trace_is_one_record_with_its_innermost_cause(text: str, cause: str) -> None:
    lines = text.split("\n")
    found = summarise([*lines, AFTER, *lines, AFTER])
    assert found.records == 4, [(t.text, t.count) for t in found.templates]
    assert found.errors == 2
    assert found.first_error is not None
    assert found.first_error.count == 2
    assert found.first_error.cause == cause
    assert found.first_error.trace


def test_kubectl_timestamps_do_not_hide_what_belongs_together() -> None:
    lines = [f"2026-01-31T12:00:00.{n:09d}Z {line}" for n, line in enumerate(JAVA.split("\n"))]
    found = summarise(lines)
    assert found.records == 1
    assert found.first_error is not None
    assert found.first_error.cause == "java.net.ConnectException: Connection refused"


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("E0131 12:00:00.123456       1 reflector.go:147] failed", Level.ERROR),
        ("I0131 12:00:00.123456       1 main.go:1] started", Level.INFO),
        ("level=warn ts=2026-01-31T12:00:00Z msg=slow", Level.WARN),
        ('{"level":"fatal","msg":"gone"}', Level.FATAL),
        ('{"level":50,"time":1769860800000,"msg":"pino"}', Level.ERROR),
        ('{"level":30,"time":1769860800000,"msg":"pino"}', Level.INFO),
        ('{"severity":"ERROR","message":"gcp"}', Level.ERROR),
        ("2026/01/31 12:00:00 [error] 31#31: *1 upstream timed out", Level.ERROR),
        ("[2026-01-31 12:00:00.123][1][warning][config] envoy", Level.WARN),
        ("2026-01-31 12:00:00.123 UTC [1] FATAL:  role does not exist", Level.FATAL),
        ("2026-01-31T12:00:00.123456Z 0 [ERROR] [MY-010119] [Server] Aborting", Level.ERROR),
        ("2026-01-31 12:00:00 0 [Note] mariadbd: ready", Level.INFO),
        ("[2026-01-31 12:00:00 +0000] [12] [CRITICAL] WORKER TIMEOUT", Level.FATAL),
        ("WARNING:root:careful", Level.WARN),
        ("E, [2026-01-31T12:00:00.123456 #1] ERROR -- : rails", Level.ERROR),
        ("info: Microsoft.Hosting.Lifetime[14] Now listening", Level.INFO),
        ('10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 502 12', Level.ERROR),
        ('10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 12', Level.UNKNOWN),
        ("the error budget is fine", Level.UNKNOWN),
        ("loaded ErrorHandler", Level.UNKNOWN),
        ('{"log":"ERROR inner\\n","stream":"stderr","time":"2026-01-31T12:00:00Z"}', Level.ERROR),
    ],
)
def test_levels_are_read_as_libraries_write_them(line: str, level: Level) -> None:
    assert list(summarise([line]).levels) == [level]


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2026-01-31T12:00:00.5Z x", datetime(2026, 1, 31, 12, 0, 0, 500_000, UTC)),
        ("2026-01-31 13:00:00,250+01:00 x", datetime(2026, 1, 31, 12, 0, 0, 250_000, UTC)),
        ("2026/01/31 12:00:00 [error] x", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ('1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET', datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("1:M 31 Jan 2026 12:00:00.000 # x", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ('{"ts":1769860800.0,"msg":"x"}', datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ('{"time":1769860800000,"msg":"x"}', datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-02-31T12:00:00Z no such day", None),
        ("Jan 31 12:00:00 no year", None),
    ],
)
def test_times_are_read_or_left_out(line: str, at: datetime | None) -> None:
    assert summarise([line]).first_at == at


def test_templates_have_counts_rates_and_lines_that_can_be_looked_up() -> None:
    lines = [f"2026-01-31T12:0{n}:00Z INFO order {n} placed by user{n}" for n in range(10)]
    lines.insert(4, "2026-01-31T12:03:30Z ERROR order 99 lost")
    found = summarise(lines)
    (error, info) = found.templates
    assert (error.text, error.count, error.first.line) == ("ERROR order <*> lost", 1, 5)
    assert (info.text, info.count) == ("INFO order <*> placed by <*>", 10)
    assert (info.first.line, info.last.line) == (1, 11)
    assert info.per_minute == pytest.approx(10 / 9)
    assert lines[5 - 1] == error.first.text
    assert found.first_error == error


def test_against_a_baseline_only_what_is_new_is_new() -> None:
    usual = [f"INFO order {n} placed" for n in range(50)] + ["INFO started on port 1"]
    sick = [f"INFO order {n} placed" for n in range(70, 90)] + ["WARN pool is exhausted"]
    found = summarise(sick, baseline=summarise(usual))
    assert [t.text for t in found.new] == ["WARN pool is exhausted"]
    assert [t.text for t in found.rarer] == ["INFO started on port <*>"]
    assert found.compared
    assert not summarise(sick).compared


def test_a_rare_error_in_a_long_log_is_named() -> None:
    lines = [f"INFO order {n} placed" for n in range(500)]
    lines[250] = "ERROR checksum of block 7 differs"
    assert [t.text for t in summarise(lines).rare] == ["ERROR checksum of block <*> differs"]


def test_what_was_cut_skipped_binary_or_beyond_the_limits_is_said() -> None:
    lines: list[bytes | str | Skipped] = [
        b"INFO fine",
        b"\x00\x01\x02\x03\x04",
        b"x" * 200,
        Skipped(1000, "sampled"),
        b"ERROR later",
        b"INFO rest",
    ]
    found = summarise(lines, limits=Limits(line_bytes=100, total_bytes=224))
    assert found.unread.words() == (
        "1,000 bytes were not read",
        "reading stopped at the limit; the log goes on",
        "1 lines were too long and were cut (100 bytes)",
        "1 lines are binary and were not interpreted",
    )
    assert found.first_error is not None
    assert found.first_error.first.line is None, "after a gap line numbers are not known"


def test_more_shapes_than_are_told_apart_are_counted() -> None:
    words = [" ".join(["w"] * n) for n in range(1, 40)]
    found = summarise(words, limits=Limits(templates=10))
    assert len(found.templates) == 10
    assert found.unread.untemplated == 29
    assert found.records == 39


def test_of_a_file_that_is_too_large_a_sample_is_read_and_the_rest_is_accounted_for() -> None:
    text = b"".join(b"INFO line %09d\n" % n for n in range(100_000))
    read = list(sampled(io.BytesIO(text), len(text), max_bytes=100_000))
    lines = [line for line in read if isinstance(line, bytes)]
    skipped = sum(gap.bytes for gap in read if isinstance(gap, Skipped))
    assert all(line.startswith(b"INFO line ") and len(line) == 19 for line in lines)
    assert lines[0].endswith(b"000000000")
    assert lines[-1].endswith(b"000099999")
    assert len(text) - sum(len(line) + 1 for line in lines) - skipped in range(64)
    assert sum(len(line) for line in lines) <= 100_000
    whole = list(sampled(io.BytesIO(text), len(text), max_bytes=len(text)))
    assert len(whole) == 100_000


@given(st.binary(max_size=400), st.integers(1, 40), st.integers(1, 30))
def test_lines_are_what_split_says_but_bounded(text: bytes, chunk: int, most: int) -> None:
    chunks = [text[at : at + chunk] for at in range(0, len(text), chunk)]
    read = list(lines_of(chunks, max_line=most))
    lines = [line for line in read if isinstance(line, bytes)]
    expected = text.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert lines == [line[:most] for line in expected]
    cut = sum(gap.bytes for gap in read if isinstance(gap, Skipped))
    assert cut == sum(max(0, len(line) - most) for line in expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), st.text(max_size=60)), max_size=30))
def test_whatever_is_in_a_log_reading_it_never_fails_and_counts_every_line(lines: list[bytes | str]) -> None:
    found = summarise(lines)
    assert found.lines == len(lines)
    assert sum(t.count for t in found.templates) + found.unread.untemplated == found.records
    assert sum(found.levels.values()) == found.records
    for template in found.templates:
        assert "\x1b" not in template.text
        assert not any(ord(letter) < 32 for letter in template.text + template.first.text)


def test_what_is_remembered_does_not_change_what_is_counted() -> None:
    chance = random.Random(3)
    words = ["INFO order %d placed", "ERROR pool of %d exhausted", "WARN slow %d", "\tat x.Y(%d)", "Caused by: a.B: %d"]
    lines = [chance.choice(words) % chance.randrange(9999) for _ in range(3000)]
    few = Limits(remembered=2)
    one, other = summarise(lines), summarise(lines, limits=few)
    assert {(t.text, t.count, t.first, t.last) for t in one.templates} == {
        (t.text, t.count, t.first, t.last) for t in other.templates
    }
