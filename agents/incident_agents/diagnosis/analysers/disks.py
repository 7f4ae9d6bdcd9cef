"""Programs say that they wait for the disk; with figures of the node or the pod beside it, that is sure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.measures import Measure
from incident_agents.diagnosis.movements import movements
from incident_agents.diagnosis.said import said
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.structured import message_of

_WAITS = Words(
    re.compile(
        r"slow fdatasync|sync duration of [\d.]+m?s|fsync (?:is taking too long|took)|disk is busy"
        r"|page_cleaner: \d+ms intended loop took|flush(?:ing)? (?:took|is taking) too long"
        r"|blocked for more than \d+ seconds|(?:write|disk) (?:stall|stalled)|Stalling writes",
        re.IGNORECASE,
    ),
    ("fdatasync", "sync duration", "fsync", "disk is busy", "page_cleaner", "flush", "blocked for more", "stall"),
)
"""etcd, Redis, MySQL, RocksDB, the kernel."""
_ROSE = 1.5


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload that waits for its disk until now."""
    for workload in case.workloads:
        heard = said(case, workload, _WAITS)
        if not heard:
            continue
        places = {workload.ref, *(f"Node/{fields.text(p, 'spec', 'nodeName')}" for p in workload.living)}
        busy = [
            m
            for m in movements(case)
            if m.measure is Measure.DISK and m.subject in places and (m.rose >= _ROSE or m.alerted)
        ]
        nodes = sorted(places - {workload.ref})
        yield of_workload(
            Cause.DISK_SATURATED,
            workload,
            [],
            "",
            confidence=62 + (18 if busy else 0),
            summary=f"{workload.ref} waits for its disk: {message_of(heard[-1][1], 300)}",
            evidence=[*(citing.of_log(log, line) for log, line in heard[:3]), *(m.citation for m in busy[:2])],
            facts={"node": nodes[0].removeprefix("Node/")} if len(nodes) == 1 else {},
        )
