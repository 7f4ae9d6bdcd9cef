"""Grafana dashboards as code: `python -m charts.dashboards` writes charts/incident-commander/dashboards/*.json."""
