"""The storm's accounts find what is missing, and what is counted twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bench.accounts import account
from bench.flood import STARTS_AT
from incident_commander.intake.fingerprint import firing_key
from incident_commander.intake.omitted import ANNOTATION_OMITTED, Omitted

AT = datetime.fromisoformat(STARTS_AT)


def incident(recorded: str, counted: str = "", more: int = 0) -> dict[str, Any]:
    """``more``: counted, and not told apart any more."""
    omitted = Omitted()
    for fingerprint in counted:
        omitted = omitted.with_firing(firing_key(fingerprint, AT))
    alerts = [{"fingerprint": f, "status": "firing", "startsAt": STARTS_AT} for f in recorded]
    return {
        "metadata": {"annotations": {ANNOTATION_OMITTED: omitted.to_text()}},
        "spec": {"alerts": alerts, "omittedAlerts": len(counted) + more},
    }


def test_recorded_and_counted_alerts_are_found() -> None:
    found = account("abcde", [incident("ab"), incident("c", "de")])
    assert (found.recorded, found.counted, found.lost, found.again) == (3, 2, 0, 0)


def test_an_alert_that_is_nowhere_is_lost() -> None:
    assert account("abc", [incident("a", "b")]).lost == 1


def test_one_that_is_lost_is_not_made_up_for_by_one_that_counts_twice() -> None:
    found = account("abc", [incident("a", "b"), incident("", "b")])
    assert (found.lost, found.again) == (1, 0)


def test_alerts_beyond_what_is_told_apart_are_found_by_their_number() -> None:
    assert account("abcd", [incident("a", "b", more=2)]).lost == 0
    assert account("abcd", [incident("a", "b", more=1)]).lost == 1


def test_what_counts_twice_is_told() -> None:
    assert account("ab", [incident("a", "b", more=2)]).again == 2
