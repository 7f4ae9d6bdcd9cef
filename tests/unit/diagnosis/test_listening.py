"""A log is searched from end to end; what is said often and until now counts, what is over does not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.listening import Listened, Words
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.evidence.evidence import Log
from tests.unit.diagnosis.builders import NOW
from tests.unit.diagnosis.shop import Shop, shop

REFUSED = Words(re.compile(r"refused|HTTP 50\d"), ("refused", "http"))


def log(lines: Sequence[str], app: str = "orders", *, previous: bool = False) -> Log:
    return Log("shop", f"{app}-6d4b75cb6d-abcde", app, previous, tuple(lines))


def stamped(at: datetime, text: str) -> str:
    return f"{at.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z {text}"


def busy(minutes: float, said: str, *, first: float, last: float, every: float = 1.0) -> list[str]:
    """Ten lines a minute until now; between two points in time (minutes ago) the words as well."""
    lines = [(minutes - n / 10, f"INFO request {n} served") for n in range(round(minutes * 10) + 1)]
    lines += [(first - n * every, said) for n in range(round((first - last) / every) + 1)]
    return [stamped(NOW - timedelta(minutes=ago), text) for ago, text in sorted(lines, reverse=True)]


def confident(made: Shop) -> set[Cause]:
    return {h.cause for h in made.diagnose().hypotheses if h.confidence >= BAR}


class TestRemarks:
    def test_lines_that_differ_in_digits_and_ids_are_one(self) -> None:
        lines = [f"{n} order {n * 7} refused trace=0af7651916cd43dd{n:016x}" for n in range(500)]
        (remark,) = Listened(log(lines)).remarks
        assert (remark.count, remark.last, remark.line) == (500, 499, lines[-1])

    def test_what_was_served_and_what_was_not_are_two(self) -> None:
        lines = [f"GET /orders HTTP {503 if n % 50 == 7 else 200}" for n in range(200)]
        (remark,) = Listened(log(lines)).heard(REFUSED)
        assert [lines[place][-3:] for place in remark.places] == ["503"] * 4

    def test_they_come_in_the_order_in_which_they_were_made_last(self) -> None:
        assert [r.line for r in Listened(log(["a", "b", "a", "c", "b"])).remarks] == ["a", "c", "b"]

    def test_quoted_words_are_not_the_programs_own(self) -> None:
        lines = ['INFO ticket opened subject="connection refused"'] * 3
        assert Listened(log(lines)).heard(REFUSED) == []

    def test_of_a_log_that_says_ever_new_things_the_end_and_the_start_are_searched_and_counted(self) -> None:
        letters = "abcdefghij"
        lines = ["".join(letters[int(digit)] for digit in str(n)) for n in range(5000)]
        found = Listened(log(lines))
        searched = {remark.line for remark in found.remarks}
        assert found.searched == len(searched) == 1700
        assert set(lines[:200]) | set(lines[-1500:]) == searched


class TestRecency:
    def test_without_times_it_is_the_place_among_the_lines(self) -> None:
        found = Listened(log(["a", "b", "c", "d"]))
        assert [found.recency(n) for n in range(4)] == [0.25, 0.5, 0.75, 1.0]

    def test_with_times_a_busy_log_makes_nothing_old(self) -> None:
        lines = busy(60, "refused", first=3, last=3)
        place = next(n for n, line in enumerate(lines) if line.endswith("refused"))
        assert Listened(log(lines)).recency(place) == pytest.approx(0.9, abs=0.01)

    def test_with_times_a_quiet_log_keeps_nothing_new(self) -> None:
        lines = [stamped(NOW - timedelta(minutes=ago), "x") for ago in (300, 290, 280, 0)]
        assert Listened(log(lines)).recency(2) == 0

    def test_a_line_of_a_stack_trace_has_the_time_of_its_record(self) -> None:
        trace = [stamped(NOW - timedelta(minutes=15), "ERROR no"), "java.net.ConnectException: refused", "\tat a.B(C)"]
        lines = [stamped(NOW - timedelta(hours=3), "INFO up"), *trace, stamped(NOW, "INFO served")]
        assert Listened(log(lines)).recency(3) == pytest.approx(0.5)

    def test_what_was_said_before_a_given_time_is_over_though_nothing_followed(self) -> None:
        lines = [stamped(NOW - timedelta(days=3), "refused")]
        assert Listened(log(lines), NOW - timedelta(days=1)).recency(0) == 0
        assert Listened(log(lines)).recency(0) == 1

    def test_times_that_lie_make_no_number_outside_of_the_scale(self) -> None:
        lines = [stamped(NOW - timedelta(hours=n), "x") for n in (2, -5, 0, 9)]
        found = Listened(log(lines))
        assert all(0 <= found.recency(n) <= 1 for n in range(4))


class TestBusyLogs:
    @pytest.mark.parametrize(
        ("said", "cause"),
        [
            (
                "ERROR java.sql.SQLException: The MySQL server is running with the --read-only option "
                "so it cannot execute this statement",
                Cause.DATABASE_READ_ONLY,
            ),
            (
                "ERROR django.db.utils.OperationalError: (1040, 'Too many connections')",
                Cause.DATABASE_CONNECTIONS_EXHAUSTED,
            ),
            (
                "ERROR x509: certificate has expired or is not yet valid: current time is after 2026-01-01T00:00:00Z",
                Cause.TLS_CERTIFICATE_INVALID,
            ),
        ],
    )
    def test_rare_words_among_thousands_of_lines_are_heard(self, said: str, cause: Cause) -> None:
        made = shop()
        made.logs = [log(busy(300, said, first=120, last=0.5, every=5))]
        assert cause in confident(made)

    @pytest.mark.parametrize(
        "said",
        [
            "ERROR (1040, 'Too many connections')",
            "ERROR x509: certificate has expired or is not yet valid",
            "ERROR dial tcp: lookup db on 10.96.0.10:53: no such host",
            "WARN could not connect to server: Connection refused: db:3306",
        ],
    )
    def test_words_that_ended_hours_ago_call_nobody(self, said: str) -> None:
        made = shop()
        made.logs = [log(busy(300, said, first=290, last=200))]
        assert confident(made) == set()

    def test_words_of_a_pod_that_is_well_are_over_after_a_day_of_silence(self) -> None:
        made = shop()
        said = "ERROR dial tcp: lookup db on 10.96.0.10:53: no such host"
        made.logs = [log([stamped(NOW - timedelta(days=3, seconds=-n), said) for n in range(9)])]
        assert confident(made) == set()

    def test_each_address_that_is_complained_about_lately_is_known(self) -> None:
        made = shop()
        lines = [f"dial tcp 10.244.9.{n % 9}:8080: connect: connection refused" for n in range(3000)]
        made.logs = [log(lines)]
        complaints = Case(made.evidence(), None, NOW).complaints["Deployment/shop/orders"]
        assert {c.address.host for c in complaints} == {f"10.244.9.{n}" for n in range(9)}
        assert complaints[-1].line == lines[-1]
