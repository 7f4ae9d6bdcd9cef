"""One timeline: what was changed, and what was seen of it, in the order of time."""

from __future__ import annotations

import copy
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api import kinds
from incident_commander.api.incident import Alert, AlertStatus
from incident_commander.evidence.changes import differences, timeline
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    NS,
    ago,
    container,
    crash_looping,
    deployment,
    event,
    merged,
    node,
    pod,
    replica_set,
)

WEB = deployment(ready=0, revision=2)
OLD = merged(replica_set(WEB, "5b5c9d7f6c"), {"metadata": {"creationTimestamp": ago(hours=20)}})
OLD["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
NEW = merged(replica_set(WEB, "6d4b75cb6d"), {"metadata": {"creationTimestamp": ago(minutes=30)}})
NEW["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
NEW["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/shop/web:1.5.0"


def seen(*objects: Object, alerts: tuple[Alert, ...] = ()) -> Evidence:
    found: dict[str, list[Object]] = {}
    for obj in objects:
        kind = kinds.kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        found.setdefault(kind.resource, []).append(obj)
    return Evidence(None, NOW, found, alerts=alerts)


def test_a_rollout_is_told_with_what_it_changed() -> None:
    told = [c for c in timeline(seen(WEB, OLD, NEW)) if "rolled out" in c.text]
    assert [(c.ref, c.at) for c in told] == [(f"Deployment/{NS}/web", NOW - timedelta(minutes=30))]
    assert (
        "containers[web].image: registry.example.com/shop/web:1.4.0 → registry.example.com/shop/web:1.5.0"
        in told[0].text
    )
    assert not told[0].symptom


def test_a_rollout_and_its_crash_stand_in_the_order_of_time() -> None:
    sick = pod(NEW, "abcde", crash_looping())
    alert = Alert(fingerprint="a", status=AlertStatus.FIRING, labels={"alertname": "Down"}, starts_at=NOW)
    told = timeline(seen(WEB, OLD, NEW, sick, event(sick, "BackOff", "restarting", age=300), alerts=(alert,)))
    assert [c.at for c in told] == sorted(c.at for c in told)
    assert "rolled out" in next(c.text for c in told if not c.symptom and "rolled" in c.text)
    kinds_of_entries = [c.symptom for c in told]
    assert kinds_of_entries.index(False) < kinds_of_entries.index(True)
    assert told[-1].text == "alert Down"
    assert any("ended: Error" in c.text or "exit code" in c.text for c in told if c.symptom)


def test_an_edit_is_told_with_who_and_when_and_creation_is_no_edit() -> None:
    config: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "conf",
            "namespace": NS,
            "creationTimestamp": ago(hours=2),
            "managedFields": [
                {"manager": "helm", "time": ago(hours=2)},
                {"manager": "kubectl-edit", "time": ago(minutes=10)},
                {"manager": "controller", "time": ago(minutes=1), "subresource": "status"},
            ],
        },
    }
    assert [c.text for c in timeline(seen(config))] == ["created", "edited by kubectl-edit"]


def config_map(data: dict[str, str]) -> Object:
    edited = [{"manager": "kubectl-edit", "time": ago(minutes=10)}, {"manager": "helm", "time": ago(minutes=20)}]
    meta = {"name": "conf", "namespace": NS, "creationTimestamp": ago(hours=2), "managedFields": edited}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def test_the_content_of_a_config_map_is_told_by_its_hash_at_its_last_edit() -> None:
    one, other = (timeline(seen(config_map({"rate": value}))) for value in ("sha256:aa", "sha256:bb"))
    assert [c.text for c in one[:2]] == ["created", "edited by helm"]
    assert one[2].text.startswith("edited by kubectl-edit, content ")
    assert one[2].text != other[2].text
    assert one[2].text == timeline(seen(config_map({"rate": "sha256:aa"})))[2].text


def test_the_certificate_that_every_namespace_has_is_no_change() -> None:
    found = config_map({"ca.crt": "sha256:aa"})
    found["metadata"]["name"] = "kube-root-ca.crt"
    assert timeline(seen(found)) == []


def test_quota_and_autoscaler_edits_stand_in_the_timeline() -> None:
    edits = config_map({})["metadata"]["managedFields"]
    meta = {"name": "q", "namespace": NS, "creationTimestamp": ago(hours=2), "managedFields": edits[:1]}
    quota: Object = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta}
    hpa: Object = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta}
    edited = {c.ref for c in timeline(seen(quota, hpa)) if c.text == "edited by kubectl-edit"}
    assert edited == {f"ResourceQuota/{NS}/q", f"HorizontalPodAutoscaler/{NS}/q"}


def test_a_node_that_became_not_ready_is_a_symptom_and_one_that_became_ready_is_not() -> None:
    conditions = [
        {"type": "Ready", "status": "Unknown", "lastTransitionTime": ago(minutes=5)},
        {"type": "DiskPressure", "status": "False", "lastTransitionTime": ago(minutes=9)},
    ]
    told = timeline(seen(merged(node(), {"status": {"conditions": conditions}})))
    assert [(c.text, c.symptom) for c in told] == [("DiskPressure became False", False), ("Ready became Unknown", True)]


def test_what_is_older_than_the_window_is_history() -> None:
    old = merged(OLD, {"metadata": {"creationTimestamp": ago(days=3)}})
    assert timeline(seen(WEB, old)) == []


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "b"]), below, max_size=3),
    max_leaves=12,
)


class TestDifferences:
    def test_a_restart_and_other_content_of_a_config_map_are_told(self) -> None:
        def annotated(**more: str) -> Object:
            return {"metadata": {"annotations": more}, "spec": {"containers": [container()]}}

        restarted = {"kubectl.kubernetes.io/restartedAt": ago(minutes=5)}
        assert differences(annotated(), annotated(**restarted)) == ["restarted by hand (kubectl rollout restart)"]
        assert differences(annotated(**{"checksum/config": "a"}), annotated(**{"checksum/config": "b"})) == [
            "checksum/config: other content of a ConfigMap or Secret"
        ]
        assert differences(annotated(team="a"), annotated(team="b")) == ["annotation team: a → b"]

    def test_lists_are_compared_by_name_and_secrets_are_hidden(self) -> None:
        variables = [{"name": "A", "value": "1"}, {"name": "DB_PASSWORD", "value": "hunter2"}]
        old = {"spec": {"containers": [container(env=variables)]}}
        new = copy.deepcopy(old)
        new["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "hunter3"}, {"name": "B", "value": "2"}]
        told = "\n".join(differences(old, new))
        assert "containers[web].env[A]" in told
        assert "containers[web].env[B]" in told
        assert "containers[web].env[DB_PASSWORD].value: [REDACTED:named] → [REDACTED:named]" in told
        assert "hunter" not in told

    def test_of_many_the_first_are_told_and_the_rest_counted(self) -> None:
        old, new = ({"spec": {f"k{n:02}": value for n in range(20)}} for value in ("a", "b"))
        told = differences(old, new)
        assert told[-1] == "and 14 more"
        assert len(told) == 7

    @given(VALUES, VALUES)
    def test_any_two_templates_can_be_compared(self, old: object, new: object) -> None:
        assert len(differences({"spec": old}, {"spec": new})) <= 7
        assert differences({"spec": old}, {"spec": old}) == []


def test_a_revision_whose_predecessors_were_not_read_is_not_called_the_first() -> None:
    texts = [c.text for c in timeline(seen(WEB, NEW))]
    assert "rolled out revision 2, the only one seen" in texts
    first = copy.deepcopy(NEW)
    first["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    assert "first revision 1" in [c.text for c in timeline(seen(WEB, first))]
