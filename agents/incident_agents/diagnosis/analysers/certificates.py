"""TLS: a certificate is refused, because of its dates, its name, or who signed it; or its Secret is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from incident_agents.diagnosis.addresses import addresses
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.listening import Words
from incident_agents.diagnosis.said import said
from incident_agents.diagnosis.workload import Workload
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing, fields
from incident_commander.evidence.evidence import Log, reference, target_of
from incident_commander.evidence.lines import clean_line
from incident_commander.evidence.structured import message_of
from incident_commander.ports import Object

_REFUSED = Words(
    re.compile(
        r"x509: |certificate (?:has expired|is not yet valid|verify failed|signed by unknown)|CERT_HAS_EXPIRED"
        r"|PKIX path (?:building|validation) failed|unable to verify the first certificate|self.signed certificate"
        r"|CertificateExpiredException|SSL_ERROR_BAD_CERT|bad certificate|ERR_TLS_CERT_ALTNAME_INVALID",
        re.IGNORECASE,
    ),
    ("cert", "x509", "pkix"),
)
_OF_CLIENT = re.compile(r"handshake error from |\bclient: ?\d|\bclient \[?\d|\bfrom client\b", re.IGNORECASE)
"""Whoever calls does not trust us, or scans us: who that is, and whether it matters, is not to be seen."""
_PROBLEMS = (
    ("Expired", re.compile(r"expired|not yet valid|CertificateExpired|NotAfter", re.IGNORECASE)),
    ("Name", re.compile(r"altname|valid for .{0,200}, not|doesn'?t match|hostname mismatch", re.IGNORECASE)),
)


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload whose log says so until now, and for each Ingress whose Secret is missing."""
    for workload in case.workloads:
        if lines := [entry for entry in said(case, workload, _REFUSED) if not _OF_CLIENT.search(entry[1])]:
            yield _certificate(case, workload, lines)
    for ingress in case.evidence.of(kinds.INGRESS) if case.evidence.asked(kinds.SECRET) else ():
        for n, tls in enumerate(fields.items(ingress, "spec", "tls")):
            name = fields.text(tls, "secretName")
            if name and case.find(kinds.SECRET, fields.namespace(ingress), name) is None:
                found = _without_secret(ingress, n, name, fields.words(tls, "hosts"))
                here = any(fields.namespace(s) == fields.namespace(ingress) for s in case.evidence.of(kinds.SECRET))
                yield found if here else replace(found, confidence=_NO_SECRETS)


_NO_SECRETS = 44
"""No Secret of the namespace is known: whoever recorded it may have left them all out."""


def _without_secret(ingress: Object, at: int, name: str, hosts: list[str]) -> Finding:
    """Ingress controllers then serve a certificate of their own, which no client trusts."""
    host = hosts[0] if hosts else ""
    return Finding(
        cause=Cause.TLS_CERTIFICATE_INVALID,
        object=target_of(ingress),
        confidence=82,
        summary=clean_line(
            f"Ingress {fields.name(ingress)} has no certificate for {host or 'its hosts'}: no Secret {name}"
        ),
        evidence=(citing.of_object(ingress, f"spec.tls[{at}].secretName"),),
        facts={"problem": "Missing"} | ({"host": clean_line(host)[:256]} if host else {}),
        about=frozenset({reference(ingress)}),
    )


def _certificate(case: Case, workload: Workload, lines: list[tuple[Log, str]]) -> Finding:
    line = lines[-1][1]
    problem = next((name for name, pattern in _PROBLEMS if pattern.search(line)), "Authority")
    sick = [p for p in workload.living if case.unwell(p)]
    host = next((a.host for a in addresses(f"connect: network {line}")), "")
    return of_workload(
        Cause.TLS_CERTIFICATE_INVALID,
        workload,
        sick,
        "",
        confidence=76 + (8 if sick else 0),
        summary=f"{workload.ref} refuses a certificate ({problem}): {message_of(line, 300)}",
        evidence=[citing.of_log(log, text) for log, text in lines[:3]],
        facts={"host": host, "problem": problem},
    )
