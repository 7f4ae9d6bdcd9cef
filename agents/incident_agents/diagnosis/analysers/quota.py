"""The API server refuses to create pods: a ResourceQuota is used up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from incident_agents.diagnosis import filters
from incident_agents.diagnosis.addresses import is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.naming import in_cluster
from incident_agents.diagnosis.refusals import never_made, refusals
from incident_agents.diagnosis.settings import given
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.owners import claims_of
from incident_commander.ports import Object

_EXCEEDED = re.compile(
    r"exceeded quota: (?P<quota>[^,\s]{1,253}), requested: (?P<requested>[^\n]*?), used: (?P<used>[^\n]*?), "
    r"limited: (?P<limited>[^\n]*)"
)
_UNSPECIFIED = re.compile(r"failed quota: (?P<quota>[^:\s]{1,253}): must specify (?P<what>[^\n]*)")


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload whose pods a quota refuses, and for each quota that something else ran into."""
    yield from _of_others(case)
    for workload in case.workloads:
        heard = list(refusals(case, workload))
        for refusal in heard:
            found = _finding(case, workload, refusal.message, refusal.citation)
            if found is not None:
                yield found
                break
        if not any(r.message for r in heard) and never_made(workload):
            yield from _without_room(case, workload)


def _finding(case: Case, workload: Workload, message: str, citation: Citation) -> Finding | None:
    exceeded, unspecified = _EXCEEDED.search(message), _UNSPECIFIED.search(message)
    match = exceeded or unspecified
    if match is None:
        return None
    quota = case.find(kinds.RESOURCE_QUOTA, fields.namespace(workload.object), match["quota"])
    facts = {"quota": match["quota"]}
    if exceeded is not None:
        facts |= {
            "resource": ",".join(p.split("=", 1)[0] for p in exceeded["requested"].split(",")),
            "requested": exceeded["requested"],
            "used": exceeded["used"],
            "hard": exceeded["limited"],
        }
        summary = (
            f"quota {match['quota']} refuses pods of {workload.ref}: {exceeded['requested']} wanted, "
            f"{exceeded['used']} used of {exceeded['limited']}"
        )
    else:
        summary = f"quota {match['quota']} refuses pods of {workload.ref}: they must specify {match['what']}"
    found = of_workload(
        Cause.QUOTA_EXCEEDED,
        workload,
        [],
        "",
        confidence=90,
        summary=summary,
        evidence=[citation, *_of_quota(quota)],
        facts=facts,
    )
    named = _named(case, workload, match["quota"], quota)
    if named is None or exceeded is None:
        return found
    return replace(found, object=named, about=found.about | {str(named)})


def _named(case: Case, workload: Workload, name: str, quota: Object | None) -> TargetRef | None:
    """The quota; where quotas were not read, the one that the API server names. None: it is gone by now."""
    if quota is not None:
        return target_of(quota)
    if case.evidence.asked(kinds.RESOURCE_QUOTA):
        return None
    kind = kinds.RESOURCE_QUOTA
    return TargetRef(api_version=kind.api_version, kind=kind.kind, namespace=workload.target.namespace, name=name)


def _without_room(case: Case, workload: Workload) -> Iterator[Finding]:
    """Nobody's words were kept: a pod was never made, and a quota has no room for one more."""
    template = fields.mapping(workload.object, "spec", "template")
    for quota in case.evidence.of(kinds.RESOURCE_QUOTA):
        scoped = fields.value(quota, "spec", "scopes") or fields.value(quota, "spec", "scopeSelector")
        if fields.namespace(quota) != fields.namespace(workload.object) or scoped or not template:
            continue
        hard, used = fields.mapping(quota, "status", "hard"), fields.mapping(quota, "status", "used")
        wanted = {resource: _one_pod(template, resource) for resource in hard}
        over = [
            resource
            for resource, amount in wanted.items()
            if amount
            and (limit := fields.quantity(hard, resource)) is not None
            and (fields.quantity(used, resource) or Decimal(0)) + amount > limit
        ]
        if over:
            shown = {
                "requested": ",".join(f"{r}={wanted[r].normalize():f}" for r in over),
                "used": ",".join(f"{r}={used.get(r, 0)}" for r in over),
                "hard": ",".join(f"{r}={hard[r]}" for r in over),
            }
            name, resources = fields.name(quota), ",".join(over)
            said = (
                f"no pod of {workload.ref} was made, and quota {name} has no room for one: {shown['requested']} wanted"
            )
            yield Finding(
                cause=Cause.QUOTA_EXCEEDED,
                object=target_of(quota),
                confidence=84,
                summary=clean_line(f"{said}, {shown['used']} used of {shown['hard']}")[:1000],
                evidence=tuple(_of_quota(quota)),
                facts=workload.facts()
                | {"quota": name, "resource": resources[:256]}
                | {key: clean_line(text)[:256] for key, text in shown.items()},
                about=frozenset({workload.ref, reference(quota)}),
            )


