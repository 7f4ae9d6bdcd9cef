"""The three dashboards and their files in the chart."""

from __future__ import annotations

import json
from pathlib import Path

from charts.dashboards.executive import EXECUTIVE
from charts.dashboards.grafana import to_json
from charts.dashboards.operations import OPERATIONS
from charts.dashboards.panel import Dashboard
from charts.dashboards.transparency import TRANSPARENCY
from charts.helm import CHART

FOLDER = CHART / "dashboards"
DASHBOARDS: dict[str, Dashboard] = {
    "executive": EXECUTIVE,
    "transparency": TRANSPARENCY,
    "operations": OPERATIONS,
}


def path(name: str) -> Path:
    """The file of a dashboard."""
    return FOLDER / f"{name}.json"


def text(name: str) -> str:
    """What is to be in it."""
    return json.dumps(to_json(DASHBOARDS[name]), indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name in DASHBOARDS:
        path(name).write_text(text(name))
