"""``python -m bench``: every figure with its goal, as a table and in out/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import correlation, incidents, logs, memory, series, storm
from bench.table import COLUMNS, rows, show

PARTS = ("incidents", "memory", "storm", "logs", "series", "correlation")
OUT = Path("out/bench.json")
_INCIDENT_SECONDS = 20


def main(arguments: Sequence[str]) -> int:
    """0 when every goal was met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="only these; else all")
    parser.add_argument("--incidents", type=int, default=20, help="how many incidents, one after the other")
    parser.add_argument("--storm-seconds", type=int, default=60, help="for each shape of storm")
    options = parser.parse_args(arguments)
    parts = options.part or PARTS
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", file=sys.stderr, flush=True)

    minutes = _minutes(parts, options.incidents, options.storm_seconds)
    say(f"this takes about {minutes} min; figures mean something on a quiet machine only")
    result: dict[str, Any] = {"machine": {"cpus": os.cpu_count(), "python": platform.python_version()}}
    measure: dict[str, tuple[str, Callable[[], Any]]] = {
        "incidents": ("incidents", lambda: incidents.run(incidents=options.incidents, say=say)),
        "memory": ("idle_kopf_rss_mib", lambda: memory.idle_kopf_mib(say=say)),
        "storm": ("storm", lambda: asyncio.run(storm.run(seconds=options.storm_seconds, say=say))),
        "logs": ("logs", lambda: logs.run(say=say)),
        "series": ("series", lambda: series.run(say=say)),
        "correlation": ("correlation", lambda: correlation.run(say=say)),
    }
    for part in (part for part in PARTS if part in parts):
        key, run = measure[part]
        try:
            result[key] = run()
        except (RuntimeError, TimeoutError, OSError) as error:
            # What was measured before, and what comes after, is worth having all the same.
            say(f"{part} FAILED: {error}")
            result.setdefault("failed", {})[part] = str(error).splitlines()[0]
    result["seconds"] = round(time.monotonic() - began)
    found = rows(result)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({**result, "rows": found}, indent=2) + "\n")
    show(found, Console(width=None if sys.stdout.isatty() else COLUMNS))
    print(f"took {result['seconds']} s; written to {OUT}")
    return 0 if all(row["met"] is not False for row in found) else 1


def _minutes(parts: Sequence[str], count: int, storm_seconds: int) -> int:
    """Each incident is verified for its whole window; each storm needs its objects before, and a count after."""
    seconds: dict[str, int] = {
        "incidents": 60 + count * _INCIDENT_SECONDS,
        "memory": 60,
        "storm": 60 + len(storm.EVERY) * (storm_seconds + 15),
        "logs": 120,
        "series": 60,
        "correlation": 5,
    }
    return max(1, round(sum(seconds[part] for part in parts) / 60))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
