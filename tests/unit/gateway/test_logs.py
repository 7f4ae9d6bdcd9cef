"""What the gateway's logs answer when somebody asks where an alert is: one line per write or refusal, and no secret."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from incident_commander import errors
from incident_commander.api.kinds import INCIDENT
from incident_commander.gateway.settings import GatewaySettings
from tests.unit.gateway.harness import OPEN, Bench, Reviews, alert, client, post, webhook
from tests.unit.gateway.test_storms import LIMITED, about

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def lines() -> Any:
    with structlog.testing.capture_logs() as captured:
        yield captured


def at(lines: Lines, level: str) -> Lines:
    return [line for line in lines if line["log_level"] == level]


class TestWhatIsStored:
    async def test_a_new_incident_is_one_line_with_its_key_step_target_and_alerts(
        self, bench: Bench, lines: Lines
    ) -> None:
        await post(bench.app(), alert(1), alert(2))
        [stored] = bench.incidents()
        [line] = lines
        assert line == {
            "log_level": "info",
            "event": "Incident created",
            "incident": stored.key,
            "step": "Intake",
            "target": "Deployment/shop/api",
            "fates": {"Created": 2},
            "alerts": ["Down 0000000000000001", "Down 0000000000000002"],
        }

    async def test_alerts_that_join_and_resolve_are_one_line_per_write(self, bench: Bench, lines: Lines) -> None:
        app = bench.app()
        await post(app, alert(1))
        lines.clear()
        await post(app, alert(1, resolved=True), alert(2), alert(3))
        [line] = lines
        assert (line["event"], line["incident"]) == ("Alerts joined the Incident", bench.incidents()[0].key)
        assert line["fates"] == {"Joined": 2, "Resolved": 1}
        lines.clear()
        await post(app, alert(2, resolved=True))
        assert [line["event"] for line in lines] == ["Alerts of the Incident resolved"]

    async def test_what_changes_nothing_is_no_line_above_debug(self, bench: Bench, lines: Lines) -> None:
        app = bench.app()
        await post(app, alert(1))
        lines.clear()
        await post(app, alert(1))
        [line] = lines
        assert (line["log_level"], line["fates"]) == ("debug", {"Unchanged": 1})
        assert line["incidents"] == [bench.incidents()[0].key]

    async def test_a_storm_is_told_as_a_warning_and_by_writes_not_by_alerts(self, bench: Bench, lines: Lines) -> None:
        await post(bench.app(LIMITED), *(about(number) for number in range(1000)))
        [storm] = at(lines, "warning")
        assert storm["event"] == "Alert storm: one Incident stands for all further alerts of its namespace"
        assert storm["incident"] == next(one.key for one in bench.incidents() if one.spec.storm)
        assert len(lines) < 10
        assert sum(count for line in lines for count in line["fates"].values()) == 1000
        assert max(len(line["alerts"]) for line in lines) == 5

    async def test_a_target_that_is_not_known_is_said(self, bench: Bench, lines: Lines) -> None:
        await post(bench.app(), alert(1, job="batch"))
        assert lines[0]["target"] == "none"


class TestWhatIsRefused:
    @pytest.mark.parametrize(("token", "status"), [("", 401), ("s3cr3t-stranger", 401), ("am", 403)])
    async def test_a_request_without_the_right_is_a_warning_that_holds_no_token(
        self, bench: Bench, lines: Lines, token: str, status: int
    ) -> None:
        await post(bench.app(GatewaySettings(), Reviews(am=["other"])), alert(), token=token)
        [line] = lines
        assert (line["log_level"], line["event"], line["status"]) == ("warning", "Alerts were refused", status)
        assert line["step"] == "Intake"
        assert line["client"]
        assert line["reason"]
        assert "s3cr3t" not in str(line)

    async def test_bad_json_is_a_warning_with_the_path_of_the_field(self, bench: Bench, lines: Lines) -> None:
        async with client(bench.app()) as http:
            await http.post("/api/v1/alerts", json={"alerts": [{"labels": 3}]})
        [line] = lines
        assert line["status"] == 400
        assert line["reason"].startswith("alerts[0].status: ")

    async def test_too_large_a_body_is_a_warning(self, bench: Bench, lines: Lines) -> None:
        async with client(bench.app()) as http:
            await http.post("/api/v1/alerts", json=webhook(alert(), pad="x" * 1024 * 1024))
        assert [line["status"] for line in lines] == [413]

    async def test_another_path_or_method_is_a_warning_that_names_the_right_one(
        self, bench: Bench, lines: Lines
    ) -> None:
        async with client(bench.app()) as http:
            assert (await http.post("/api/v2/alerts", json=webhook(alert()))).status_code == 404
            assert (await http.put("/api/v1/alerts", json=webhook(alert()))).status_code == 405
        assert [(line["status"], line["request"]) for line in lines] == [
            (404, "POST /api/v2/alerts"),
            (405, "PUT /api/v1/alerts"),
        ]
        assert all("POST /api/v1/alerts" in line["reason"] for line in lines)

    async def test_alerts_that_cannot_be_stored_are_named(self, bench: Bench, lines: Lines) -> None:
        app = bench.app()
        bench.faults.inject(lambda: errors.Unavailable("no answer in time"), verb="create", resource=INCIDENT.resource)
        assert (await post(app, alert(7))).status_code == 503
        [line] = at(lines, "warning")
        assert (line["event"], line["status"]) == ("Alerts were not stored", 503)
        assert line["alerts"] == ["Down 0000000000000007"]
        assert "no answer in time" in line["reason"]

    async def test_a_flood_of_them_is_bounded_and_says_how_many_it_left_out(self, bench: Bench, lines: Lines) -> None:
        app = bench.app(GatewaySettings(), Reviews())
        for _ in range(500):
            await post(app, alert())
        assert len(lines) == 10
        bench.clock.advance(60)
        await post(app, alert())
        assert lines[-1]["left_out"] == 490

    async def test_the_flood_of_one_status_does_not_hide_another(self, bench: Bench, lines: Lines) -> None:
        app = bench.app(GatewaySettings(), Reviews(am=["other"]))
        for _ in range(500):
            await post(app, alert())
        await post(app, alert(), token="am")
        assert lines[-1]["status"] == 403

    async def test_probes_are_no_lines(self, bench: Bench, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bench.api, "offers", lambda *_, **__: False)
        async with client(bench.app(OPEN)) as http:
            assert (await http.get("/readyz")).status_code == 503
        assert lines == []
