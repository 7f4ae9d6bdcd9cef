"""``python -m bench``: every figure with its goal, as a table and in out/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import incidents, logs, memory, series, storm

PARTS = ("incidents", "memory", "storm", "logs", "series")
OUT = Path("out/bench.json")


def main(arguments: Sequence[str]) -> int:
    """0 when every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="only these; else all")
    parser.add_argument("--incidents", type=int, default=30, help="how many incidents, one after the other")
    parser.add_argument("--storm-seconds", type=int, default=60, help="for each shape of storm")
    options = parser.parse_args(arguments)
    parts = options.part or PARTS
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", file=sys.stderr, flush=True)

    result: dict[str, Any] = {"machine": {"cpus": os.cpu_count(), "python": platform.python_version()}}
    if "incidents" in parts:
        result["incidents"] = incidents.run(incidents=options.incidents, say=say)
    if "memory" in parts:
        result["idle_kopf_rss_mib"] = memory.idle_kopf_mib(say=say)
    if "storm" in parts:
        result["storm"] = asyncio.run(storm.run(seconds=options.storm_seconds, say=say))
    if "logs" in parts:
        result["logs"] = logs.run(say=say)
    if "series" in parts:
        result["series"] = series.run(say=say)
    rows = [*_rows(result), *_signal_rows(result)]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({**result, "rows": rows}, indent=2) + "\n")
    _print(rows)
    print(f"written to {OUT}")
    return 0 if all(row["met"] is not False for row in rows) else 1


def _rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def row(what: str, value: object, goal: str = "", met: bool | None = None) -> None:
        rows.append({"figure": what, "value": value, "goal": goal, "met": met})

    if found := result.get("incidents"):
        p50, p99 = found["alert_to_patch_p50_seconds"], found["alert_to_patch_p99_seconds"]
        row(f"alert POST → patch, p50 of {found['incidents']}", f"{p50} s", "≤ 2 s", p50 <= incidents.GOAL_P50_SECONDS)
        row("alert POST → patch, p99", f"{p99} s", "≤ 5 s", p99 <= incidents.GOAL_P99_SECONDS)
        most = found["api_writes_max"]
        row("API writes per incident, most", most, "≤ 25", most <= incidents.GOAL_WRITES)
        row("  and dry-runs", found["dry_runs_max"])
        for name, mib in found["idle_rss_mib"].items():
            row(f"idle RSS {name}", f"{mib} MiB", "≤ 120 MiB", mib <= memory.GOAL_MIB)
    for name, mib in result.get("idle_kopf_rss_mib", {}).items():
        row(f"idle RSS, nothing but {name}", f"{mib} MiB")
    if found := result.get("storm"):
        raw = found["raw_creates_per_second"]
        row("API server, raw creates", f"{raw}/s")
        for shape in found["shapes"]:
            row(f"storm {shape['shape']}: lost", shape["lost"], "0", storm.met(shape))
            row("  acknowledged p99", f"{shape['p99_ms']:.0f} ms", "≤ 1000 ms", shape["p99_ms"] <= 1000)
    return rows


def _signal_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def row(what: str, value: object, goal: str = "", met: bool | None = None) -> None:
        rows.append({"figure": what, "value": value, "goal": goal, "met": met})

    if found := result.get("logs", "series"):
        seconds = found["services"]["seconds_per_100_mb"]
        row("logs: 100 MB of services, one core", f"{seconds} s", "≤ 10 s", seconds <= logs.GOAL_SECONDS)
        for name in ("services", "words", "garbage"):
            rate = found[name]["lines_per_second"]
            row(f"logs: lines/s, {name}", f"{rate:,}", "≥ 20,000", rate >= logs.GOAL_LINES_PER_SECOND)
        for name in ("stream", "huge", "words"):
            peak = found[f"{name}_peak_mib"]
            row(f"logs: peak memory, {name}", f"{peak} MiB", "≤ 200 MiB", peak <= logs.GOAL_MIB)
        row("logs: a sample of 10 GiB", f"{found['huge']['seconds']} s")
        row("logs: grouping accuracy", found["grouping_accuracy"])
    if found := result.get("series"):
        one, other = found["worst_independent"], found["worst_correlated"]
        row("series: false alarms, noise", one, "≤ 0.01", one <= series.GOAL_FALSE_ALARMS)
        row("  with a long memory", other, "≤ 0.05", other <= series.GOAL_FALSE_ALARMS_CORRELATED)
        share = found["worst_found_of_10_points"]
        row("series: steps of 8 MAD found in 10 points", share, "≥ 0.9", share >= series.GOAL_FOUND)
        row("series: one of 120 points", f"{found['milliseconds_per_series']} ms")
    return rows


def _print(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(title="Incident Commander: figures", title_justify="left")
    for heading in ("figure", "value", "goal", ""):
        table.add_column(heading)
    for row in rows:
        mark = {True: "met", False: "MISSED", None: ""}[row["met"]]
        table.add_row(str(row["figure"]), str(row["value"]), row["goal"], mark)
    Console(width=80 if not sys.stdout.isatty() else None).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
