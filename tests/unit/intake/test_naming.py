"""Names are DNS-1123 labels, readable, and the same whoever makes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.meta import TargetRef
from incident_commander.intake.naming import incident_names, labels_hash, storm_hash, target_hash

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def first(alertname: str = "KubePodCrashLooping", *, lane: str = "l", group: str = "g", at: datetime = NOW) -> str:
    return next(incident_names(alertname, lane, group, at, "f"))


def test_the_name_begins_with_the_alert() -> None:
    assert re.fullmatch(r"kubepodcrashlooping-[0-9a-f]{10}", first())


def test_group_start_and_target_tell_incidents_apart() -> None:
    later = datetime(2026, 1, 31, 13, tzinfo=UTC)
    assert len({first(), first(lane="other"), first(group="other"), first(at=later)}) == 4
    assert first() == first()


def test_when_the_first_name_is_taken_there_are_others() -> None:
    assert len(set(islice(incident_names("Down", "l", "g", NOW, "f"), 5))) == 5


@given(st.text(), st.text())
def test_every_name_is_a_dns_label(alertname: str, group: str) -> None:
    for name in islice(incident_names(alertname, "l", group, NOW, "f"), 2):
        assert DNS_LABEL.fullmatch(name)


def test_a_target_has_one_hash_whatever_incarnation_and_version_it_is() -> None:
    ref = TargetRef(api_version="apps/v1", kind="Deployment", namespace="shop", name="api")
    again = ref.model_copy(update={"uid": "1", "generation": 3, "api_version": "apps/v2"})
    other = ref.model_copy(update={"namespace": "shop2"})
    assert target_hash(ref) == target_hash(again)
    assert len({target_hash(ref), target_hash(other), labels_hash("shop", {"g": "h"}), storm_hash("shop")}) == 4


def test_alerts_without_a_target_are_told_apart_by_their_labels() -> None:
    one = {"alertname": "ProbeFailed", "instance": "https://a"}
    others = [one | {"alertname": "Other"}, one | {"instance": "https://b"}, {}]
    assert len({labels_hash("shop", labels) for labels in [one, *others]} | {labels_hash("till", one)}) == 5


def test_severities_and_replicas_of_prometheus_are_one_trouble() -> None:
    one = {"alertname": "ProbeFailed", "instance": "https://a"}
    assert labels_hash("shop", one | {"severity": "critical", "prometheus_replica": "b"}) == labels_hash("shop", one)
