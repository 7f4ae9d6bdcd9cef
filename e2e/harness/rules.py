"""The chart's alerts against the real exporters: does every series that an expression asks for exist, with its labels?

An alert whose metric, label or label value nobody exposes never fires, and no unit test of it can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import aiohttp
import yaml

from e2e.harness.api import Json
from e2e.harness.manifests import ROOT

RULES = ROOT / "charts" / "incident-commander" / "rules" / "workloads.yaml"
REASONS = ROOT / "e2e" / "silent-selectors.yaml"
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_LOOK_BACK = "1h"
"""Longer than any run: what was broken is mended at its end."""


@dataclass(frozen=True, order=True)
class Selector:
    """What an expression reads: a metric by matchers, and the labels by which it is grouped or joined later."""

    metric: str
    matchers: tuple[str, ...]
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return self.metric + (f"{{{','.join(self.matchers)}}}" if self.matchers else "")

    @property
    def promql(self) -> str:
        """The same, where each of those labels has a value."""
        present = [f'{label}!=""' for label in self.labels]
        return f"{self.metric}{{{','.join([*self.matchers, *present])}}}"


@dataclass(frozen=True)
class Silent:
    """A selector that has no series, and the alerts that need it. ``why`` is empty where no reason is listed."""

    selector: Selector
    alerts: tuple[str, ...]
    found: str
    why: str

    def __str__(self) -> str:
        return f"{', '.join(self.alerts)}: {self.found} for {self.selector.promql}"


async def silent(prometheus: str) -> list[Silent]:
    """The selectors of the chart's rules for which the Prometheus has seen no series, in order."""
    reasons = listed()
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        needing: dict[Selector, list[str]] = {}
        for alert, expr in expressions().items():
            tree = await _ask(session, prometheus, "parse_query", query=expr)
            for selector in selectors(tree):
                needing.setdefault(selector, []).append(alert)
        found = []
        for selector, alerts in sorted(needing.items()):
            if said := await _missing(session, prometheus, selector):
                why = next((text for pattern, text in reasons.items() if fnmatchcase(str(selector), pattern)), "")
                found.append(Silent(selector, tuple(alerts), said, why))
        return found


def expressions(path: Path = RULES) -> dict[str, str]:
    """The expression of each alert."""
    groups = yaml.safe_load(path.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def listed(path: Path = REASONS) -> Mapping[str, str]:
    """Why selectors may be silent in a run: patterns over the selector as it is written, in order."""
    found = yaml.safe_load(path.read_text())
    return {pattern: entry["why"] for entry in found for pattern in entry["selectors"]}


def selectors(tree: Json, labels: frozenset[str] = frozenset()) -> Iterator[Selector]:
    """The selectors below a node of Prometheus' syntax tree. ``labels``: what is asked of them above."""
    kind = tree["type"]
    if kind in ("vectorSelector", "matrixSelector"):
        matchers = [m for m in tree["matchers"] if m["name"] != "__name__"]
        written = tuple(f'{m["name"]}{m["type"]}"{m["value"]}"' for m in matchers)
        yield Selector(tree["name"], written, tuple(sorted(labels - {m["name"] for m in matchers})))
    elif kind == "aggregation":
        grouping = frozenset() if tree["without"] else frozenset(tree["grouping"])
        # What is aggregated away below cannot be asked for above; a label that is asked for must be in both.
        yield from selectors(tree["expr"], grouping)
    elif kind == "binaryExpr":
        matching = tree.get("matching") or {}
        joined = frozenset(matching["labels"]) if matching.get("on") else frozenset()
        yield from selectors(tree["lhs"], labels | joined)
        # `and` and `unless` answer what stands on their left.
        yield from selectors(tree["rhs"], joined if tree["op"] in ("and", "unless") else labels | joined)
    elif kind == "call":
        args = tree["args"]
        made: frozenset[str] = frozenset()
        if tree["func"]["name"] in ("label_replace", "label_join"):
            made = frozenset({args[1]["val"]})
        for arg in args:
            yield from selectors(arg, labels - made)
    elif kind in ("parenExpr", "unaryExpr", "subquery"):
        yield from selectors(tree["expr"], labels)
    elif kind not in ("numberLiteral", "stringLiteral"):
        raise ValueError(f"a {kind} in an alert's expression: teach this what it reads")


async def _missing(session: aiohttp.ClientSession, prometheus: str, selector: Selector) -> str:
    """What is missing, the most general first, or the empty string."""
    asked = {
        "no such metric": selector.metric,
        "no such series": str(selector),
        "no such labels": selector.promql,
    }
    for said, promql in asked.items():
        if not await _ask(session, prometheus, "query", query=f"count(last_over_time({promql}[{_LOOK_BACK}]))"):
            return said
    return ""


async def _ask(session: aiohttp.ClientSession, prometheus: str, what: str, **form: str) -> Json:
    async with session.post(f"{prometheus}/api/v1/{what}", data=form) as answer:
        found: Json = await answer.json()
    if found.get("status") != "success":
        raise ValueError(f"{form}: {found.get('error')}")
    data: Json = found["data"]
    return data if what == "parse_query" else data["result"]


def report(found: Sequence[Silent], alerts: int) -> str:
    """For people: the verdict, what has no reason, then the reasons."""
    wrong = [silent for silent in found if not silent.why]
    whole = alerts - len({alert for silent in found for alert in silent.alerts})
    seen = f"rules: every series of {whole} of {alerts} alerts was seen"
    lines = [f"{seen}; {len(wrong)} selectors are silent for no reason"]
    lines += [f"  {silent}" for silent in wrong]
    lines += [f"  {silent}\n    {silent.why}" for silent in found if silent.why]
    return "\n".join(lines)
