"""A name that should resolve does not: at one pod, for one Service, or everywhere.

In the first seconds of a roll-out every name is missing for a moment, and resolvers remember that for up to half a
minute; only who still complains at the end of his log counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_agents.diagnosis.addresses import Address, Complaint, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.outside import is_outside
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.api.meta import TargetRef
from incident_commander.api.statement import Citation
from incident_commander.evidence import citing, fields, pods
from incident_commander.evidence.evidence import reference, target_of
from incident_commander.ports import Object

_LATE = 0.9
_OFTEN = 3


@dataclass
class _Lost:
    """A workload and the names that it still cannot resolve."""

    workload: Workload
    said: dict[str, list[Complaint]] = field(default_factory=dict)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload that cannot resolve, for a Service that is missing, and for the cluster's DNS."""
    lost = [found for w in case.workloads if (found := _lost(case, w)).said]
    together = [found for found in lost if not _own_resolver(case, found.workload.living[0])[0]]
    if len(together) > 1:
        yield _everywhere(case, together)
    for found in lost:
        if len(together) < 2 or found not in together:
            yield _at(case, found, alone=len(lost) == 1)
    speaking = {found.workload.ref for found in lost}
    yield from _by_spec(case, [w for w in case.workloads if w.living and w.ref not in speaking])
    yield from _missing(case)
    yield from _searched(case)


def _lost(case: Case, workload: Workload) -> _Lost:
    found = _Lost(workload)
    place = fields.namespace(workload.object)
    for complaint in case.complaints[workload.ref]:
        if complaint.of_name and case.service_at(complaint.address, place) is not None:
            found.said.setdefault(complaint.address.host.split(".")[0], []).append(complaint)
    found.said = {name: said for name, said in found.said.items() if _lasts(workload, said)}
    return found


def _lasts(workload: Workload, said: list[Complaint]) -> bool:
    last = max(c.at for c in said)
    broken = any(not pods.ready(p) for p in workload.living)
    return (last >= _LATE and len(said) >= _OFTEN) or (broken and last >= _LATE)


def _at(case: Case, found: _Lost, *, alone: bool) -> Finding:
    workload, names = found.workload, ", ".join(sorted(found.said)[:4])
    pod = workload.living[0]
    odd, evidence = _own_resolver(case, pod)
    sick = [p for p in workload.living if case.unwell(p)]
    confidence = 92 if odd else 72 if alone else 60
    said = [c for group in found.said.values() for c in group[-2:]]
    return of_workload(
        Cause.DNS_RESOLUTION_FAILURE,
        workload,
        sick,
        "",
        confidence=confidence + (4 if sick and not odd else 0),
        summary=f"{workload.ref} cannot resolve {names}, which are Services here{odd}",
        evidence=[*evidence, *(citing.of_log(c.log, c.line) for c in said[:3])],
        facts={"host": sorted(found.said)[0], "reason": odd.strip(": ") or "NameNotResolved"},
    )


def _own_resolver(case: Case, pod: Object) -> tuple[str, list[Citation]]:
    """Whether the pod was told to ask somebody else than the cluster's DNS, or to believe its own hosts file."""
    policy = fields.text(pod, "spec", "dnsPolicy")
    if policy == "None" and set(fields.words(pod, "spec", "dnsConfig", "nameservers")) & _cluster_resolvers(case):
        return "", []
    if policy == "None" or (policy == "Default" and not fields.flag(pod, "spec", "hostNetwork")):
        cited = [citing.of_object(pod, "spec.dnsPolicy")]
        if fields.mapping(pod, "spec", "dnsConfig"):
            cited.append(citing.of_object(pod, "spec.dnsConfig"))
        return f": its dnsPolicy is {policy}", cited
    if set(fields.words(pod, "spec", "dnsConfig", "nameservers")) - _cluster_resolvers(case):
        return ": it has name servers of its own", [citing.of_object(pod, "spec.dnsConfig")]
    return "", []


def _cluster_resolvers(case: Case) -> frozenset[str]:
    """The address of the cluster's DNS, and the one that node-local caches have by convention."""
    found = {
        fields.text(s, "spec", "clusterIP")
        for s in case.evidence.of(kinds.SERVICE)
        if fields.name(s) in ("kube-dns", "coredns") and fields.namespace(s) == "kube-system"
    }
    return frozenset({"169.254.20.10", *found})


def _by_spec(case: Case, silent: list[Workload]) -> Iterator[Finding]:
    """Nobody's words were kept, but the pod's own: it asks another resolver, or its hosts file names a Service."""
    for workload in silent:
        pod = workload.living[0]
        sick = [p for p in workload.living if case.unwell(p)]
        shadowed = _shadowed(case, pod)
        odd, evidence = _own_resolver(case, pod)
        if shadowed is not None:
            host, cited = shadowed
            words, confidence = f"its hosts file gives Service {host} another address", 74 + (10 if sick else 0)
            yield _told(workload, sick, words, host, confidence, [cited])
        elif odd and sick:
            yield _told(workload, sick, f"it does not ask the cluster's DNS{odd}", "", 62, evidence)


def _told(
    workload: Workload, sick: list[Object], words: str, host: str, confidence: int, evidence: list[Citation]
) -> Finding:
    return of_workload(
        Cause.DNS_RESOLUTION_FAILURE,
        workload,
        sick,
        "",
        confidence=confidence,
        summary=f"{workload.ref} does not find Services by name: {words}",
        evidence=evidence,
        facts={"host": host, "reason": words},
    )


