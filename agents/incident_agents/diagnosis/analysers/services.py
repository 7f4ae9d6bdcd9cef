"""A Service that leads nowhere: its selector matches no pod, or its port does not reach the container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incident_agents.diagnosis import endpoints
from incident_agents.diagnosis.callers import complaints
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.owners import selects
from incident_commander.ports import Object


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each Service in trouble."""
    if not case.evidence.asked(kinds.POD):
        return
    for service in case.evidence.of(kinds.SERVICE):
        selector = fields.strings(service, "spec", "selector")
        if not selector or fields.text(service, "spec", "type") == "ExternalName":
            continue
        selected = [p for p in case.topology.pods_of(service) if not pods.finished(p)]
        if selected:
            yield from _wrong_protocol(case, service, selected)
            yield from _wrong_port(case, service, selected)
        else:
            yield from _selects_nothing(case, service, selector)


def _selects_nothing(case: Case, service: Object, selector: dict[str, str]) -> Iterator[Finding]:
    if any(selects(selector, _labels(w)) for w in case.workloads):
        return  # the selector is right: its workload has no pods just now
    if endpoints.ready(case, service):
        return
    near = _near_miss(case, service, selector)
    evidence = [citing.of_object(service, "spec.selector"), *endpoints.cited(case, service)]
    if near is not None:
        evidence.append(citing.of_object(near.object, "spec.template.metadata.labels"))
    asked_for = bool(complaints(case, service))
    confidence = 74 + (12 if near is not None else 0) + (6 if asked_for else 0)
    written = ",".join(f"{k}={v}" for k, v in sorted(selector.items()))
    meant = f"; {near.ref} has labels close to it" if near is not None else ""
    yield Finding(
        cause=Cause.SERVICE_SELECTS_NOTHING,
        object=target_of(service),
        confidence=confidence,
        summary=clean_line(f"Service {fields.name(service)} selects {written}, which no pod has{meant}")[:1000],
        evidence=tuple(evidence),
        facts={"service": fields.name(service), "selector": clean_line(written)[:256]},
        about=_about(case, service, near),
    )


def _labels(workload: Workload) -> dict[str, str]:
    if workload.kind == "CronJob":
        return fields.strings(workload.object, "spec", "jobTemplate", "spec", "template", "metadata", "labels")
    if workload.kind == "Pod":
        return fields.strings(workload.object, "metadata", "labels")
    return fields.strings(workload.object, "spec", "template", "metadata", "labels")


def _near_miss(case: Case, service: Object, selector: dict[str, str]) -> Workload | None:
    """The workload that was probably meant: it has the Service's name, or most of the selector's keys."""
    here = [w for w in case.workloads if fields.namespace(w.object) == fields.namespace(service)]
    named = [w for w in here if fields.name(w.object) == fields.name(service) and w.kind != "CronJob"]
    if named:
        return named[0]
    shared = [(sum(_labels(w).get(k) == v for k, v in selector.items()), w.ref, w) for w in here]
    best = max(shared, default=None, key=lambda entry: entry[0])
    return best[2] if best is not None and best[0] > 0 else None


def _about(case: Case, service: Object, meant: Workload | None) -> frozenset[str]:
    """Who suffers: the Service, the workload that it is for, and those that complain about it."""
    callers = {w.ref for w, _, _ in complaints(case, service)}
    return frozenset({reference(service), *callers, *([meant.ref] if meant is not None else [])})


def _wrong_port(case: Case, service: Object, selected: list[Object]) -> Iterator[Finding]:
    declared = {n for p in selected for n in _declared(p)}
    names = {fields.text(port, "name") for p in selected for port in _ports(p)} - {""}
    # A name that does not resolve says nothing of a port.
    heard = [
        entry
        for entry, (_, complaint) in zip(
            complaints(case, service), case.complaints_about.get(reference(service), ()), strict=True
        )
        if not complaint.of_name
    ]
    offered = [fields.integer(p, "port") for p in fields.items(service, "spec", "ports")]
    for n, port in enumerate(fields.items(service, "spec", "ports")):
        target = port.get("targetPort", port.get("port"))
        if isinstance(target, str) and not target.isdigit():
            wrong, confidence = target not in names, 90
            words = f"names target port {target!r}, which no container of its pods has"
        else:
            number = int(target) if isinstance(target, (int, str)) and len(str(target)) < 6 else 0
            # Declaring ports is only informative: without a complaint this is a suspicion.
            wrong = bool(declared) and number not in declared
            confidence = _BESIDE if wrong and not heard and _served(case, service, declared | names) else 46
            alone = len(declared) == 1 and len(offered) == 1 and _is_main(case, service, selected)
            confidence += 40 if heard else (10 if alone else 8 if _is_target(case, service) else 0)
            words = f"sends to port {number}, but its pods declare {', '.join(str(d) for d in sorted(declared)[:4])}"
        if wrong:
            yield _port_finding(case, service, port, n, confidence, words, declared)
    asked = {p for _, _, p in heard if p is not None and p not in offered}
    if asked and offered and all(p is not None for p in offered):
        words = f"is asked for port {', '.join(str(p) for p in sorted(asked)[:3])}, which it does not offer"
        yield _port_finding(case, service, fields.items(service, "spec", "ports")[0], 0, 66, words, declared)


