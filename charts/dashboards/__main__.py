"""Write the dashboards into the chart."""

from __future__ import annotations

from charts.dashboards.files import write

if __name__ == "__main__":
    write()
