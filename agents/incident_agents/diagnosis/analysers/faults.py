"""Faults that are injected on purpose: by a rule of the mesh, or by a chaos tool that says so in its events."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.movements import of_ref
from incident_agents.diagnosis.recordings import plausible
from incident_agents.diagnosis.said import said
from incident_agents.diagnosis.subjects import Subjects
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.series import rates
from incident_commander.evidence.trim import event_time
from incident_commander.ports import Object

_ABORTED = Words(re.compile(r"fault filter abort"), ("fault filter abort",))
"""The body with which Envoy answers a request that a rule aborts on purpose."""
_FLAGS = {"FI": "Abort", "DI": "Delay"}
"""Envoy's response flags of requests that its fault filter aborted or delayed."""
_POD = re.compile(r"\b(?P<ns>[a-z0-9][-a-z0-9]{0,62})/(?P<pod>[a-z0-9][-a-z0-9.]{0,252})")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload; two of the three signs make it sure."""
    signs: dict[str, tuple[Workload, list[tuple[str, int, Citation, str]]]] = {}
    for workload, fault, sure, citation, rule in (*_by_words(case), *_by_flags(case), *_by_events(case)):
        signs.setdefault(workload.ref, (workload, []))[1].append((fault, sure, citation, rule))
    for workload, found in signs.values():
        kinds_of_sign = {sure for _, sure, _, _ in found}
        rule = next((rule for *_, rule in found if rule), "")
        by = f" by {rule}" if rule else " by a rule of the mesh"
        yield of_workload(
            Cause.FAULT_INJECTED,
            workload,
            [p for p in workload.living if case.unwell(p)],
            "",
            confidence=max(kinds_of_sign) + (6 if len(kinds_of_sign) > 1 else 0),
            summary=f"faults are injected at {workload.ref}{by}, on purpose ({found[0][0]})",
            evidence=list(dict.fromkeys(c for _, _, c, _ in found))[:4],
            facts={"fault": found[0][0], "rule": rule},
        )


_Sign = tuple[Workload, str, int, Citation, str]


def _by_words(case: Case) -> Iterator[_Sign]:
    for workload in case.workloads:
        for log, line in said(case, workload, _ABORTED)[:3]:
            yield workload, "Abort", 84, citing.of_log(log, line), ""


def _by_flags(case: Case) -> Iterator[_Sign]:
    """Requests that the mesh counts under such a flag, now."""
    subjects = Subjects(case)
    for name, group in case.evidence.series.items():
        for series in group:
            fault = next((_FLAGS[f] for f in series.labels.get("response_flags", "").split(",") if f in _FLAGS), "")
            workload = of_ref(case, subjects.of(series.labels)) if fault else None
            grown = rates(plausible(series).points)[-4:] if workload is not None else []
            if workload is not None and any(rate > 0 for _, rate in grown):
                shown = f"{max(rate for _, rate in grown):.3g} requests per second"
                yield workload, fault, 86, citing.of_series(name, series, shown), ""


def _by_events(case: Case) -> Iterator[_Sign]:
    """Of objects of an API group that says chaos, about a pod that is named in the message."""
    pods = {(fields.namespace(p), fields.name(p)): p for p in case.evidence.of(kinds.POD)}
    for event in case.evidence.of(kinds.EVENT):
        about = fields.mapping(event, "involvedObject")
        if "chaos" not in fields.text(about, "apiVersion").split("/")[0] or not _fresh(case, event):
            continue
        named = _POD.search(fields.text(event, "message"))
        pod = pods.get((named["ns"], named["pod"])) if named is not None else None
        workload = case.workload_of(pod) if pod is not None else None
        if workload is not None:
            rule = f"{fields.text(about, 'kind')}/{fields.text(about, 'name')}"
            yield workload, fields.text(about, "kind"), 78, citing.of_event(event), rule


def _fresh(case: Case, event: Object) -> bool:
    return case.fresh(fields.parse_moment(event_time(event)))
