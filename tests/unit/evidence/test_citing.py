"""How what was read is cited, for people and for whoever checks it."""

from __future__ import annotations

from datetime import UTC, datetime

from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.evidence.citing import of_alert

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_an_alert_without_a_description_is_cited_by_its_labels_as_prometheus_writes_them() -> None:
    labels = {"namespace": "shop", "alertname": "Exp"}
    cited = of_alert(Alert(fingerprint="f", status=AlertStatus.FIRING, labels=labels, starts_at=NOW))
    assert (cited.ref, cited.value) == ("Exp", '{alertname="Exp", namespace="shop"}')