def _shadowed(case: Case, pod: Object) -> tuple[str, Citation] | None:
    place = fields.namespace(pod)
    for n, alias in enumerate(fields.items(pod, "spec", "hostAliases")):
        for host in fields.words(alias, "hostnames"):
            service = case.service_at(Address(host.lower(), None), place) if not is_ip(host) else None
            if service is None:
                continue
            real = {fields.text(service, "spec", "clusterIP")}
            real |= {fields.text(p, "status", "podIP") for p in case.topology.pods_of(service)}
            if fields.text(alias, "ip") not in real:
                return fields.name(service), citing.of_object(pod, f"spec.hostAliases[{n}]")
    return None


def _cluster_dns(case: Case) -> Workload | None:
    for workload in case.workloads:
        labels = fields.strings(workload.object, "spec", "template", "metadata", "labels")
        if labels.get("k8s-app") in ("kube-dns", "coredns") and workload.kind == "Deployment":
            return workload
    return None


def _dns_service(case: Case) -> TargetRef:
    """The Service of the cluster's DNS; where it was not read, by the name that every distribution gives it."""
    for service in case.evidence.of(kinds.SERVICE):
        labels = fields.strings(service, "metadata", "labels")
        if fields.namespace(service) == "kube-system" and (
            labels.get("k8s-app") in ("kube-dns", "coredns") or fields.name(service) in ("kube-dns", "coredns")
        ):
            return target_of(service)
    return TargetRef(api_version="v1", kind="Service", namespace="kube-system", name="kube-dns")


def _everywhere(case: Case, lost: list[_Lost]) -> Finding:
    """What several suffer at once has one cause, whether or not the cluster's DNS was read."""
    said = [c for found in lost for group in found.said.values() for c in group[-1:]]
    cited = [citing.of_log(c.log, c.line) for c in said[:4]]
    names = ", ".join(sorted({name for found in lost for name in found.said})[:4])
    callers = frozenset(found.workload.ref for found in lost)
    dns = _cluster_dns(case)
    words = f"{len(lost)} workloads cannot resolve {names}, which are Services here"
    if dns is None:
        words += ": the cluster's DNS, whose workload was not seen, does not answer them"
        facts, service = {"reason": "ClusterDNS"}, _dns_service(case)
        return Finding(Cause.DNS_RESOLUTION_FAILURE, service, 72, words[:1000], tuple(cited), facts, callers)
    sick = [p for p in dns.pods if not pods.ready(p)]
    return Finding(
        Cause.DNS_RESOLUTION_FAILURE,
        dns.target,
        90 if sick or not dns.ready else 70,
        f"{words}: {dns.ref} does not answer them"[:1000],
        (citing.of_object(dns.object, "status.readyReplicas"), *cited),
        {"reason": "ClusterDNS"},
        frozenset({dns.ref, *(reference(p) for p in sick)}) | callers,
    )


def _searched(case: Case) -> Iterator[Finding]:
    """Lookups of outside names with the cluster's search domains behind them time out: each costs as many as there are.

    A name with fewer dots than ``ndots`` (5) is tried with every search domain first.
    """
    for workload in case.workloads:
        late: list[Complaint] = []
        for complaint in case.complaints[workload.ref]:
            host, inside, rest = complaint.address.host.partition(f".{fields.namespace(workload.object)}.svc.")
            if inside and rest and "." in host and complaint.of_name and is_outside(case, host):
                late.append(complaint)
        if len(late) < _OFTEN or max(c.at for c in late) < _LATE:
            continue
        host = late[-1].address.host
        yield of_workload(
            Cause.DNS_RESOLUTION_FAILURE,
            workload,
            [p for p in workload.living if case.unwell(p)],
            "",
            confidence=56,
            summary=f"{workload.ref} looks up outside names with the search domains of the cluster, in vain: "
            f"{host}; a lower ndots in its dnsConfig, or a dot at the end of the name, spares those lookups",
            evidence=[citing.of_log(c.log, c.line) for c in late[-3:]],
            facts={"host": host, "reason": "SearchDomains"},
        )


def _missing(case: Case) -> Iterator[Finding]:
    """A workload that others look up by name, and that has no Service."""
    if not case.evidence.asked(kinds.SERVICE):
        return
    by_name = {(fields.namespace(w.object), fields.name(w.object)): w for w in case.workloads}
    done: set[str] = set()
    for caller in case.workloads:
        place = fields.namespace(caller.object)
        for complaint in case.complaints[caller.ref]:
            name = complaint.address.host.split(".")[0]
            meant = by_name.get((place, name))
            if meant is None or meant is caller or meant.ref in done or not complaint.of_name:
                continue
            if case.service_at(complaint.address, place) is not None:
                continue
            done.add(meant.ref)
            base = of_workload(
                Cause.DNS_RESOLUTION_FAILURE,
                meant,
                [],
                "",
                confidence=84,
                summary=f"{caller.ref} looks up {name}, but no Service has that name",
                evidence=[citing.of_log(complaint.log, complaint.line)],
                facts={"host": name, "reason": "ServiceMissing"},
            )
            yield Finding(
                base.cause,
                base.object,
                base.confidence,
                base.summary,
                base.evidence,
                base.facts,
                base.about | {caller.ref},
            )
