"""From the ``severity`` label, as teams write it, to the severity of an Incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from incident_commander.api.statement import Severity

_WORDS: Mapping[str, Severity] = {
    **dict.fromkeys(
        ("critical", "crit", "page", "fatal", "emergency", "disaster", "error", "high", "urgent"), Severity.CRITICAL
    ),
    **dict.fromkeys(("p0", "p1", "sev0", "sev1", "s1", "1"), Severity.CRITICAL),
    **dict.fromkeys(("warning", "warn", "major", "medium", "moderate", "ticket", "minor"), Severity.WARNING),
    **dict.fromkeys(("p2", "p3", "sev2", "sev3", "s2", "s3", "2", "3"), Severity.WARNING),
    **dict.fromkeys(("info", "informational", "information", "notice", "none", "low", "debug"), Severity.INFO),
    **dict.fromkeys(("p4", "p5", "sev4", "sev5", "s4", "s5", "4", "5"), Severity.INFO),
}
_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def severity_of(labels: Mapping[str, str]) -> Severity:
    """The severity that the labels name; Warning when they name none that is known."""
    said = labels.get("severity") or labels.get("priority") or ""
    return _WORDS.get(said.strip().lower(), Severity.WARNING)


def highest(severities: Iterable[Severity]) -> Severity:
    """The most severe of them; Info when there are none."""
    return max(severities, key=_RANK.__getitem__, default=Severity.INFO)
