"""Ask a Prometheus every query of every dashboard, as Grafana would, and say which panels show nothing, and why."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp

from charts.dashboards.files import FOLDER
from e2e.harness.api import Json

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_PARALLEL = 4
_FROM_CADVISOR = "container_"


@dataclass(frozen=True)
class Viewer:
    """What Grafana puts in for its variables. Times are PromQL durations; ``step`` is at least two scrapes long."""

    namespace: str = ".*"
    release: str = ".*"
    range: str = "15m"
    step: str = "1m"
    baseline_minutes: str = "30"
    cost_per_minute: str = "100"

    def query(self, expr: str) -> str:
        """As it is sent. Raises ``ValueError`` when a variable is left."""
        values = {
            "$namespace": self.namespace,
            "$release": self.release,
            "$__range": self.range,
            "$__rate_interval": self.step,
            "$__interval": self.step,
            "$baseline_minutes": self.baseline_minutes,
            "$cost_per_minute": self.cost_per_minute,
        }
        for name in sorted(values, key=len, reverse=True):
            expr = expr.replace(name, values[name])
        # A dollar and digits is a group of label_replace.
        if left := re.findall(r"\$[a-zA-Z_]+", expr):
            raise ValueError(f"no value for {', '.join(left)}")
        return expr


@dataclass(frozen=True)
class Query:
    """One query of one panel."""

    dashboard: str
    panel: str
    expr: str
    instant: bool

    def __str__(self) -> str:
        """``dashboard / panel``."""
        return f"{self.dashboard} / {self.panel}"


@dataclass(frozen=True)
class Empty:
    """A query that shows nothing."""

    query: Query
    why: str


def queries(*, cadvisor: bool = True) -> list[Query]:
    """Those of the files that the chart ships. Without ``cadvisor``, panels about containers are left out."""
    shipped = ((file.stem, json.loads(file.read_text())) for file in sorted(FOLDER.glob("*.json")))
    return [
        Query(dashboard, panel["title"], target["expr"], target["instant"])
        for dashboard, document in shipped
        for panel in document["panels"]
        for target in panel.get("targets", [])
        if cadvisor or _FROM_CADVISOR not in target["expr"]
    ]


async def ask(prometheus: str, asked: Sequence[Query], viewer: Viewer = Viewer()) -> list[Empty]:
    """The queries without a single number to show (NaN is none), in order."""
    slots = asyncio.Semaphore(_PARALLEL)
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:

        async def one(query: Query) -> Empty | None:
            async with slots:
                return await _ask(session, prometheus, query, viewer)

        return [empty for empty in await asyncio.gather(*(one(query) for query in asked)) if empty is not None]


def report(asked: Sequence[Query], empty: Sequence[Empty]) -> str:
    """For people: the verdict, then each panel without data."""
    lines = [f"{len(asked) - len(empty)} of {len(asked)} dashboard queries return data"]
    for found in empty:
        lines += [f"  {found.query}: {found.why}", f"    {found.query.expr}"]
    return "\n".join(lines)


async def _ask(session: aiohttp.ClientSession, prometheus: str, query: Query, viewer: Viewer) -> Empty | None:
    expr, now = viewer.query(query.expr), time.time()
    if query.instant:
        answer = await _get(session, prometheus, "query", {"query": expr, "time": f"{now:.3f}"})
    else:
        # As a graph of the last part of the range, which is what must not be empty.
        times = {"start": f"{now - 60:.3f}", "end": f"{now:.3f}", "step": "5"}
        answer = await _get(session, prometheus, "query_range", {"query": expr, **times})
    if answer.get("status") != "success":
        return Empty(query, f"the query failed: {answer.get('error')}")
    series = answer["data"]["result"]
    if any(_numbers(one) for one in series):
        return None
    return Empty(
        query, "only NaN: nothing was measured in this time" if series else await _why(session, prometheus, expr)
    )


def _numbers(series: Json) -> bool:
    points = series.get("values") or [series["value"]]
    return any(not math.isnan(float(value)) for _, value in points)


async def _why(session: aiohttp.ClientSession, prometheus: str, expr: str) -> str:
    missing = []
    for name in sorted(set(re.findall(r"\b([a-z_:]+)\{", expr))):
        answer = await _get(session, prometheus, "query", {"query": f"count({name})"})
        if not answer.get("data", {}).get("result"):
            missing.append(name)
    return f"no series of {', '.join(missing)}" if missing else "there are series, and none matches"


async def _get(session: aiohttp.ClientSession, prometheus: str, what: str, form: Mapping[str, str]) -> Json:
    async with session.post(f"{prometheus}/api/v1/{what}", data=dict(form)) as answer:
        found: Json = await answer.json()
        return found
