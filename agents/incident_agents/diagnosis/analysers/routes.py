"""An Ingress or an HTTPRoute sends requests to a Service, or to a port of one, that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class _Backend:
    route: Object
    path: str
    what: str
    service: str
    port: int | str | None


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each route and backend that cannot be reached by it."""
    if not case.evidence.asked(kinds.SERVICE):
        return
    for ingress in case.evidence.of(kinds.INGRESS):
        for backend in _of_ingress(ingress):
            yield from _judge(case, backend)
    for route in case.evidence.of(kinds.HTTP_ROUTE):
        for backend in _of_route(route):
            yield from _judge(case, backend)


def _of_ingress(ingress: Object) -> Iterator[_Backend]:
    default = fields.mapping(ingress, "spec", "defaultBackend", "service")
    if default:
        yield _backend(ingress, "spec.defaultBackend", "the default", default)
    for n, rule in enumerate(fields.items(ingress, "spec", "rules")):
        for m, path in enumerate(fields.items(rule, "http", "paths")):
            service = fields.mapping(path, "backend", "service")
            if service:
                what = f"{fields.text(rule, 'host')}{fields.text(path, 'path')}" or "/"
                yield _backend(ingress, f"spec.rules[{n}].http.paths[{m}].backend", what, service)


def _backend(route: Object, path: str, what: str, service: dict[str, object]) -> _Backend:
    number, name = fields.integer(service, "port", "number"), fields.text(service, "port", "name")
    return _Backend(route, path, what, fields.text(service, "name"), number if number is not None else name or None)


def _of_route(route: Object) -> Iterator[_Backend]:
    for n, rule in enumerate(fields.items(route, "spec", "rules")):
        for m, ref in enumerate(fields.items(rule, "backendRefs")):
            foreign = fields.text(ref, "namespace") not in ("", fields.namespace(route))
            if fields.text(ref, "kind") in ("", "Service") and not foreign:
                path = f"spec.rules[{n}].backendRefs[{m}]"
                yield _Backend(route, path, f"rule {n}", fields.text(ref, "name"), fields.integer(ref, "port"))


def _judge(case: Case, backend: _Backend) -> Iterator[Finding]:
    place = fields.namespace(backend.route)
    service = case.find(kinds.SERVICE, place, backend.service)
    if service is None:
        yield _finding(backend, f"Service {backend.service} does not exist", "", [], 90)
        return
    parts = fields.items(service, "spec", "ports")
    offered = {fields.integer(p, "port") for p in parts} | {fields.text(p, "name") for p in parts}
    external = fields.text(service, "spec", "type") == "ExternalName"
    if backend.port is not None and parts and backend.port not in offered and not external:
        ports = ", ".join(str(fields.integer(p, "port")) for p in parts[:4])
        words = f"Service {backend.service} offers {ports} and not {backend.port}"
        yield _finding(backend, words, ports, [citing.of_object(service, "spec.ports")], 88)


def _finding(backend: _Backend, words: str, expected: str, more: list[Citation], confidence: int) -> Finding:
    kind = fields.text(backend.route, "kind")
    facts = {
        "route": clean_line(backend.what)[:256],
        "backend": clean_line(f"{backend.service}:{backend.port or ''}")[:256],
        "expected": expected[:256],
    }
    return Finding(
        cause=Cause.GATEWAY_MISROUTED,
        object=target_of(backend.route),
        confidence=confidence,
        summary=clean_line(f"{kind} {fields.name(backend.route)} sends {backend.what} astray: {words}")[:1000],
        evidence=(citing.of_object(backend.route, backend.path), *more),
        facts={k: v for k, v in facts.items() if v},
        about=frozenset({reference(backend.route)}),
    )
