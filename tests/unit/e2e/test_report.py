"""Stages are measured from what the Incident tells, and the table fits a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from e2e.harness.audit import Cost, Write
from e2e.harness.report import table, write
from e2e.harness.result import Result
from e2e.harness.scenario import find

TOLD = {"AlertReceived": 1, "RoundOpened": 3, "QuorumReached": 6, "PlanApplied": 10, "Remediated": 50}


def incident(told: dict[str, int] = TOLD) -> dict[str, Any]:
    """Alerts at :02 and :00; the story ``told`` in seconds after that."""
    timeline = [{"at": f"2026-01-31T12:00:{at:02}.500Z", "reason": reason} for reason, at in told.items()]
    alerts = [{"startsAt": f"2026-01-31T12:00:0{second}Z"} for second in (2, 0)]
    status = {"phase": "Resolved", "outcome": "Remediated", "timeline": timeline, "finishedAt": "2026-01-31T12:00:50Z"}
    return {"spec": {"alerts": alerts}, "status": status}


def results(failure: str = "") -> list[Result]:
    writes = tuple(Write("u", "patch", "incidents", "shop", "inc", False, 200) for _ in range(333))
    return [Result(s, failure, 61.2, incident(), Cost(writes, writes, writes), ["it holds"]) for s in find([])]


class TestStages:
    def test_each_is_measured_from_the_end_of_the_one_before(self) -> None:
        stages = Result(find(["bad-image"])[0], incident=incident()).stages()
        assert stages == {"stored": 1.5, "planned": 2.0, "voted": 3.0, "approved": None, "acted": 4.0, "proven": 39.5}

    def test_the_first_time_counts_when_something_is_told_twice(self) -> None:
        found = incident()
        found["status"]["timeline"].append({"at": "2026-01-31T12:00:40Z", "reason": "RoundOpened"})
        assert Result(find(["bad-image"])[0], incident=found).stages()["planned"] == 2.0

    def test_no_stage_is_negative_when_an_alert_fires_again_later(self) -> None:
        found = incident()
        found["spec"]["alerts"] = [{"startsAt": "2026-01-31T12:00:40Z"}]
        result = Result(find(["bad-image"])[0], incident=found)
        assert (result.stages()["stored"], result.total()) == (0.0, 48.5)

    def test_the_total_is_from_the_first_alert_to_the_end(self) -> None:
        assert Result(find(["bad-image"])[0], incident=incident()).total() == 50

    def test_without_an_incident_nothing_is_measured(self) -> None:
        result = Result(find(["bad-image"])[0], failure="no Incident")
        assert (result.total(), set(result.stages().values()), result.end) == (None, {None}, "-/-")


class TestReports:
    def test_the_table_fits_80_columns(self) -> None:
        assert max(map(len, table(results()).splitlines())) <= 80

    def test_a_failure_is_told_in_every_format(self, tmp_path: Path) -> None:
        found = results("expected Resolved\nfound Escalated")
        write(found, tmp_path, "the local cluster", 200)
        suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
        assert suite.get("failures") == str(len(found))
        assert [f.get("message") for f in suite.iter("failure")] == ["expected Resolved"] * len(found)
        assert "found Escalated" in (tmp_path / "report.md").read_text()
        assert "FAILED" in table(found)

    def test_a_pass_is_no_failure(self, tmp_path: Path) -> None:
        write(results(), tmp_path, "the local cluster", 200)
        assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("failures") == "0"