_BESIDE = 28
"""The declared port is reached, by another port or Service: one for metrics or for peers need not be declared."""


def _is_main(case: Case, service: Object, selected: list[Object]) -> bool:
    """Whether a Service has the name of its pods' workload, or of their application: others are for more than that."""
    behind = {fields.name(w.object) for p in selected if (w := case.workload_of(p)) is not None}
    return fields.name(service) in behind | {*fields.strings(service, "spec", "selector").values()}


def _reached(port: dict[str, object]) -> int | str | None:
    """The port of the pods that a port of a Service leads to: by its number or name."""
    number = fields.integer(port, "targetPort")
    return number if number is not None else fields.text(port, "targetPort") or fields.integer(port, "port")


def _served(case: Case, service: Object, declared: set[int | str]) -> bool:
    """Whether a Service of the same pods reaches a port that they declare, by its number or name."""
    behind = {fields.name(p) for p in case.topology.pods_of(service)}
    return any(
        _reached(port) in declared
        for other in case.evidence.of(kinds.SERVICE)
        if fields.namespace(other) == fields.namespace(service)
        and fields.strings(other, "spec", "selector")
        and {fields.name(p) for p in case.topology.pods_of(other)} >= behind
        for port in fields.items(other, "spec", "ports")
    )


def _wrong_protocol(case: Case, service: Object, selected: list[Object]) -> Iterator[Finding]:
    """The Service sends UDP to a TCP port, or the other way round: the kernel finds nobody there."""
    for n, port in enumerate(fields.items(service, "spec", "ports")):
        protocol = fields.text(port, "protocol") or "TCP"
        served = {
            fields.text(p, "protocol") or "TCP"
            for pod in selected
            for p in _ports(pod)
            if port.get("targetPort", port.get("port")) in (p.get("containerPort"), p.get("name"))
        }
        if not served or protocol in served:
            continue
        quotes = [quote for _, quote, _ in complaints(case, service)]
        words = f"has protocol {protocol} for port {port.get('port')}, but its pods serve {', '.join(sorted(served))}"
        yield Finding(
            cause=Cause.SERVICE_PROTOCOL_MISMATCH,
            object=target_of(service),
            confidence=88 + (6 if quotes else 0),
            summary=clean_line(f"Service {fields.name(service)} {words}")[:1000],
            evidence=(
                citing.of_object(service, f"spec.ports[{n}]"),
                citing.of_object(selected[0], _port_path(selected[0], port)),
                *endpoints.cited(case, service),
                *quotes[:3],
            ),
            facts={
                "service": fields.name(service),
                "port": str(port.get("port", ""))[:64],
                "protocol": clean_line(protocol)[:64],
            },
            about=_about(case, service, None),
        )


def _port_path(pod: Object, port: dict[str, Any]) -> str:
    for n, container in enumerate(fields.items(pod, "spec", "containers")):
        for m, declared in enumerate(fields.items(container, "ports")):
            if port.get("targetPort", port.get("port")) in (declared.get("containerPort"), declared.get("name")):
                return f"spec.containers[{n}].ports[{m}]"
    return "spec.containers"


def _port_finding(
    case: Case, service: Object, port: dict[str, Any], at: int, confidence: int, words: str, declared: set[int]
) -> Finding:
    quotes = [quote for _, quote, _ in complaints(case, service)]
    facts = {
        "service": fields.name(service),
        "port": str(port.get("port", ""))[:64],
        "targetPort": clean_line(str(port.get("targetPort", port.get("port", ""))))[:64],
        "containerPorts": ",".join(str(d) for d in sorted(declared))[:256],
    }
    return Finding(
        cause=Cause.SERVICE_WRONG_PORT,
        object=target_of(service),
        confidence=confidence,
        summary=clean_line(f"Service {fields.name(service)} {words}")[:1000],
        evidence=(citing.of_object(service, f"spec.ports[{at}]"), *endpoints.cited(case, service), *quotes[:3]),
        facts={k: v for k, v in facts.items() if v},
        about=_about(case, service, None),
    )


def _is_target(case: Case, service: Object) -> bool:
    return case.target is not None and reference(case.target) == reference(service)


def _ports(pod: Object) -> list[dict[str, Any]]:
    return [port for c in pods.containers(pod) for port in fields.items(c.spec, "ports")]


def _declared(pod: Object) -> list[int]:
    return [n for port in _ports(pod) if (n := fields.integer(port, "containerPort")) is not None]
