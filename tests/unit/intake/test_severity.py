"""Severity, as teams write it."""

from __future__ import annotations

import pytest

from incident_commander.api.statement import Severity
from incident_commander.intake.severity import highest, severity_of


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("critical", Severity.CRITICAL),
        ("PAGE", Severity.CRITICAL),
        (" p1 ", Severity.CRITICAL),
        ("warning", Severity.WARNING),
        ("none", Severity.INFO),
        ("info", Severity.INFO),
        ("purple", Severity.WARNING),
        ("", Severity.WARNING),
    ],
)
def test_a_word_has_its_severity_and_an_unknown_one_is_a_warning(word: str, expected: Severity) -> None:
    assert severity_of({"severity": word}) is expected


def test_the_highest_counts() -> None:
    assert highest([Severity.INFO, Severity.CRITICAL, Severity.WARNING]) is Severity.CRITICAL
    assert highest([]) is Severity.INFO
