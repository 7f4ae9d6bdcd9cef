"""A revision whose pods are well can still be the cause: since it came requests fail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.api.statement import CitationKind, Hypothesis
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import (
    NOW,
    NS,
    container,
    deployment,
    endpoint_slice,
    evidence,
    node,
    pod,
    replica_set,
    running,
    service,
    template,
)

MINUTES = 60.0


def ratio(pod_name: str, first: float, last: float, share: float) -> Series:
    """One value in 15 s between two points in time (minutes ago)."""
    at = [NOW.timestamp() - 15 * n for n in range(240) if last * 4 <= n <= first * 4][::-1]
    return Series({"namespace": NS, "pod": pod_name}, tuple((when, share) for when in at))


def believed(
    before: float | None,
    after: float | None,
    *,
    rolled: float = 5,
    over: float = 0,
    of_store: float | None = None,
    alerts: tuple[Alert, ...] = (),
) -> Hypothesis | None:
    """The newest revision of web as a cause. Shares of its failed requests before and after it came, minutes ago."""
    variables = {"DB_HOST": "store", "DB_PORT": "8080"}
    old = template("web", container("web", "registry.example.com/web:1", env=env(variables)))
    new = template("web", container("web", "registry.example.com/web:2", env=env(variables)))
    web = deployment(replicas=1, revision=2, template=new)
    retired = replica_set(web, "5b5c9d7f6c", revision=1, replicas=0, ready=0, template=old)
    current = replica_set(web, "6d4b75cb6d", revision=2, replicas=1, ready=1, age=rolled * MINUTES)
    own = pod(current, "abcde", running(age=rolled * MINUTES), age=rolled * MINUTES)
    store = deployment("store", replicas=1)
    kept = replica_set(store, "7f9c5d6b44", replicas=1, ready=1)
    behind = pod(kept, "fghij", running("store"))
    series = []
    if before is not None:
        series.append(ratio("web-5b5c9d7f6c-klmno", 30, rolled, before))
    if after is not None:
        series.append(ratio("web-6d4b75cb6d-abcde", rolled - 0.25, over, after))
    if over:
        series.append(ratio("web-6d4b75cb6d-abcde", over, 0, 0.0))
    if of_store is not None:
        series.append(ratio("store-7f9c5d6b44-fghij", rolled, 0, of_store))
    services = [service("web", {"app": "web"}), service("store", {"app": "store"}, port=8080)]
    slices = [endpoint_slice(one, True) for one in services]
    found = evidence(None, web, retired, current, own, store, kept, behind, *services, *slices, node())
    found = replace(found, series={"request_error_ratio": series}, alerts=alerts)
    told = diagnose(found, None, NOW).hypotheses
    return next((h for h in told if h.cause is Cause.CRASH_AFTER_ROLLOUT and h.confidence >= BAR), None)


def env(variables: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def firing(since: float, name: str = "HighErrorRate") -> Alert:
    labels = {"alertname": name, "namespace": NS, "app": "web"}
    at = NOW - timedelta(minutes=since)
    return Alert(fingerprint="f00", status=AlertStatus.FIRING, labels=labels, starts_at=at)


def test_a_share_of_failures_that_jumps_with_the_newest_revision_is_its_doing() -> None:
    found = believed(0.001, 0.4)
    assert found is not None
    assert found.object is not None
    assert found.object.name == "web"
    assert "40% of its requests fail" in found.summary
    assert "image" in found.facts["changed"]
    assert {c.kind for c in found.evidence} >= {CitationKind.METRIC, CitationKind.OBJECT}


def test_where_nobody_measures_an_alert_about_errors_tells_but_less_surely() -> None:
    measured, alerted = believed(0.001, 0.4), believed(None, None, alerts=(firing(2),))
    assert measured is not None
    assert alerted is not None
    assert alerted.confidence < 60 < measured.confidence


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (0.0, 0.0, {}),
        (0.001, 0.02, {}),
        (0.3, 0.35, {}),
        (0.0, 0.4, {"rolled": 20, "over": 10}),
        (0.0, 0.4, {"of_store": 0.5}),
        (None, None, {"alerts": (firing(12),)}),
        (None, None, {"alerts": (firing(2, "HighLatency"),)}),
        (None, 0.4, {}),
    ],
    ids=[
        "no failures",
        "few",
        "as many before",
        "it is over",
        "whom it calls fails too",
        "the alert is older",
        "the alert is about something else",
        "nothing is known of before",
    ],
)
def test_otherwise_a_rollout_is_no_cause(before: float | None, after: float | None, more: dict[str, Any]) -> None:
    assert believed(before, after, **more) is None
