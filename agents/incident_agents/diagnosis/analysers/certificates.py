"""TLS: a certificate is refused, because of its dates, its name, or who signed it; and requests failed on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incident_agents.diagnosis.addresses import addresses
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.finding import Finding, of_workload
from incident_agents.diagnosis.workload import Workload
from incident_commander.api.causes import Cause
from incident_commander.evidence import citing
from incident_commander.evidence.evidence import Log

_REFUSED = re.compile(
    r"x509: |certificate (?:has expired|is not yet valid|verify failed|signed by unknown)|CERT_HAS_EXPIRED"
    r"|PKIX path (?:building|validation) failed|unable to verify the first certificate|self.signed certificate"
    r"|CertificateExpiredException|SSL_ERROR_BAD_CERT|bad certificate|ERR_TLS_CERT_ALTNAME_INVALID",
    re.IGNORECASE,
)
_PROBLEMS = (
    ("Expired", re.compile(r"expired|not yet valid|CertificateExpired|NotAfter", re.IGNORECASE)),
    ("Name", re.compile(r"altname|valid for .{0,200}, not|doesn'?t match|hostname mismatch", re.IGNORECASE)),
)
_ABORTED = re.compile(r"fault filter abort")
"""The body with which Envoy answers a request that a rule aborts on purpose."""
_OFTEN, _LATE = 2, 0.5


def analyse(case: Case) -> Iterator[Finding]:
    """One finding for each workload whose log says so in its last half."""
    for workload in case.workloads:
        said = _said(case, workload, _REFUSED)
        if said:
            yield _certificate(case, workload, said)
        aborted = _said(case, workload, _ABORTED)
        if aborted:
            yield of_workload(
                Cause.FAULT_INJECTED,
                workload,
                [p for p in workload.living if case.unwell(p)],
                "",
                confidence=84,
                summary=f"requests of {workload.ref} are aborted by a rule of the mesh, on purpose",
                evidence=[citing.of_log(log, line) for log, line in aborted[:3]],
                facts={"fault": "Abort"},
            )


def _said(case: Case, workload: Workload, pattern: re.Pattern[str]) -> list[tuple[Log, str]]:
    found = []
    for pod in workload.living:
        for log in case.logs(pod):
            lines = log.lines[-1000:]
            hits = [n for n, line in enumerate(lines) if pattern.search(line[:1000])]
            if len(hits) >= _OFTEN and hits[-1] >= _LATE * len(lines):
                found += [(log, lines[n]) for n in hits[-2:]]
    return found


def _certificate(case: Case, workload: Workload, said: list[tuple[Log, str]]) -> Finding:
    line = said[-1][1]
    problem = next((name for name, pattern in _PROBLEMS if pattern.search(line)), "Authority")
    sick = [p for p in workload.living if case.unwell(p)]
    host = next((a.host for a in addresses(f"connect: network {line}")), "")
    return of_workload(
        Cause.TLS_CERTIFICATE_INVALID,
        workload,
        sick,
        "",
        confidence=76 + (8 if sick else 0),
        summary=f"{workload.ref} refuses a certificate ({problem}): {line[:300]}",
        evidence=[citing.of_log(log, text) for log, text in said[:3]],
        facts={"host": host, "problem": problem},
    )
