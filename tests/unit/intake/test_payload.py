"""Alertmanager's webhook: what is taken, what is refused and where, and what is cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.incident import AlertStatus
from incident_commander.errors import InvalidPayload
from incident_commander.intake.bounds import OMITTED_KEY
from incident_commander.intake.fingerprint import fingerprint
from incident_commander.intake.payload import parse_notification

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def alert(**more: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Down", "namespace": "shop"},
        "annotations": {"summary": "it is down"},
        "startsAt": "2026-01-31T12:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph?g0.expr=up",
        "fingerprint": "c7f3a1b2d4e5f607",
    } | more


def webhook(*alerts: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"version": "4", "groupKey": "{}:{}", "alerts": list(alerts)} | more).encode()


def test_what_a_real_alertmanager_sent_is_understood() -> None:
    body = (Path(__file__).parent / "alertmanager-0.25.json").read_bytes()
    sent = json.loads(body)["alerts"]
    taken = parse_notification(body, NOW)
    assert taken.group_key == '{}:{alertname="KubePodCrashLooping", namespace="shop"}'
    assert taken.truncated == 2
    assert [one.labels for one in taken.alerts] == [one["labels"] for one in sent]
    assert [one.annotations for one in taken.alerts] == [one["annotations"] for one in sent]
    assert [one.status.value for one in taken.alerts] == ["resolved", "firing", "firing"]
    assert [one.ends_at is None for one in taken.alerts] == [False, True, True]
    assert [fingerprint(one["labels"]) for one in sent] == [one.fingerprint for one in taken.alerts]


def test_a_firing_alert_has_its_start_in_milliseconds_and_no_end() -> None:
    [taken] = parse_notification(webhook(alert()), NOW).alerts
    assert taken.status is AlertStatus.FIRING
    assert taken.starts_at == datetime(2026, 1, 31, 12, 0, 0, 123000, UTC)
    assert taken.ends_at is None
    assert taken.fingerprint == "c7f3a1b2d4e5f607"


def test_the_end_of_a_firing_alert_is_not_taken_and_that_of_a_resolved_one_is() -> None:
    end = "2026-01-31T14:00:00+01:00"
    firing, resolved = parse_notification(webhook(alert(endsAt=end), alert(status="resolved", endsAt=end)), NOW).alerts
    assert firing.ends_at is None
    assert resolved.ends_at == datetime(2026, 1, 31, 13, tzinfo=UTC)


def test_what_grafana_adds_is_ignored() -> None:
    body = webhook(
        alert(values={"A": 1}, silenceURL="http://grafana", valueString="[ var='A' ]"),
        version="1",
        orgId=1,
        title="[FIRING:1]",
        state="alerting",
        message="**Firing**",
    )
    assert len(parse_notification(body, NOW).alerts) == 1


@pytest.mark.parametrize("version", ["5", "3", "", "v4", 4, None])
def test_another_version_of_the_webhook_is_refused(version: object) -> None:
    with pytest.raises(InvalidPayload) as refused:
        parse_notification(webhook(alert(), version=version), NOW)
    assert refused.value.path == "version"


def test_a_sender_that_tells_no_version_is_taken_at_its_word() -> None:
    assert len(parse_notification(json.dumps({"alerts": [alert()]}).encode(), NOW).alerts) == 1


def test_a_start_that_was_never_set_is_refused() -> None:
    with pytest.raises(InvalidPayload, match="was it never set") as refused:
        parse_notification(webhook(alert(startsAt="0001-01-01T00:00:00Z")), NOW)
    assert refused.value.path == "alerts[0].startsAt"


@pytest.mark.parametrize("count", ["7", 1.5, True, -1, 10**30])
def test_truncated_alerts_are_a_number_of_alerts(count: object) -> None:
    with pytest.raises(InvalidPayload) as refused:
        parse_notification(webhook(alert(), truncatedAlerts=count), NOW)
    assert refused.value.path == "truncatedAlerts"


def test_truncated_alerts_are_told() -> None:
    assert parse_notification(webhook(alert(), truncatedAlerts=7), NOW).truncated == 7
    assert parse_notification(webhook(alert(), truncatedAlerts=None), NOW).truncated == 0


def test_a_sender_without_group_key_is_grouped_by_its_group_labels() -> None:
    one = parse_notification(webhook(alert(), groupKey="", groupLabels={"alertname": "Down"}), NOW)
    other = parse_notification(webhook(alert(), groupKey="", groupLabels={"alertname": "Up"}), NOW)
    assert one.group_key != other.group_key


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        (b"", "", "JSON"),
        (b"[]", "", "object"),
        (b'{"alerts": 3}', "alerts", "array"),
        (b"{}", "alerts", "required"),
        (webhook(alert(), alert(), alert(startsAt="yesterday")), "alerts[2].startsAt", "RFC 3339"),
        (webhook(alert(startsAt="2026-01-31T12:00:00")), "alerts[0].startsAt", "zone"),
        (webhook(alert(startsAt="0001-01-01T00:00:00+05:00")), "alerts[0].startsAt", "outside"),
        (webhook(alert(startsAt=1700000000)), "alerts[0].startsAt", "string"),
        (webhook({"status": "firing"}), "alerts[0].startsAt", "required"),
        (webhook(alert(status="pending")), "alerts[0].status", "firing"),
        (webhook(alert(labels={"alertname": 3})), "alerts[0].labels.alertname", "string"),
        (webhook(alert(labels=[])), "alerts[0].labels", "object"),
        (webhook(truncatedAlerts=5), "alerts", "truncatedAlerts is 5"),
        (webhook(alert(), truncatedAlerts=-1), "truncatedAlerts", "greater"),
        (b'{"alerts": [' + b"[" * 5000, "", "recursion"),
    ],
)
def test_what_is_malformed_is_refused_with_its_path(body: bytes, path: str, says: str) -> None:
    with pytest.raises(InvalidPayload) as refused:
        parse_notification(body, NOW)
    assert refused.value.path == path
    assert says in str(refused.value)


class TestBounds:
    def test_a_long_text_is_cut_with_a_marker_that_tells_how_much(self) -> None:
        [taken] = parse_notification(webhook(alert(annotations={"description": "x" * 5000})), NOW).alerts
        text = taken.annotations["description"]
        assert len(text) <= 1024
        kept = text.index("…")
        assert text[kept:] == f"…[cut {5000 - kept} characters]"

    def test_control_characters_become_visible_and_newlines_stay(self) -> None:
        [taken] = parse_notification(webhook(alert(annotations={"a": "x\x00y\x1b[31m\nz\u202e"})), NOW).alerts
        assert taken.annotations["a"] == "x\ufffdy\ufffd[31m\nz\ufffd"

    def test_of_too_many_labels_those_that_name_the_target_are_kept(self) -> None:
        labels = {f"a{n:03}": "v" for n in range(200)} | {"pod": "api-0", "alertname": "Down"}
        [taken] = parse_notification(webhook(alert(labels=labels)), NOW).alerts
        assert len(taken.labels) == 64
        assert taken.labels["pod"] == "api-0"
        assert taken.annotations[OMITTED_KEY].startswith("138 labels: a062, a063")

    def test_a_cut_never_changes_the_fingerprint(self) -> None:
        long, longer = ({"alertname": "Down", "x": "x" * size} for size in (5000, 5001))
        one, other = parse_notification(
            webhook(alert(labels=long, fingerprint=""), alert(labels=longer, fingerprint="")), NOW
        ).alerts
        assert one.fingerprint != other.fingerprint

    def test_a_fingerprint_that_is_no_plain_word_is_computed_anew(self) -> None:
        [taken] = parse_notification(webhook(alert(fingerprint="../../x")), NOW).alerts
        assert taken.fingerprint.isalnum()

    @given(
        st.dictionaries(st.text(max_size=300), st.text(max_size=3000), max_size=80),
        st.dictionaries(st.text(max_size=300), st.text(max_size=3000), max_size=40),
    )
    def test_every_alert_fits_an_incident(self, labels: dict[str, str], annotations: dict[str, str]) -> None:
        [taken] = parse_notification(webhook(alert(labels=labels, annotations=annotations)), NOW).alerts
        assert len(taken.labels) <= 64
        assert len(taken.annotations) <= 32
        assert all(len(k) <= 256 and len(v) <= 1024 for m in (taken.labels, taken.annotations) for k, v in m.items())
        assert len(json.dumps(taken.to_json(), ensure_ascii=False).encode()) < 40_000
