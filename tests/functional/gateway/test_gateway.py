"""The gateway with its own ServiceAccount, before a real API server with everything installed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from incident_commander.api.incident import AlertStatus
from incident_commander.api.kinds import INCIDENT, POD
from tests.functional.gateway.gateways import Scene, fates, gateways
from tests.functional.installed import Installed

pytestmark = pytest.mark.apiserver


@pytest.fixture
def scene(installed_cluster: Installed, installed_namespace: str) -> Scene:
    return Scene(installed_cluster, installed_namespace)


async def eventually(check: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := await asyncio.to_thread(check)):
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        await asyncio.sleep(0.1)
    return answer


class TestStoring:
    async def test_an_alert_is_stored_before_it_is_acknowledged(self, scene: Scene) -> None:
        async with gateways(scene.plane) as [gateway]:
            response = await gateway.post(scene.token, scene.alert())
            [stored] = scene.incidents()
            assert response.json()["alerts"][0] == {
                "fingerprint": "0" * 16,
                "fate": "Created",
                "incident": stored.key,
            }
            assert str(stored.spec.target_ref) == f"Deployment/{scene.namespace}/api"
            assert stored.spec.severity.value == "Critical"
            assert (await gateway.get("/readyz")).status_code == 200

    async def test_it_lives_through_the_phases_of_an_incident(self, scene: Scene) -> None:
        async with gateways(scene.plane) as [gateway]:
            await gateway.post(scene.token, scene.alert(1))
            scene.set_phase("Diagnosing")
            assert fates(await gateway.post(scene.token, scene.alert(2), scene.alert(1))) == ["Joined", "Unchanged"]
            assert fates(await gateway.post(scene.token, scene.alert(1, resolved=True))) == ["Resolved"]
            scene.set_phase("Resolved")
            assert fates(await gateway.post(scene.token, scene.alert(3))) == ["Created"]
        first, second = sorted(scene.incidents(), key=lambda one: len(one.spec.alerts), reverse=True)
        assert [a.status for a in first.spec.alerts] == [AlertStatus.RESOLVED, AlertStatus.FIRING]
        assert [a.fingerprint for a in second.spec.alerts] == [f"{3:016x}"]

    async def test_sending_again_writes_nothing_even_to_another_replica(self, scene: Scene) -> None:
        async with gateways(scene.plane, 2) as [one, other]:
            await one.post(scene.token, scene.alert(1), scene.alert(2))
            position = scene.plane.audit_position()
            for gateway in (one, other, one):
                assert set(fates(await gateway.post(scene.token, scene.alert(1), scene.alert(2)))) == {"Unchanged"}
            entries = [e for e in scene.plane.audit_entries(position) if e["user"]["username"].endswith(":gateway")]
        asked = {entry["verb"] for entry in entries if entry.get("objectRef", {}).get("resource") == INCIDENT.plural}
        assert asked <= {"list", "get"}

    async def test_more_than_fifty_are_counted_and_known_again(self, scene: Scene) -> None:
        many = [scene.alert(number) for number in range(130)]
        async with gateways(scene.plane) as [gateway]:
            await gateway.post(scene.token, *many, truncatedAlerts=4)
        async with gateways(scene.plane) as [gateway]:
            assert set(fates(await gateway.post(scene.token, *many, truncatedAlerts=4))) == {"Unchanged"}
        [stored] = scene.incidents()
        assert (len(stored.spec.alerts), stored.spec.omitted_alerts) == (50, 84)

    async def test_the_largest_alerts_that_can_be_sent_still_fit(self, scene: Scene) -> None:
        huge = {f"label_{n}": 'ü"\\' * 400 for n in range(60)}
        alerts = [scene.alert(n, huge | {"deployment": "api"}) | {"annotations": huge} for n in range(3)]
        async with gateways(scene.plane) as [gateway]:
            assert fates(await gateway.post(scene.token, *alerts)) == ["Created"] * 3


class TestTargets:
    async def test_a_pod_stands_for_its_deployment(self, scene: Scene, installed_cluster: Installed) -> None:
        if not scene.plane.has_controller_manager:
            pytest.skip("no kube-controller-manager makes pods here")
        scene.deployment("web", replicas=2)
        pods = await eventually(
            lambda: [
                pod["metadata"]["name"]
                for pod in scene.plane.request("GET", POD.path(scene.namespace))["items"]
                if pod["metadata"]["name"].startswith("web-")
            ][1:]
        )
        async with gateways(scene.plane) as [gateway]:
            labels = {"pod": pods[0], "job": "kube-state-metrics", "container": "app"}
            await gateway.post(scene.token, scene.alert(1, labels))
        [stored] = scene.incidents()
        assert str(stored.spec.target_ref) == f"Deployment/{scene.namespace}/web"

    async def test_a_namespace_that_does_not_exist_is_the_operators_business(self, scene: Scene) -> None:
        async with gateways(scene.plane) as [gateway]:
            response = await gateway.post(scene.token, scene.alert(1, {"namespace": "no-such", "deployment": "api"}))
        assert response.status_code == 403
        assert "namespace incident-commander" in response.json()["error"]


class TestTokens:
    async def test_a_real_token_without_the_right_is_403_and_with_it_is_200(self, scene: Scene) -> None:
        stranger = scene.account("stranger", reporter=False)
        async with gateways(scene.plane) as [gateway]:
            refused = await gateway.post(stranger, scene.alert())
            assert refused.status_code == 403
            assert f"system:serviceaccount:{scene.namespace}:stranger" in refused.json()["error"]
            assert scene.incidents() == []
            assert fates(await gateway.post(scene.token, scene.alert())) == ["Created"]

    async def test_the_right_in_one_namespace_is_none_in_another(self, scene: Scene) -> None:
        async with gateways(scene.plane) as [gateway]:
            response = await gateway.post(scene.token, scene.alert(1, {"namespace": "default", "deployment": "api"}))
        assert response.status_code == 403

    async def test_no_token_and_a_forged_one_are_401(self, scene: Scene) -> None:
        head, payload, _ = scene.token.split(".")
        async with gateways(scene.plane) as [gateway]:
            for token in ("forged", f"{head}.{payload}.{'A' * 342}"):
                assert (await gateway.post(token, scene.alert())).status_code == 401

    async def test_the_token_is_written_nowhere(self, scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
        async with gateways(scene.plane) as [gateway]:
            await gateway.post(scene.token, scene.alert())
            await gateway.post(scene.token + "x", scene.alert())
            metrics = (await gateway.get("/metrics")).text
        said = capsys.readouterr()
        assert scene.token[:40] not in said.out + said.err + metrics


class TestRaces:
    async def test_two_replicas_with_the_same_post_make_one_incident(self, scene: Scene) -> None:
        async with gateways(scene.plane, 2) as replicas:
            for round_ in range(5):
                alerts = [scene.alert(round_ * 10 + n) for n in range(3)]
                answers = await asyncio.gather(*(one.post(scene.token, *alerts) for one in replicas * 2))
                assert all(answer.status_code == 200 for answer in answers)
        [stored] = scene.incidents()
        assert len(stored.spec.alerts) == 15

    async def test_many_posts_over_two_replicas_lose_nothing_while_the_coordinator_works(self, scene: Scene) -> None:
        async def coordinate() -> None:
            for phase in ("Diagnosing", "Planning", "Voting", "Executing", "Verifying") * 3:
                await asyncio.to_thread(scene.set_phase, phase)

        async with gateways(scene.plane, 2) as replicas:
            await replicas[0].post(scene.token, scene.alert(0))
            posts = [replicas[n % 2].post(scene.token, scene.alert(n)) for n in range(1, 40)]
            *answers, _ = await asyncio.gather(*posts, coordinate())
        assert {answer.status_code for answer in answers if answer} == {200}
        assert scene.accounted() == 40


class TestTrouble:
    async def test_an_api_server_that_restarts_in_the_middle_loses_nothing(self, scene: Scene) -> None:
        async with gateways(scene.plane) as [gateway]:
            await gateway.post(scene.token, scene.alert(0))
            await asyncio.to_thread(scene.plane.stop_apiserver)
            refused = await gateway.post(scene.token, *(scene.alert(n) for n in range(5)))
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert (await gateway.get("/healthz")).status_code == 200
            await asyncio.to_thread(scene.plane.restart_apiserver)
            answer = await gateway.post(scene.token, *(scene.alert(n) for n in range(5)))
        assert sorted(fates(answer)) == ["Joined"] * 4 + ["Unchanged"]
        assert scene.accounted() == 5

    async def test_an_incident_that_is_deleted_is_made_again_for_a_new_alert(self, scene: Scene) -> None:
        async with gateways(scene.plane) as [gateway]:
            await gateway.post(scene.token, scene.alert(1))
            [stored] = scene.incidents()
            scene.plane.request("DELETE", INCIDENT.path(scene.namespace, stored.metadata.name))
            assert fates(await gateway.post(scene.token, scene.alert(2))) == ["Created"]
