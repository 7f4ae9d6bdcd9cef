"""A gateway's configuration sends a path to the wrong Service: its route is named after one and leads to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.addresses import in_value
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.naming import meant, services, words
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class _Route:
    said: str
    to: str


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload and route that leads elsewhere."""
    for workload in case.workloads:
        place = fields.namespace(workload.object)
        for config_map in _mounted(case, workload):
            for text in fields.strings(config_map, "data").values():
                for route in _routes(text):
                    found = _judge(case, workload, config_map, route, place)
                    if found is not None:
                        yield found


def _mounted(case: Case, workload: Workload) -> Iterator[Object]:
    subject = fields.mapping(workload.object, "spec", "template", "spec") or fields.mapping(workload.object, "spec")
    for volume in fields.items(subject, "volumes"):
        name = fields.text(volume, "configMap", "name")
        found = case.find(kinds.CONFIG_MAP, fields.namespace(workload.object), name) if name else None
        if found is not None:
            yield found


def _routes(text: str) -> list[_Route]:
    """As ``evidence.routes`` kept them: an address belongs to the names and paths around it."""
    found: list[_Route] = []
    before: list[str] = []
    fresh = True
    for line in text.split("\n")[1:]:
        word, _, value = line.partition(" ")
        if word == "to":
            found.append(_Route(" ".join(before[-3:]), value))
            fresh = False
        elif word == "path" and not fresh and found and "/" not in found[-1].said:
            found[-1] = _Route(f"{found[-1].said} {value}", found[-1].to)  # Spring: the path comes after the address
        else:
            before = [value] if not fresh else [*before, value]
            fresh = True
    return found


def _judge(case: Case, workload: Workload, config_map: Object, route: _Route, place: str) -> Finding | None:
    said, address = words(route.said), next(iter(in_value(route.to)), None)
    if address is None or not said:
        return None
    host = address.host.split(".")[0]
    wanted = meant(case, place, said)
    if not wanted or host in wanted:
        return None
    known = services(case, place)
    if host in known and known[host][1] & said:
        return None  # it may be meant as well
    gone = "" if host in known else ", which does not exist"
    return of_workload(
        Cause.GATEWAY_MISROUTED,
        workload,
        [p for p in workload.living if case.unwell(p)],
        "",
        confidence=84,
        summary=f"{workload.ref} sends {route.said} to {route.to}{gone}; its name and path mean Service {wanted[0]}",
        evidence=[citing.of_object(config_map, "data")],
        facts={"route": route.said[:256], "backend": route.to, "expected": wanted[0]},
    )