def _one_pod(template: Object, resource: str) -> Decimal:
    """What one pod of the template counts for a resource of a quota; 0 for what pods do not count for."""
    if resource in ("pods", "count/pods"):
        return Decimal(1)
    if resource in _CLAIMS or "/" in resource.removeprefix("requests."):
        return Decimal(0)
    kind, _, name = resource.rpartition(".")
    if kind == "limits":
        limits = (fields.quantity(c.spec, "resources", "limits", name) for c in pods.containers(template) if not c.init)
        return sum((amount for amount in limits if amount is not None), Decimal(0))
    return filters.requested(template, name)


def _of_quota(quota: Object | None) -> list[Citation]:
    if quota is None:
        return []
    return [citing.of_object(quota, "status.hard"), citing.of_object(quota, "status.used")]


_CLAIMS = ("requests.storage", "persistentvolumeclaims", "count/persistentvolumeclaims")
_SERVICES = ("services", "count/services", "services.loadbalancers", "services.nodeports")


def _of_others(case: Case) -> Iterator[Finding]:
    """Services and claims are created by people: a refusal leaves no event, only something that is missing."""
    for quota in case.evidence.of(kinds.RESOURCE_QUOTA):
        hard, used = fields.mapping(quota, "status", "hard"), fields.mapping(quota, "status", "used")
        for resource in hard:
            limit, taken = fields.quantity(hard, resource), fields.quantity(used, resource)
            if limit is None or taken is None:
                continue
            if resource in _SERVICES and taken >= limit:
                yield _used_up(case, quota, resource, _without_service(case, quota))
            if resource in _CLAIMS or resource.endswith("storageclass.storage.k8s.io/requests.storage"):
                missing = _without_claim(case, quota)
                if missing.who or taken >= limit:
                    yield _used_up(case, quota, resource, missing)


@dataclass(frozen=True, slots=True)
class _Missing:
    """What should be there: in words, by whom it is missed, and where that is to be seen."""

    words: str
    who: frozenset[str]
    evidence: tuple[Citation, ...]
    confidence: int


def _without_service(case: Case, quota: Object) -> _Missing:
    """A Service that others call, or that every other workload of its kind has."""
    place = fields.namespace(quota)
    services = [s for s in case.evidence.of(kinds.SERVICE) if fields.namespace(s) == place]
    names = {fields.name(s) for s in services}
    for host, told in given(case, place).items():
        callers = [(w, s) for w, s in told if s.sure and _may_be_a_service(s.address.host, place)]
        if not callers:
            continue
        lost = next((w for w in case.workloads if fields.name(w.object) == host), None)
        who = {w.ref for w, _ in callers} | ({lost.ref} if lost is not None else set())
        if host not in names and len(who) > 1:
            words = f"{callers[0][0].ref} calls {host}, which has no Service"
            return _Missing(words, frozenset(who), (callers[0][1].citation,), 92)
    for note in case.evidence.notes:
        for n, line in enumerate(note.lines):
            if line.strip() == "kind: Service":
                named = next((m[1] for m in map(_NAME.match, note.lines[n : n + 6]) if m is not None), "")
                if named and named not in names:
                    words = f"the applied manifest has a Service {named}, which does not exist"
                    return _Missing(words, frozenset(), (citing.of_note(note, line),), 90)
    return _Missing("nothing more can be created", frozenset(), (), 62)


def _may_be_a_service(host: str, place: str) -> bool:
    return in_cluster(host, place) and not is_ip(host) and host not in ("localhost", "kubernetes")


_NAME = re.compile(r"^  name: ([a-z0-9][-a-z0-9.]{0,252})$")


def _without_claim(case: Case, quota: Object) -> _Missing:
    """A pod that waits for a claim which does not exist."""
    place = fields.namespace(quota)
    for workload, pod in case.sick:
        for claim in claims_of(pod) if fields.namespace(pod) == place else ():
            if case.find(kinds.PERSISTENT_VOLUME_CLAIM, place, claim) is None:
                at = fields.items(pod, "spec", "volumes")
                n = next(i for i, v in enumerate(at) if fields.text(v, "persistentVolumeClaim", "claimName") == claim)
                cited = [citing.of_object(pod, f"spec.volumes[{n}].persistentVolumeClaim.claimName")]
                cited += [citing.of_event(e) for e in case.events(pod, "FailedScheduling")[:1]]
                who = frozenset({workload.ref, reference(pod)})
                return _Missing(
                    f"claim {claim}, which {reference(pod)} waits for, does not exist", who, tuple(cited), 84
                )
    return _Missing("nothing more can be claimed", frozenset(), (), 40)


def _used_up(case: Case, quota: Object, resource: str, missing: _Missing) -> Finding:
    hard, used = (str(fields.mapping(quota, "status", part).get(resource, ""))[:64] for part in ("hard", "used"))
    name = fields.name(quota)
    return Finding(
        cause=Cause.QUOTA_EXCEEDED,
        object=target_of(quota),
        confidence=missing.confidence,
        summary=clean_line(f"quota {name} has {used} of {hard} {resource} in use, and {missing.words}")[:1000],
        evidence=(*_of_quota(quota), *missing.evidence),
        facts={"quota": name, "resource": resource, "used": used, "hard": hard},
        about=frozenset({reference(quota), *missing.who}),
    )
