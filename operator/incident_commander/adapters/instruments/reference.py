"""``docs/metrics.md``, made from the declarations: ``python -m incident_commander.adapters.instruments.reference``."""

from __future__ import annotations

from pathlib import Path

from incident_commander.adapters.instruments.catalogue import CHAPTERS
from incident_commander.adapters.instruments.incidents import ACTIONS
from incident_commander.adapters.instruments.instrument import CAUSES, HistogramOf, Instrument, Source, Values

PAGE = Path(__file__).resolve().parents[4] / "docs" / "metrics.md"
_WHO = {
    Source.COORDINATOR: "coordinator",
    Source.EXECUTOR: "executor",
    Source.GATEWAY: "gateway",
    Source.AGENTS: "agents",
    Source.DECIDING: "coordinator and executor",
    Source.ALL: "every process",
}
_KNOWN_ELSEWHERE = {
    CAUSES: "a cause that a diagnosis can name (`api/causes.py`)",
    ACTIONS: "an action of the catalogue (`api/plan.py`)",
}
_HEAD = """# Metrics

<!-- Made by `make generate` from operator/incident_commander/adapters/instruments; change that. -->

Every process answers `GET /metrics`: the gateway on its own port (8080), the others on 8081. All names begin with
`incident_commander_`, all units are base units (seconds, bytes). Beside these there are Python's `process_*`,
`python_*` of each process. No label carries the name of an object, but for the Agents', of which there are at most 64:
the number of series does not grow with workloads, namespaces or Incidents.

Several coordinators may run, of which one leads: take `max` of gauges and `sum` of counters. Counters whose labels are
all listed here are shown from the start, at 0, so that `increase()` sees the first event.
"""


def page() -> str:
    """The whole page."""
    chapters = ["\n".join([f"## {title}\n", *(_entry(i) for i in found)]) for title, found in CHAPTERS.items()]
    return "\n".join([_HEAD, *chapters])


def _entry(instrument: Instrument) -> str:
    lines = [f"### `{instrument.name}`\n", f"{instrument.type} · {_WHO[instrument.source]}\n", instrument.text + "\n"]
    lines += [f"- `{label}`: {_values(values)}" for label, values in instrument.labels.items()]
    if isinstance(instrument, HistogramOf):
        lines.append(f"- buckets: {', '.join(f'{bound:g}' for bound in instrument.buckets)}")
    return "\n".join(lines).rstrip() + "\n"


def _values(values: Values) -> str:
    if isinstance(values, str):
        return values
    return _KNOWN_ELSEWHERE.get(values) or ", ".join(values)


if __name__ == "__main__":
    PAGE.write_text(page())
