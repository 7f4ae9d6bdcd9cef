"""The figures as one table of at most 80 columns, each beside its goal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import correlation, incidents, logs, memory, series, storm

COLUMNS = 80


def rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of what was measured: figure, value, goal, and whether it is met (None: there is no goal)."""
    found: list[dict[str, Any]] = []
    for name, of in (
        ("incidents", _of_incidents),
        ("idle_kopf_rss_mib", _of_idle_operators),
        ("storm", _of_storms),
        ("logs", _of_logs),
        ("series", _of_series),
        ("correlation", _of_correlation),
    ):
        if name in result:
            found += of(result[name])
    found += [_row(f"{part}: NOT MEASURED", why[:40], "", False) for part, why in result.get("failed", {}).items()]
    return found


def show(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print the table."""
    table = Table(title="Incident Commander: figures", title_justify="left")
    for heading in ("figure", "value", "goal", ""):
        table.add_column(heading, no_wrap=heading != "figure")
    for row in found:
        mark = {True: "met", False: "MISSED", None: ""}[row["met"]]
        table.add_row(str(row["figure"]), str(row["value"]), row["goal"], mark)
    console.print(table)


def _row(what: str, value: object, goal: str = "", met: bool | None = None) -> dict[str, Any]:
    return {"figure": what, "value": value, "goal": goal, "met": met}


def _of_incidents(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    p50, p99 = found["alert_to_patch_p50_seconds"], found["alert_to_patch_p99_seconds"]
    yield _row(
        f"alert POST → patch, p50 of {found['incidents']}", f"{p50} s", "≤ 2 s", p50 <= incidents.GOAL_P50_SECONDS
    )
    yield _row("alert POST → patch, p99", f"{p99} s", "≤ 5 s", p99 <= incidents.GOAL_P99_SECONDS)
    most = found["api_writes_max"]
    yield _row("API writes per incident, most", most, "≤ 25", most <= incidents.GOAL_WRITES)
    yield _row("  and dry-runs", found["dry_runs_max"])
    for name, mib in found["idle_rss_mib"].items():
        yield _row(f"idle RSS {name}", f"{mib} MiB", "≤ 120 MiB", mib <= memory.GOAL_MIB)


def _of_idle_operators(found: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    for name, mib in found.items():
        yield _row(f"idle RSS, nothing but {name}", f"{mib} MiB")


def _of_storms(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if raw := found["raw_creates_per_second"]:
        yield _row("API server, raw creates", f"{raw}/s")
    for shape in found["shapes"]:
        yield _row(f"storm {shape['shape']}: lost", shape["lost"], "0", shape["lost"] == 0)
        refused = sum(shape["refused"].values())
        times = f"{shape['p50_ms']:.0f} / {shape['p99_ms']:.0f} ms"
        if shape["shape"] == storm.KILLED.name:
            yield _row("  acknowledged p50 / p99", times)
            again, most = shape["again"], shape["sent_again"]
            yield _row("  counted twice, of those sent again", f"{again} of {most}", f"≤ {most}", again <= most)
            continue
        yield _row("  acknowledged p50 / p99", times, "≤ 1000 ms", shape["p99_ms"] <= storm.GOAL_P99_MS)
        yield _row("  refused, and sent again", refused, "0", refused == 0)
        spent = shape["cpu_ms_per_alert"]
        yield _row("  CPU per alert, gateway / all", f"{spent['gateway']:.2f} / {sum(spent.values()):.2f} ms")


def _of_logs(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    seconds = found["services"]["seconds_per_100_mb"]
    yield _row("logs: 100 MB of services, one core", f"{seconds} s", "≤ 10 s", seconds <= logs.GOAL_SECONDS)
    for name in ("services", "words", "garbage"):
        rate = found[name]["lines_per_second"]
        yield _row(f"logs: lines/s, {name}", f"{rate:,}", "≥ 20,000", rate >= logs.GOAL_LINES_PER_SECOND)
    kept = found["services"]["excerpt_seconds_per_100_mb"]
    yield _row("logs: 100 MB for a diagnosis, one core", f"{kept} s", "≤ 10 s", kept <= logs.GOAL_SECONDS)
    for name in logs.MEMORY:
        peak = found[f"{name}_peak_mib"]
        yield _row(f"logs: peak memory, {name}", f"{peak} MiB", "≤ 200 MiB", peak <= logs.GOAL_MIB)
    yield _row("logs: a sample of 10 GiB", f"{found['huge']['seconds']} s")
    yield _row("logs: grouping accuracy", found["grouping_accuracy"])


def _of_series(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    one, other = found["worst_independent"], found["worst_correlated"]
    yield _row("series: false alarms, noise", one, "≤ 0.01", one <= series.GOAL_FALSE_ALARMS)
    yield _row("  with a long memory", other, "≤ 0.05", other <= series.GOAL_FALSE_ALARMS_CORRELATED)
    share = found["worst_found_of_10_points"]
    yield _row("series: steps of 8 MAD found in 10 points", share, "≥ 0.9", share >= series.GOAL_FOUND)
    yield _row("series: one of 120 points", f"{found['milliseconds_per_series']} ms")


def _of_correlation(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    rand, packed = found["adjusted_rand_mean"], found["compression"]
    yield _row("cascades: adjusted Rand index, mean", rand, "≥ 0.95", rand >= correlation.GOAL_RAND)
    yield _row("  of the worst of 40 worlds", found["adjusted_rand_worst"])
    yield _row("  alerts compressed by", f"{packed:.1%}", "≥ 90 %", packed >= correlation.GOAL_COMPRESSION)
    seconds = found["storm_cpu_seconds"]
    name = f"  a storm of {found['storm_alerts']:,} alerts, CPU"
    yield _row(name, f"{seconds} s", "≤ 5 s", seconds <= correlation.GOAL_STORM_SECONDS)
    yield _row("  adjusted Rand index of the storm", found["storm_adjusted_rand"])
