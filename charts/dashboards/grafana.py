"""Dashboards in Grafana's JSON model (schema version 39: Grafana 10 and newer)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from charts.dashboards.panel import Dashboard, Panel, Row, Target, Text, Variable

Json = dict[str, Any]
WIDTH = 24
SCHEMA_VERSION = 39
DATASOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
TAGS = ("incident-commander",)


def to_json(dashboard: Dashboard) -> Json:
    """As Grafana stores it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": list(TAGS),
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "time": {"from": dashboard.since, "to": "now"},
        "refresh": "30s",
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "Incident Commander",
                "tags": list(TAGS),
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "templating": {"list": [*_common_variables(), *(_textbox(variable) for variable in dashboard.variables)]},
        "panels": list(_placed(dashboard.rows)),
    }


def _common_variables() -> Iterable[Json]:
    yield {
        "name": "datasource",
        "label": "Data source",
        "description": "A Prometheus that scrapes Incident Commander.",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "options": [],
        "regex": "",
        "multi": False,
        "includeAll": False,
        "hide": 0,
        "refresh": 1,
        "skipUrlSync": False,
    }
    for name, label, description, query in (
        ("namespace", "Namespace", "Where it is installed.", "label_values(incident_commander_build_info, namespace)"),
        (
            "release",
            "Release",
            "The label job, by which the ServiceMonitor tells installations apart.",
            'label_values(incident_commander_build_info{namespace=~"$namespace"}, job)',
        ),
    ):
        yield {
            "name": name,
            "label": label,
            "description": description,
            "type": "query",
            "datasource": DATASOURCE,
            "definition": query,
            "query": {"query": query, "refId": "StandardVariableQuery"},
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            "options": [],
            "regex": "",
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "hide": 0,
            "refresh": 2,
            "skipUrlSync": False,
        }


def _textbox(variable: Variable) -> Json:
    chosen = {"selected": True, "text": variable.default, "value": variable.default}
    return {
        "name": variable.name,
        "label": variable.label,
        "description": variable.description,
        "type": "textbox",
        "query": variable.default,
        "current": chosen,
        "options": [chosen],
        "hide": 0,
        "skipUrlSync": False,
    }


def _placed(rows: Sequence[Row]) -> Iterable[Json]:
    """Left to right, a new line when one is full; each line is as high as its highest panel."""
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
            "panels": [],
        }
        y, x, line = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, line = 0, y + line, 0
            number += 1
            place = {"h": panel.height, "w": panel.width, "x": x, "y": y}
            yield {"id": number, "gridPos": place, **_body(panel)}
            x, line = x + panel.width, max(line, panel.height)
        y += line


def _body(panel: Panel | Text) -> Json:
    if isinstance(panel, Text):
        options = {"mode": "markdown", "content": panel.markdown}
        return {"type": "text", "title": panel.title, "description": "", "options": options, "transparent": True}
    defaults: Json = {
        "unit": panel.unit.value,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in panel.thresholds],
        },
        "color": {"mode": "palette-classic" if panel.kind in _GRAPHS else "thresholds"},
        "custom": _custom(panel),
        "mappings": [],
    }
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.lowest is not None:
        defaults["min"] = panel.lowest
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {**_OPTIONS[panel.kind], **panel.options},
        "targets": [_target(target, place, panel) for place, target in enumerate(panel.targets)],
        "interval": panel.interval,
        "transformations": _TRANSFORMATIONS.get(panel.kind, []),
    }


def _target(target: Target, place: int, panel: Panel) -> Json:
    return {
        "refId": chr(ord("A") + place),
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": re.sub(r"\s+", " ", target.expr).strip(),
        "legendFormat": target.legend or "__auto",
        "instant": target.instant,
        "range": not target.instant,
        "format": "table" if panel.kind == "table" else "time_series",
        "exemplar": False,
    }


def _custom(panel: Panel) -> Json:
    if panel.kind != "timeseries":
        return {}
    return {
        "drawStyle": "bars" if panel.stack else "line",
        "lineWidth": 1,
        "fillOpacity": 60 if panel.stack else 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if panel.stack else "none"},
    }


_GRAPHS = ("timeseries", "barchart", "piechart", "bargauge")
_REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Mapping[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "reduceOptions": _REDUCE,
    },
    "bargauge": {
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "reduceOptions": _REDUCE,
    },
    "table": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "fields": ""}},
}
_TRANSFORMATIONS: Mapping[str, list[Json]] = {
    "table": [{"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": {}}}]
}
