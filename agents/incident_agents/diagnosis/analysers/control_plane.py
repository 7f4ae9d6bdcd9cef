"""Workloads say that the API server or its store is slow or gone, or that they lost their lead for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis import placement
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import said
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference, target_of

_SIGNS = (
    (
        "etcd",
        Words(
            re.compile(r"etcdserver: (?:request timed out|leader changed|too many requests|mvcc: database space)"),
            ("etcdserver: ",),
        ),
    ),
    (
        "etcd",
        Words(
            re.compile(r"apply request took too long|failed to send out heartbeat on time"),
            ("apply request took", "heartbeat on time"),
        ),
    ),
    (
        "kube-apiserver",
        Words(
            re.compile(
                r"leader ?election lost|failed to renew lease \S+|error retrieving resource lock"
                r"|the server is currently unable to handle the request"
                r"|the server was unable to return a response in time"
                r"|https://(?:kubernetes\.default\S*|10\.\d+\.0\.1:443)\S*: "
                r"(?:dial tcp [^\n]*|context deadline exceeded|i/o timeout)",
                re.IGNORECASE,
            ),
            ("election lost", "renew lease", "resource lock", "the server ", "kubernetes.default", ":443"),
        ),
    ),
)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each component; several that complain make it likelier, one alone may be alone with it."""
    heard: dict[str, dict[str, list[tuple[Log, str]]]] = {}
    for component, words in _SIGNS:
        for workload in case.workloads:
            if lines := said(case, workload, words):
                heard.setdefault(component, {}).setdefault(workload.ref, []).extend(lines)
    masters = [n for n in case.evidence.of(kinds.NODE) if placement.is_control_plane(n)]
    for component, by_workload in heard.items():
        lines = [pair for group in by_workload.values() for pair in group]
        facts = {"component": component, "reason": lines[-1][1][:256]}
        if len(masters) == 1:
            facts["node"] = fields.name(masters[0])
        yield Finding(
            cause=Cause.CONTROL_PLANE_DOWN,
            object=target_of(masters[0]) if len(masters) == 1 else None,
            confidence=74 if len(by_workload) > 1 else 58,
            summary=f"{component} is slow or does not answer, says {', '.join(by_workload)}: {lines[-1][1][:300]}"[
                :1000
            ],
            evidence=tuple(citing.of_log(log, line) for log, line in lines[:4]),
            facts=facts,
            about=frozenset({*by_workload, *(reference(n) for n in masters[:1])}),
        )
