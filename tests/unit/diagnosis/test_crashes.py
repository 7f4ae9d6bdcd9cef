"""Containers that exit."""

from typing import Any

import pytest

from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.causes import Cause
from incident_commander.api.statement import CitationKind
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import (
    IMAGE,
    NOW,
    ago,
    container,
    crash_looping,
    deployment,
    ended,
    event,
    evidence,
    incident,
    log,
    pod,
    replica_set,
    running,
    series,
    template,
    told,
)


def rolled_out(status: Object, *, old_ready: int = 2, age: float = 400, **change: Any) -> tuple[Object, list[Object]]:
    """A rollout that stands still: one pod of the newest revision crashes, the previous ones run."""
    web = deployment(revision=2, template=template("web", container("web", **change)))
    web["status"] |= {"updatedReplicas": 1, "replicas": 3}
    old = replica_set(web, "6d4b75cb6d", revision=1, ready=old_ready, template=template("web", container("web")))
    new = replica_set(web, "7f9c8d5b44", revision=2, replicas=1, ready=0, age=age)
    return web, [old, new, pod(old, "fghij"), pod(new, "abcde", status, age=age)]


def test_a_crash_only_in_the_newest_revision_is_blamed_on_the_rollout_and_says_what_changed() -> None:
    web, objects = rolled_out(crash_looping(code=1), image="registry.example.com/shop/web:1.5.0")
    words = log(objects[3], "starting", "Traceback (most recent call last):", "KeyError: 'rate'", previous=True)
    found = diagnose(evidence(web, *objects, logs=[words]), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 85) == (Cause.CRASH_AFTER_ROLLOUT, True), told(found)
    assert top.facts["changed"] == "image"
    assert top.facts["exitCode"] == "1"
    assert top.facts["previousHealthy"] == "true"
    quoted = [c.value for c in top.evidence if c.kind is CitationKind.LOG]
    assert "KeyError: 'rate'" in quoted


@pytest.mark.parametrize(
    ("change", "cited"),
    [
        ({"image": "registry.example.com/shop/web:1.5.0"}, ["registry.example.com/shop/web:1.5.0", IMAGE]),
        ({"args": ["--fast"]}, ['["--fast"]', "null"]),
        ({"env": [{"name": "MODE", "value": "fast"}]}, ["fast"]),
    ],
    ids=["image", "args", "env"],
)
def test_what_the_rollout_changed_is_cited_new_and_old(change: dict[str, Any], cited: list[str]) -> None:
    web, objects = rolled_out(crash_looping(code=1), **change)
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    revisions = [c.value for c in top.evidence if c.ref.startswith("ReplicaSet/") and "containers[0]" in c.path]
    assert revisions == cited


def test_a_variable_whose_name_is_a_secrets_is_cited_without_its_value() -> None:
    web, objects = rolled_out(crash_looping(code=1), env=[{"name": "DB_PASSWORD", "value": "hunter2-hunter2"}])
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert any(c.path.endswith("env[0].value") for c in top.evidence)
    assert "hunter2" not in str(top)


@pytest.mark.parametrize(
    ("status", "turned", "made", "healthy"),
    [
        ("False", 380.0, 86400.0, "true"),
        ("True", 9000.0, 86400.0, "true"),
        ("False", 9000.0, 86400.0, "unknown"),
        ("False", 380.0, 500.0, "unknown"),
    ],
    ids=["not since the rollout", "all the time", "not before either", "perhaps never"],
)
def test_the_deployments_condition_tells_whether_the_revision_before_was_available(
    status: str, turned: float, made: float, healthy: str
) -> None:
    web, objects = rolled_out(crash_looping(code=1), old_ready=0, image="registry.example.com/shop/web:1.5.0")
    objects = [objects[0], objects[1], objects[3]]
    web["metadata"]["creationTimestamp"] = ago(seconds=made)
    web["status"]["conditions"][0] |= {"status": status, "lastTransitionTime": ago(seconds=turned)}
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert top.cause is Cause.CRASH_AFTER_ROLLOUT
    assert top.facts["previousHealthy"] == healthy
    assert (top.confidence >= 80) == (healthy == "true")


def test_the_previous_revision_crashing_as_well_speaks_against_the_rollout() -> None:
    web, objects = rolled_out(crash_looping(code=1), old_ready=0, image="registry.example.com/shop/web:1.5.0")
    objects[2] = pod(objects[0], "fghij", crash_looping(code=1, restarts=30))
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert found.hypotheses[0].cause is Cause.CRASH_LOOP, told(found)


def test_a_previous_revision_that_restarted_all_the_time_makes_the_rollout_an_unlikely_cause() -> None:
    web, objects = rolled_out(crash_looping(code=1), old_ready=0, image="registry.example.com/shop/web:1.5.0")
    objects = [objects[0], objects[1], objects[3]]  # its pods are gone, their series are not

    def confidence(counter: list[float]) -> tuple[int, str]:
        name = "container_restarts"
        metrics = {name: series(name, counter, pod="web-6d4b75cb6d-fghij", container="web")}
        found = diagnose(evidence(web, *objects, metrics=metrics), incident(), NOW)
        rollout = next(h for h in found.hypotheses if h.cause is Cause.CRASH_AFTER_ROLLOUT)
        return rollout.confidence, rollout.facts["previousHealthy"]

    calm, restless = confidence([3.0] * 40), confidence([n // 10 for n in range(40)])
    assert (calm[1], restless[1]) == ("true", "false")
    assert restless[0] < 60 < calm[0]


def test_without_a_recent_rollout_it_is_a_crash_loop_of_its_own() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d")
    sick = pod(rs, "abcde", crash_looping(code=137, reason="Error"))
    found = diagnose(evidence(web, rs, sick), incident(), NOW)
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 60) == (Cause.CRASH_LOOP, True), told(found)
    assert "changed" not in top.facts


def test_a_command_that_is_not_in_the_image_is_told_from_a_program_that_fails() -> None:
    message = (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        'unable to start container process: exec: "serv": executable file not found in $PATH: unknown'
    )
    status = crash_looping(last=ended(128, "StartError", lived=0, message=message))
    web, objects = rolled_out(status, command=["serv"])
    top = diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0]
    assert (top.cause, top.facts["changed"]) == (Cause.BAD_COMMAND, "command")
    assert top.confidence >= 85


def test_a_shell_that_does_not_find_its_command_exits_with_127() -> None:
    web, objects = rolled_out(crash_looping(last=ended(127, "Error")), args=["-c", "exec serv"])
    assert diagnose(evidence(web, *objects), incident(), NOW).hypotheses[0].cause is Cause.BAD_COMMAND


def test_an_end_that_the_liveness_probe_brought_is_not_called_a_crash() -> None:
    web = deployment(ready=0)
    rs = replica_set(web, "6d4b75cb6d")
    sick = pod(rs, "abcde", crash_looping(code=137, reason="Error"))
    killed = event(sick, "Killing", "Container web failed liveness probe, will be restarted", kind="Normal")
    causes = {h.cause for h in diagnose(evidence(web, rs, sick, killed), incident(), NOW).hypotheses}
    assert Cause.CRASH_LOOP not in causes


def test_one_restart_during_the_start_that_was_overcome_is_no_incident() -> None:
    web, objects = rolled_out(running(restarts=1, age=1500, lastState=ended(1, "Error", since=1505)), age=1600)
    web["status"] |= {"updatedReplicas": 2, "replicas": 2}
    found = diagnose(evidence(web, *objects), incident(), NOW)
    assert all(h.confidence < 50 for h in found.hypotheses), told(found)
