"""StatefulSets, DaemonSets, Jobs, CronJobs, autoscalers and endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.api.kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    NODE,
    POD,
    SERVICE,
    STATEFUL_SET,
)
from incident_commander.ports import Object
from incident_commander.rehearsal.behaviour import Behaviour, Context, Exit, Image
from incident_commander.rehearsal.objects import is_ready, name_of
from incident_commander.rehearsal.world import World

GOOD = Behaviour(memory_bytes=1000)
CRASH = Behaviour(exit_after=1.0, exit=Exit(1, ("boom",)))
DONE = Behaviour(exit_after=5.0, exit=Exit(0, ("done",)))


@pytest.fixture
def world() -> World:
    found = World(seed=2)
    found.add_namespace("shop")
    for number in range(2):
        found.add_node(f"node-{number}")
    tags = {"good": GOOD, "better": GOOD, "crash": CRASH, "done": DONE, "busy": Behaviour(cpu_cores=0.3)}

    def program(context: Context) -> Behaviour:
        return tags[context.tag]

    found.registry.publish(Image("registry.example/web", frozenset(tags), program))
    return found


def template(tag: str, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": f"registry.example/web:{tag}",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "200m"}},
    }
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], **spec}}


def workload(tag: str, replicas: int | None = 3, **more: Any) -> Object:
    spec: dict[str, Any] = {"selector": {"matchLabels": {"app": "web"}}, "template": template(tag), **more}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"metadata": {"name": "web"}, "spec": spec}


def pods(world: World) -> list[Object]:
    return world.api.list(POD, "shop", None, None)


def images(world: World) -> dict[str, str]:
    return {name_of(pod): pod["spec"]["containers"][0]["image"].split(":")[1] for pod in pods(world)}


def reasons(world: World, name: str) -> set[str]:
    events = world.api.list(EVENT, "shop", None, f"involvedObject.name={name}")
    return {event["reason"] for event in events}


class TestStatefulSets:
    def test_pods_are_numbered_and_start_in_order(self, world: World) -> None:
        world.apply(STATEFUL_SET, "shop", workload("good"))
        world.clock.advance(60)

        assert [name_of(pod) for pod in pods(world)] == ["web-0", "web-1", "web-2"]
        created = [pod["metadata"]["creationTimestamp"] for pod in pods(world)]
        assert created == sorted(set(created))
        assert world.api.get(STATEFUL_SET, "shop", "web")["status"]["readyReplicas"] == 3

    def test_one_that_never_gets_ready_holds_up_the_next(self, world: World) -> None:
        body = workload("crash")
        body["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": 8080}}
        world.apply(STATEFUL_SET, "shop", body)
        world.clock.advance(120)

        assert [name_of(pod) for pod in pods(world)] == ["web-0"]

    def test_an_update_goes_from_the_highest_down_and_stops_at_what_breaks(self, world: World) -> None:
        world.apply(STATEFUL_SET, "shop", workload("good"))
        world.clock.advance(60)
        probed = workload("crash")["spec"]
        probed["template"]["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": 8080}}
        spec = world.api.get(STATEFUL_SET, "shop", "web")["spec"]
        world.edit(STATEFUL_SET, "shop", "web", spec=spec | {"template": probed["template"]})
        world.clock.advance(120)

        assert images(world) == {"web-0": "good", "web-1": "good", "web-2": "crash"}
        status = world.api.get(STATEFUL_SET, "shop", "web")["status"]
        assert status["currentRevision"] != status["updateRevision"]

    def test_a_complete_update_has_one_revision(self, world: World) -> None:
        world.apply(STATEFUL_SET, "shop", workload("good"))
        world.clock.advance(60)
        spec = world.api.get(STATEFUL_SET, "shop", "web")["spec"]
        world.edit(STATEFUL_SET, "shop", "web", spec=spec | {"template": template("better")})
        world.clock.advance(120)

        assert set(images(world).values()) == {"better"}
        status = world.api.get(STATEFUL_SET, "shop", "web")["status"]
        assert status["currentRevision"] == status["updateRevision"]

    def test_scaling_down_takes_the_highest(self, world: World) -> None:
        world.apply(STATEFUL_SET, "shop", workload("good"))
        world.clock.advance(60)
        spec = world.api.get(STATEFUL_SET, "shop", "web")["spec"]
        world.edit(STATEFUL_SET, "shop", "web", spec=spec | {"replicas": 1})
        world.clock.advance(30)

        assert [name_of(pod) for pod in pods(world)] == ["web-0"]


class TestDaemonSets:
    def test_every_node_gets_one_and_a_new_node_too(self, world: World) -> None:
        world.apply(DAEMON_SET, "shop", workload("good", None))
        world.clock.advance(20)
        world.add_node("node-9")
        world.clock.advance(20)

        assert sorted(pod["spec"]["nodeName"] for pod in pods(world)) == ["node-0", "node-1", "node-9"]
        assert world.api.get(DAEMON_SET, "shop", "web")["status"]["numberReady"] == 3

    def test_a_bad_update_stops_after_the_first_node(self, world: World) -> None:
        world.apply(DAEMON_SET, "shop", workload("good", None))
        world.clock.advance(20)
        bad = template("crash")
        bad["spec"]["containers"][0]["readinessProbe"] = {"httpGet": {"port": 8080}}
        spec = world.api.get(DAEMON_SET, "shop", "web")["spec"]
        world.edit(DAEMON_SET, "shop", "web", spec=spec | {"template": bad})
        world.clock.advance(120)

        assert sorted(images(world).values()) == ["crash", "good"]


class TestJobs:
    def test_a_job_that_succeeds_is_complete(self, world: World) -> None:
        world.apply(
            JOB, "shop", {"metadata": {"name": "once"}, "spec": {"template": template("done", restartPolicy="Never")}}
        )
        world.clock.advance(60)

        status = world.api.get(JOB, "shop", "once")["status"]
        assert status["succeeded"] == 1
        assert status["conditions"][0]["type"] == "Complete"

    def test_a_job_that_keeps_failing_reaches_its_limit(self, world: World) -> None:
        spec = {"backoffLimit": 2, "template": template("crash", restartPolicy="Never")}
        world.apply(JOB, "shop", {"metadata": {"name": "once"}, "spec": spec})
        world.clock.advance(300)

        status = world.api.get(JOB, "shop", "once")["status"]
        assert status["failed"] == 3
        assert status["conditions"][0]["reason"] == "BackoffLimitExceeded"
        assert "BackoffLimitExceeded" in reasons(world, "once")

    def test_a_suspended_job_does_not_run(self, world: World) -> None:
        spec = {"suspend": True, "template": template("done", restartPolicy="Never")}
        world.apply(JOB, "shop", {"metadata": {"name": "once"}, "spec": spec})
        world.clock.advance(60)

        assert pods(world) == []


class TestCronJobs:
    def cron_job(self, tag: str = "done") -> Object:
        job = {"backoffLimit": 0, "template": template(tag, restartPolicy="Never")}
        return {"metadata": {"name": "tick"}, "spec": {"schedule": "*/2 * * * *", "jobTemplate": {"spec": job}}}

    def test_jobs_start_on_schedule_and_the_history_stays_short(self, world: World) -> None:
        world.apply(CRON_JOB, "shop", self.cron_job())
        world.clock.advance(20 * 60 + 30)

        jobs = world.api.list(JOB, "shop", None, None)
        assert len(jobs) == 3
        assert world.api.get(CRON_JOB, "shop", "tick")["status"]["lastScheduleTime"] == "2026-01-05T09:20:00Z"

    def test_a_suspended_one_starts_nothing_more(self, world: World) -> None:
        world.apply(CRON_JOB, "shop", self.cron_job("crash"))
        world.clock.advance(150)
        before = len(world.api.list(JOB, "shop", None, None))
        spec = world.api.get(CRON_JOB, "shop", "tick")["spec"]
        world.edit(CRON_JOB, "shop", "tick", spec=spec | {"suspend": True})
        world.clock.advance(600)

        assert before == len(world.api.list(JOB, "shop", None, None)) == 1


class TestAutoscalers:
    def autoscaled(self, world: World, *, maximum: int) -> Object:
        world.apply(DEPLOYMENT, "shop", workload("busy", 2))
        metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 75}}}
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": maximum, "metrics": [metric]}
        world.apply(HORIZONTAL_POD_AUTOSCALER, "shop", {"metadata": {"name": "web"}, "spec": spec})
        world.clock.advance(60)
        return world.api.get(HORIZONTAL_POD_AUTOSCALER, "shop", "web")

    def test_it_scales_up_to_its_maximum_and_says_that_it_is_limited(self, world: World) -> None:
        status = self.autoscaled(world, maximum=3)["status"]

        assert world.api.get(DEPLOYMENT, "shop", "web")["spec"]["replicas"] == 3
        assert (status["currentReplicas"], status["desiredReplicas"]) == (3, 3)
        assert status["conditions"][-1]["reason"] == "TooManyReplicas"
        assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 150

    def test_a_higher_maximum_is_used(self, world: World) -> None:
        spec = self.autoscaled(world, maximum=3)["spec"]
        world.edit(HORIZONTAL_POD_AUTOSCALER, "shop", "web", spec=spec | {"maxReplicas": 5})
        world.clock.advance(60)

        assert world.api.get(DEPLOYMENT, "shop", "web")["spec"]["replicas"] == 5


class TestEndpoints:
    def slice_of(self, world: World) -> Object:
        (found,) = world.api.list(ENDPOINT_SLICE, "shop", "kubernetes.io/service-name=web", None)
        return found

    def service(self, world: World, *, app: str = "web", port: Any = "http") -> None:
        spec = {"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": port}]}
        world.apply(SERVICE, "shop", {"metadata": {"name": "web"}, "spec": spec})

    def test_ready_pods_are_behind_the_service_on_the_named_port(self, world: World) -> None:
        self.service(world)
        world.apply(DEPLOYMENT, "shop", workload("good"))
        world.clock.advance(30)

        found = self.slice_of(world)
        assert [e["conditions"]["ready"] for e in found["endpoints"]] == [True] * 3
        assert found["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]

    def test_a_selector_that_fits_nothing_leaves_it_empty(self, world: World) -> None:
        self.service(world, app="wbe")
        world.apply(DEPLOYMENT, "shop", workload("good"))
        world.clock.advance(30)

        assert self.slice_of(world)["endpoints"] == []

    def test_a_port_name_that_no_container_has_gets_no_number(self, world: World) -> None:
        self.service(world, port="https")
        world.apply(DEPLOYMENT, "shop", workload("good"))
        world.clock.advance(30)

        assert "port" not in self.slice_of(world)["ports"][0]


class TestNodes:
    def ready(self, world: World) -> dict[str, bool]:
        return {str(pod["spec"]["nodeName"]): is_ready(pod) for pod in pods(world)}

    def test_pods_of_a_silent_node_are_not_ready_and_then_replaced_elsewhere(self, world: World) -> None:
        world.apply(DEPLOYMENT, "shop", workload("good", 2))
        world.clock.advance(30)

        world.lose_node("node-0")
        world.clock.advance(10)
        assert self.ready(world) == {"node-0": False, "node-1": True}
        node = world.api.get(NODE, None, "node-0")
        assert {t["effect"] for t in node["spec"]["taints"]} == {"NoSchedule", "NoExecute"}
        world.clock.advance(320)

        status = world.api.get(DEPLOYMENT, "shop", "web")["status"]
        assert status["availableReplicas"] == 2
        gone = [pod for pod in pods(world) if pod["spec"]["nodeName"] == "node-0"]
        assert gone[0]["metadata"]["deletionTimestamp"], "nobody can confirm that it has stopped"

    def test_a_node_that_is_back_in_time_keeps_its_pods(self, world: World) -> None:
        world.apply(DEPLOYMENT, "shop", workload("good", 2))
        world.clock.advance(30)
        before = {name_of(pod) for pod in pods(world)}

        world.lose_node("node-0")
        world.clock.advance(60)
        world.regain_node("node-0")
        world.clock.advance(400)

        assert {name_of(pod) for pod in pods(world)} == before
        assert all(self.ready(world).values())
        assert "taints" not in world.api.get(NODE, None, "node-0")["spec"]

    def test_what_was_evicted_is_gone_when_the_node_is_back(self, world: World) -> None:
        world.apply(DEPLOYMENT, "shop", workload("good", 2))
        world.clock.advance(30)

        world.lose_node("node-0")
        world.clock.advance(400)
        world.regain_node("node-0")
        world.clock.advance(30)

        assert all(not pod["metadata"].get("deletionTimestamp") for pod in pods(world))
        assert len(pods(world)) == 2
