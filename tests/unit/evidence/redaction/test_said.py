"""What is cited, and so signed and stored in an Incident, carries no secret."""

from __future__ import annotations

import json

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api import kinds
from incident_commander.evidence import citing
from incident_commander.evidence.evidence import Evidence, Log, target_of
from tests.unit.diagnosis.builders import (
    NOW,
    NS,
    container,
    crash_looping,
    deployment,
    event,
    merged,
    pod,
    replica_set,
)

WEB = deployment(ready=0)
RS = replica_set(WEB, "6d4b75cb6d", ready=0)
SICK = pod(RS, "abcde", crash_looping())


def test_a_diagnosis_tells_no_password_that_a_log_or_an_event_told() -> None:
    name = SICK["metadata"]["name"]
    log = Log(NS, name, "web", True, ("panic: cannot connect to postgres://shop:hunter2@db:5432/x", "password=hunter2"))
    failed = event(SICK, "BackOff", "login with token=hunter2hunter2 failed")
    found = {
        kinds.DEPLOYMENT.resource: (WEB,),
        kinds.REPLICA_SET.resource: (RS,),
        kinds.POD.resource: (SICK,),
        kinds.EVENT.resource: (failed,),
    }
    told = diagnose(Evidence(target_of(WEB), NOW, found, (log,)), None, NOW)
    text = json.dumps(told.to_json())
    assert "@db:5432/x" in text
    assert "hunter2" not in text


def test_a_cited_variable_with_a_secret_name_is_hidden_and_claims_no_version() -> None:
    secret = container(env=[{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "DB_HOST", "value": "db"}])
    shown = merged(SICK, {"spec": {"containers": [secret]}})
    hidden = citing.of_object(shown, "spec.containers[0].env[0].value")
    assert hidden.value == "[REDACTED:named]"
    assert hidden.resource_version is None
    plain = citing.of_object(shown, "spec.containers[0].env[1].value")
    assert (plain.value, plain.resource_version) == ("db", "4711")
