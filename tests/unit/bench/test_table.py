"""The table of figures: 80 columns, each goal marked, nothing missed silently."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from bench.storm import EVERYTHING, KILLED, SHAPES
from bench.table import COLUMNS, rows, show


def storm(name: str, **more: Any) -> dict[str, Any]:
    spent = {"gateway": 0.31, "kube-apiserver": 0.2}
    figures = {"shape": name, "lost": 0, "refused": {}, "again": 0, "sent_again": 0, "p50_ms": 271.4, "p99_ms": 999.0}
    return figures | {"cpu_ms_per_alert": spent} | more


def measured(**more: Any) -> dict[str, Any]:
    alone = {"gateway": 98.5, "agent-communication": 89.0}
    incidents: dict[str, Any] = {
        "alert_to_patch_p50_seconds": 1.134,
        "alert_to_patch_p99_seconds": 1.651,
        "incidents": 30,
    }
    incidents |= {"api_writes_max": 23, "dry_runs_max": 3, "idle_rss_mib": alone}
    storms = {
        "raw_creates_per_second": 1246.1,
        "shapes": [storm(shape.name) for shape in (*SHAPES, KILLED, EVERYTHING)],
    }
    operators = {"kopf": 66.9, "kopf_and_kubernetes_client": 80.1}
    return {"incidents": incidents, "idle_kopf_rss_mib": operators, "storm": storms} | more


def shown(result: dict[str, Any]) -> str:
    out = io.StringIO()
    show(rows(result), Console(file=out, width=COLUMNS))
    return out.getvalue()


def test_it_fits_into_80_columns_without_a_cut() -> None:
    text = shown(measured())
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "…" not in text


def test_every_figure_that_has_a_goal_is_marked() -> None:
    assert all((row["goal"] != "") == (row["met"] is not None) for row in rows(measured()))
    assert "MISSED" not in shown(measured())


def test_a_missed_goal_is_marked_as_missed() -> None:
    name = SHAPES[0].name
    for wrong in ({"lost": 1}, {"p99_ms": 1000.1}, {"refused": {"503": 20}}):
        result = measured(storm={"raw_creates_per_second": 0.0, "shapes": [storm(name, **wrong)]})
        assert [row["met"] for row in rows(result)].count(False) == 1
        assert "MISSED" in shown(result)


def test_a_killed_gateway_may_count_twice_only_what_was_sent_again() -> None:
    for again, good in ((20, True), (21, False)):
        killed = storm(KILLED.name, again=again, sent_again=20)
        found = rows({"storm": {"raw_creates_per_second": 0.0, "shapes": [killed]}})
        assert all(row["met"] is not False for row in found) is good


def test_a_part_that_could_not_be_measured_is_missed_and_named() -> None:
    (row,) = rows({"failed": {"storm": "no API server"}})
    assert (row["met"], row["value"]) == (False, "no API server")
    assert "storm: NOT MEASURED" in shown({"failed": {"storm": "no API server"}})
