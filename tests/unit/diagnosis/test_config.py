"""A ConfigMap, a Secret or a key is missing."""

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    NOW,
    deployment,
    event,
    evidence,
    incident,
    meta,
    pod,
    replica_set,
    told,
    waiting,
)
from tests.unit.diagnosis.shop import shop


def waiting_for(message: str) -> tuple[Object, list[Object]]:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    return web, [rs, pod(rs, "abcde", waiting("CreateContainerConfigError", message), phase="Pending")]


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name), "data": data}


@pytest.mark.parametrize(
    ("message", "facts"),
    [
        ('configmap "web-config" not found', {"configMap": "web-config"}),
        ('secret "web-token" not found', {"secret": "web-token"}),
        ("couldn't find key RATE in ConfigMap shop/web-config", {"configMap": "web-config", "key": "RATE"}),
        ("couldn't find key token in Secret shop/web-token", {"secret": "web-token", "key": "token"}),
    ],
)
def test_the_kubelet_names_what_is_missing(message: str, facts: dict[str, str]) -> None:
    web, objects = waiting_for(message)
    found = diagnose(evidence(web, *objects), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80) == (Cause.CONFIG_MISSING, True), told(found)
    assert {k: v for k, v in top.facts.items() if k in ("configMap", "secret", "key")} == facts


def test_a_volume_of_a_config_map_that_does_not_exist_is_read_from_the_event() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    stuck = pod(rs, "abcde", waiting("ContainerCreating"), phase="Pending")
    mount = event(stuck, "FailedMount", 'MountVolume.SetUp failed for volume "conf" : configmap "web-files" not found')
    top = diagnose(evidence(web, rs, stuck, mount), incident(), NOW).hypotheses[0]
    assert (top.cause, top.facts["configMap"]) == (Cause.CONFIG_MISSING, "web-files")


def test_a_missing_key_of_a_volume_is_traced_to_its_config_map() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d", ready=0)
    volumes = [{"name": "conf", "configMap": {"name": "web-files", "defaultMode": 420}}]
    stuck = pod(rs, "abcde", waiting("ContainerCreating"), phase="Pending", volumes=volumes)
    said = 'MountVolume.SetUp failed for volume "conf" : configmap references non-existent config key: app.ini'
    top = diagnose(evidence(web, rs, stuck, event(stuck, "FailedMount", said)), incident(), NOW).hypotheses[0]
    assert (top.facts["configMap"], top.facts["key"]) == ("web-files", "app.ini")


def test_what_exists_by_now_is_no_confident_cause() -> None:
    web, objects = waiting_for('configmap "web-config" not found')
    found = diagnose(evidence(web, *objects, config_map("web-config", RATE="sha256:0")), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses if h.cause is Cause.CONFIG_MISSING), told(found)


def test_a_secret_that_only_an_event_names_is_found() -> None:
    made = shop()
    status = waiting("CreateContainerConfigError", name="orders")
    made.pods["orders"]["status"] |= {"phase": "Pending", "containerStatuses": [status]}
    made.without_endpoints("orders")
    made.more.append(event(made.pods["orders"], "Failed", 'Error: secret "orders-db" not found'))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.facts["secret"]) == (Cause.CONFIG_MISSING, "orders-db"), told(found)
    assert top.confidence >= 85
