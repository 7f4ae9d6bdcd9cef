"""The fingerprint is Alertmanager's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from incident_commander.intake.fingerprint import fingerprint, firing_key

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_it_is_what_prometheus_common_computes() -> None:
    # From prometheus/common, model/signature_test.go (TestLabelsToSignature and TestMetricToFingerprint).
    assert int(fingerprint({}), 16) == 14695981039346656037
    assert int(fingerprint({"name": "garland, briggs", "fear": "love is not enough"}), 16) == 5799056148416392346


def test_it_does_not_depend_on_the_order_of_labels() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1b", "c": "2"}) != fingerprint({"a": "1", "bc": "2"})


def test_another_firing_of_the_same_alert_has_another_key() -> None:
    assert firing_key("abc", NOW) == firing_key("abc", NOW)
    assert firing_key("abc", NOW) != firing_key("abc", NOW + timedelta(milliseconds=1))
