"""Controllers and the kubelet do what the real ones do, and say it in their words."""

from __future__ import annotations

from itertools import pairwise

import pytest

from incident_commander import errors
from incident_commander.api.kinds import DEPLOYMENT, NAMESPACE, NODE, POD, REPLICA_SET
from incident_commander.ports import PatchType
from incident_commander.rehearsal.behaviour import MIB, Behaviour, Exit
from incident_commander.rehearsal.objects import is_ready, name_of
from tests.unit.rehearsal.shop import Shop

GOOD = Behaviour(memory_bytes=40 * MIB, start_lines=("hello",))
CRASH = Behaviour(start_lines=("starting",), exit_after=0.5, exit=Exit(3, ("boom",)))
DEPLOYMENT_REVISION = "deployment.kubernetes.io/revision"


class TestRollouts:
    def test_a_deployment_gets_ready_pods_on_nodes(self) -> None:
        shop = Shop({"1": GOOD})

        assert shop.deployment["status"]["availableReplicas"] == 3
        assert {pod["spec"]["nodeName"] for pod in shop.pods} == {"node-0", "node-1"}
        assert all(is_ready(pod) for pod in shop.pods)
        assert shop.condition("Progressing")["reason"] == "NewReplicaSetAvailable"

    def test_a_good_release_replaces_every_pod_without_going_below_the_floor(self) -> None:
        shop = Shop({"1": GOOD, "2": GOOD}, replicas=4)
        lowest = [4]
        shop.world.api.store.watch(
            lambda e: lowest.append(e.object["status"].get("availableReplicas", 0)) if e.kind == DEPLOYMENT else None
        )

        shop.release("2")
        shop.world.clock.advance(60)

        assert {pod["spec"]["containers"][0]["image"] for pod in shop.pods} == {"registry.example/web:2"}
        assert min(lowest) >= 3
        assert shop.deployment["metadata"]["annotations"][DEPLOYMENT_REVISION] == "2"
        old = [rs for rs in shop.world.api.list(REPLICA_SET, "shop", None, None) if not rs["spec"]["replicas"]]
        assert len(old) == 1

    def test_a_crashing_release_stands_still_and_passes_its_deadline(self) -> None:
        shop = Shop({"1": GOOD, "2": CRASH}, progressDeadlineSeconds=120)

        shop.release("2")
        shop.world.clock.advance(100)
        assert shop.condition("Progressing")["status"] == "True"
        shop.world.clock.advance(60)

        assert shop.condition("Progressing")["reason"] == "ProgressDeadlineExceeded"
        assert shop.deployment["status"]["availableReplicas"] == 3
        assert shop.deployment["status"]["unavailableReplicas"] == 1

    def test_the_template_from_before_gets_its_replica_set_back_under_a_new_revision(self) -> None:
        shop = Shop({"1": GOOD, "2": CRASH})
        shop.release("2")
        shop.world.clock.advance(60)

        shop.release("1")
        shop.world.clock.advance(60)

        sets = shop.world.api.list(REPLICA_SET, "shop", None, None)
        assert len(sets) == 2
        back = next(rs for rs in sets if rs["spec"]["replicas"])
        assert back["metadata"]["annotations"][DEPLOYMENT_REVISION] == "3"
        assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
        assert shop.deployment["status"]["updatedReplicas"] == 3

    def test_recreate_waits_until_the_old_pods_are_gone(self) -> None:
        shop = Shop({"1": GOOD, "2": GOOD}, strategy={"type": "Recreate"})
        seen: set[frozenset[str]] = set()

        def note(_: object) -> None:
            seen.add(frozenset(p["spec"]["containers"][0]["image"][-1] for p in shop.world.api.store.scan(POD)))

        shop.world.api.store.watch(note)
        shop.release("2")
        shop.world.clock.advance(60)

        assert frozenset({"1", "2"}) not in seen
        assert shop.deployment["status"]["availableReplicas"] == 3

    def test_deleting_a_deployment_takes_its_replica_sets_and_pods_along(self) -> None:
        shop = Shop({"1": GOOD})

        shop.world.api.delete(DEPLOYMENT, "shop", "web")
        shop.world.clock.advance(10)

        assert shop.pods == []
        assert shop.world.api.list(REPLICA_SET, "shop", None, None) == []

    def test_deleting_a_namespace_empties_it_and_refuses_new_content(self) -> None:
        shop = Shop({"1": GOOD})

        shop.world.api.delete(NAMESPACE, None, "shop")
        with pytest.raises(errors.Forbidden, match="being terminated"):
            shop.world.api.create(DEPLOYMENT, "shop", {**shop.body("1"), "metadata": {"name": "late"}})
        shop.world.clock.advance(20)

        assert shop.world.api.store.get(NAMESPACE, None, "shop") is None
        assert shop.pods == []

    def test_a_deleted_pod_is_replaced(self) -> None:
        shop = Shop({"1": GOOD})
        gone = name_of(shop.pods[0])

        shop.world.api.delete(POD, "shop", gone)
        shop.world.clock.advance(20)

        assert gone not in {name_of(pod) for pod in shop.pods}
        assert shop.deployment["status"]["availableReplicas"] == 3


class TestImages:
    def test_a_tag_that_does_not_exist_backs_off_in_containerds_words(self) -> None:
        shop = Shop({"1": GOOD})

        shop.release("9")
        shop.world.clock.advance(60)

        bad = next(c for c in (shop.container(n) for n in range(len(shop.pods))) if not c["ready"])
        waiting = bad["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        assert waiting["message"].startswith('Back-off pulling image "registry.example/web:9": ErrImagePull: rpc error')
        assert "registry.example/web:9: not found" in waiting["message"]
        assert "Error: ErrImagePull" in {e["message"] for e in shop.events("Failed")}


class TestCrashes:
    def test_a_crash_is_restarted_once_at_once_and_then_with_growing_pauses(self) -> None:
        shop = Shop({"1": CRASH})
        starts: list[float] = []
        name = name_of(shop.pods[0])
        shop.world.api.store.watch(
            lambda e: (
                starts.append(shop.world.clock.elapsed())
                if e.kind == POD and name_of(e.object) == name and "running" in _state(e.object)
                else None
            )
        )

        shop.world.clock.advance(400)

        gaps = [round(b - a) for a, b in pairwise(starts)]
        assert gaps == sorted(gaps)
        assert {40, 80, 160} <= {gap - gap % 10 for gap in gaps}

    def test_it_waits_in_crash_loop_back_off_with_its_last_end_recorded(self) -> None:
        shop = Shop({"1": CRASH})
        shop.world.clock.advance(120)

        container = shop.container()
        assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert "restarting failed container=web pod=" in container["state"]["waiting"]["message"]
        ended = container["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (3, "Error")
        assert container["restartCount"] >= 3
        assert shop.events("BackOff")[0]["message"].startswith("Back-off restarting failed container web in pod web-")

    async def test_both_logs_of_a_container_that_waits_are_those_of_its_last_run(self) -> None:
        shop = Shop({"1": CRASH})
        shop.world.clock.advance(120)
        name = name_of(shop.pods[0])
        cluster = shop.world.cluster()

        assert await cluster.logs("shop", name, "web") == "starting\nboom\n"
        assert await cluster.logs("shop", name, "web", previous=True) == "starting\nboom\n"
        assert await cluster.logs("shop", name, "web", tail_lines=1) == "boom\n"

    async def test_a_container_that_never_crashed_has_no_previous_log(self) -> None:
        shop = Shop({"1": GOOD})

        with pytest.raises(errors.LogsUnavailable, match="previous terminated container"):
            await shop.world.cluster().logs("shop", name_of(shop.pods[0]), "web", previous=True)

    def test_a_command_that_cannot_be_started_ends_with_128(self) -> None:
        shop = Shop({"1": Behaviour(start_error='exec: "/app": no such file or directory')})
        shop.world.clock.advance(60)

        ended = shop.container()["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
        assert "OCI runtime create failed" in ended["message"]


class TestMemory:
    def test_a_program_larger_than_its_limit_is_killed(self) -> None:
        shop = Shop({"1": Behaviour(memory_bytes=200 * MIB)})
        shop.world.clock.advance(60)

        ended = shop.container()["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")

    def test_a_leak_is_killed_when_it_reaches_the_limit_and_starts_afresh(self) -> None:
        shop = Shop({"1": Behaviour(memory_bytes=28 * MIB, memory_growth=MIB)})

        shop.world.clock.advance(60)
        assert shop.container()["restartCount"] == 0
        shop.world.clock.advance(40)

        assert shop.container()["lastState"]["terminated"]["reason"] == "OOMKilled"
        assert "running" in shop.container()["state"]

    def test_growth_ends_at_its_ceiling(self) -> None:
        shop = Shop({"1": Behaviour(memory_bytes=28 * MIB, memory_growth=MIB, memory_ceiling=100 * MIB)})
        shop.world.clock.advance(600)

        assert shop.container()["restartCount"] == 0

    def test_a_resize_in_place_moves_the_limit_without_a_restart(self) -> None:
        leak = Behaviour(memory_bytes=28 * MIB, memory_growth=MIB / 4)
        shop = Shop(
            {"1": leak}, container={"resources": {"limits": {"memory": "128Mi"}, "requests": {"memory": "1Mi"}}}
        )
        path = "/spec/containers/0/resources/limits/memory"
        for pod in shop.pods:
            patch = [{"op": "replace", "path": path, "value": "1Gi"}]
            shop.world.api.patch(POD, "shop", name_of(pod), patch, PatchType.JSON, subresource="resize")

        shop.world.clock.advance(900)

        assert shop.container()["restartCount"] == 0
        assert shop.container()["resources"]["limits"]["memory"] == "1Gi"


class TestConfiguration:
    def test_a_missing_config_map_keeps_the_container_waiting_until_it_is_there(self) -> None:
        shop = Shop({"1": GOOD}, container={"envFrom": [{"configMapRef": {"name": "settings"}}]})

        waiting = shop.container()["state"]["waiting"]
        assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
        shop.world.set_config("shop", "settings", {"A": "1"})
        shop.world.clock.advance(30)

        assert shop.container()["ready"]

    def test_a_missing_key_is_named(self) -> None:
        reference = {"configMapKeyRef": {"name": "settings", "key": "MODE"}}
        shop = Shop({"1": GOOD}, container={"env": [{"name": "MODE", "valueFrom": reference}]})
        shop.world.set_config("shop", "settings", {"A": "1"})
        shop.world.clock.advance(30)

        assert shop.container()["state"]["waiting"]["message"] == "couldn't find key MODE in ConfigMap shop/settings"


class TestProbes:
    @pytest.mark.parametrize(
        ("behaviour", "message"),
        [
            (Behaviour(port=9090), "connect: connection refused"),
            (Behaviour(answer_status=503), "HTTP probe failed with statuscode: 503"),
            (Behaviour(answer_seconds=3), "context deadline exceeded"),
        ],
    )
    def test_a_failing_readiness_probe_says_why_and_keeps_the_pod_unready(
        self, behaviour: Behaviour, message: str
    ) -> None:
        shop = Shop({"1": behaviour})

        assert not is_ready(shop.pods[0])
        assert any(message in event["message"] for event in shop.events("Unhealthy"))

    def test_a_failing_liveness_probe_restarts_the_container(self) -> None:
        probe = {"httpGet": {"port": 8080}, "periodSeconds": 5, "initialDelaySeconds": 5}
        shop = Shop({"1": Behaviour(port=9090)}, container={"livenessProbe": probe})
        shop.world.clock.advance(30)

        assert shop.container()["restartCount"] >= 1
        assert shop.events("Killing")[0]["message"] == "Container web failed liveness probe, will be restarted"


class TestScheduling:
    def test_what_does_not_fit_is_told_with_counts(self) -> None:
        shop = Shop({"1": GOOD}, container={"resources": {"requests": {"memory": "1500Mi"}}})

        pending = [pod for pod in shop.pods if pod["status"]["phase"] == "Pending"]
        assert len(pending) == 1
        assert shop.events("FailedScheduling")[0]["message"] == (
            "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: "
            "2 No preemption victims found for incoming pod."
        )
        assert pending[0]["status"]["conditions"][0]["reason"] == "Unschedulable"

    def test_a_cordoned_node_gets_no_pod_and_an_uncordoned_one_gets_it_at_once(self) -> None:
        shop = Shop({"1": GOOD}, nodes=1, replicas=1)
        shop.world.edit(NODE, None, "node-0", spec={"unschedulable": True})
        shop.world.edit(DEPLOYMENT, "shop", "web", spec=shop.deployment["spec"] | {"replicas": 2})
        shop.world.clock.advance(10)
        assert "1 node(s) were unschedulable" in shop.events("FailedScheduling")[0]["message"]

        shop.world.edit(NODE, None, "node-0", spec={})
        shop.world.clock.advance(10)

        assert shop.deployment["status"]["availableReplicas"] == 2


def _state(pod: dict[str, object]) -> dict[str, object]:
    status = pod.get("status")
    containers = status.get("containerStatuses") if isinstance(status, dict) else None
    state = containers[0]["state"] if containers else {}
    return dict(state)
