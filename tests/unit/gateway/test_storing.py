"""What is acknowledged is stored, once, in the Incident of its target."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from incident_commander.api.incident import AlertStatus
from incident_commander.api.kinds import DEPLOYMENT, INCIDENT, NAMESPACE, NODE, REPLICA_SET
from incident_commander.api.names import LABEL_TARGET_HASH, OPERATOR_NAMESPACE
from incident_commander.api.statement import Severity
from incident_commander.intake.naming import target_hash
from tests.unit.gateway.harness import Bench, Patient, alert, fates, post


@pytest.fixture
def bench() -> Bench:
    return Bench()


class TestOneIncidentPerTarget:
    async def test_an_alert_becomes_an_incident_before_it_is_acknowledged(self, bench: Bench) -> None:
        response = await post(bench.app(), alert())
        [stored] = bench.incidents()
        assert response.json() == {
            "alerts": [{"fingerprint": "0" * 16, "fate": "Created", "incident": stored.key}],
            "truncatedAlerts": 0,
        }
        assert str(stored.spec.target_ref) == "Deployment/shop/api"
        assert stored.spec.target_ref is not None
        assert stored.spec.target_ref.uid
        assert stored.metadata.labels[LABEL_TARGET_HASH] == target_hash(stored.spec.target_ref)

    async def test_alerts_of_one_post_about_several_targets_become_several_incidents(self, bench: Bench) -> None:
        bench.deployment("web")
        response = await post(bench.app(), alert(1), alert(2, namespace="shop", deployment="web"), alert(3))
        assert fates(response) == ["Created"] * 3
        assert sorted(len(one.spec.alerts) for one in bench.incidents()) == [1, 2]

    async def test_pods_of_one_deployment_are_one_target(self, bench: Bench) -> None:
        web = bench.deployment("web")
        for n in range(3):
            bench.pod_of(web, "web-7d9f8c7b5d", f"web-7d9f8c7b5d-x2x4{n + 4}")
        await post(bench.app(), *(alert(n, namespace="shop", pod=f"web-7d9f8c7b5d-x2x4{n + 4}") for n in range(3)))
        [stored] = bench.incidents()
        assert str(stored.spec.target_ref) == "Deployment/shop/web"
        assert len(stored.spec.alerts) == 3

    async def test_a_pod_that_is_gone_leads_to_the_deployment_that_its_name_tells(self, bench: Bench) -> None:
        web = bench.deployment("web")
        bench.pod_of(web, "web-7d9f8c7b5d", "web-7d9f8c7b5d-other")
        await post(bench.app(), alert(1, namespace="shop", pod="web-7d9f8c7b5d-x2x4z"))
        assert str(bench.incidents()[0].spec.target_ref) == "Deployment/shop/web"

    async def test_a_second_replica_joins_the_incident_of_the_first(self, bench: Bench) -> None:
        await post(bench.app(), alert(1))
        assert fates(await post(bench.app(), alert(2), groupKey="another")) == ["Joined"]
        assert len(bench.incidents()) == 1

    async def test_a_controller_that_was_made_anew_is_not_the_owner_of_an_older_pod(self, bench: Bench) -> None:
        web = bench.deployment("web")
        bench.pod_of(web, "web-7d9f8c7b5d", "web-7d9f8c7b5d-x2x4z")
        bench.api.delete(REPLICA_SET, "shop", "web-7d9f8c7b5d")
        bench.pod_of(web, "web-7d9f8c7b5d", "web-7d9f8c7b5d-later")
        await post(bench.app(), alert(1, namespace="shop", pod="web-7d9f8c7b5d-x2x4z"))
        assert str(bench.incidents()[0].spec.target_ref) == "Pod/shop/web-7d9f8c7b5d-x2x4z"

    async def test_an_incident_is_about_the_object_that_is_there_when_it_is_made(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1))
        [first] = bench.incidents()
        bench.api.delete(DEPLOYMENT, "shop", "api")
        bench.api.delete(INCIDENT, "shop", first.metadata.name)
        made_anew = bench.deployment("api")
        bench.clock.advance(10)
        assert fates(await post(app, alert(2))) == ["Created"]
        [second] = bench.incidents()
        assert second.spec.target_ref is not None
        assert second.spec.target_ref.uid == made_anew["metadata"]["uid"]

    async def test_a_target_that_is_gone_stays_the_target(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1))
        [first] = bench.incidents()
        bench.api.delete(DEPLOYMENT, "shop", "api")
        bench.api.delete(INCIDENT, "shop", first.metadata.name)
        bench.clock.advance(10)
        await post(app, alert(2))
        assert bench.incidents()[0].spec.target_ref == first.spec.target_ref

    async def test_owners_that_go_round_in_circles_end(self, bench: Bench) -> None:
        web = bench.deployment("web")
        bench.pod_of(web, "web-7d9f8c7b5d", "web-7d9f8c7b5d-x2x4z")
        replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f8c7b5d", "controller": True}
        web["metadata"]["ownerReferences"] = [replica_set]
        bench.api.store.put(DEPLOYMENT, web)
        assert fates(await post(bench.app(), alert(1, namespace="shop", deployment="web"))) == ["Created"]


class TestNoTarget:
    async def test_is_an_incident_all_the_same_in_the_namespace_that_is_told(self, bench: Bench) -> None:
        await post(bench.app(), alert(1, namespace="shop"))
        [stored] = bench.incidents("shop")
        assert stored.spec.target_ref is None

    async def test_lives_with_the_operator_when_the_namespace_does_not_exist(self, bench: Bench) -> None:
        await post(bench.app(), alert(1, namespace="gone", deployment="api"), alert(2, job="api"))
        gone, nothing = sorted(bench.incidents(OPERATOR_NAMESPACE), key=lambda one: one.spec.target_ref is None)
        assert str(gone.spec.target_ref) == "Deployment/gone/api"
        assert nothing.spec.target_ref is None

    async def test_an_object_that_does_not_exist_is_told_without_a_uid(self, bench: Bench) -> None:
        await post(bench.app(), alert(1, namespace="shop", deployment="typo"))
        [stored] = bench.incidents("shop")
        assert stored.spec.target_ref is not None
        assert (stored.spec.target_ref.name, stored.spec.target_ref.uid) == ("typo", None)

    async def test_a_node_lives_with_the_operator(self, bench: Bench) -> None:
        bench.api.create(NODE, None, {"metadata": {"name": "worker-1"}})
        await post(bench.app(), alert(1, node="worker-1"))
        [stored] = bench.incidents(OPERATOR_NAMESPACE)
        assert str(stored.spec.target_ref) == "Node/worker-1"

    async def test_unrelated_ones_are_different_incidents_although_they_come_in_one_group(self, bench: Bench) -> None:
        alerts = [
            alert(1, namespace="shop", alertname="ProbeFailed", instance="https://a"),
            alert(2, namespace="shop", alertname="ProbeFailed", instance="https://b"),
            alert(3, namespace="shop", alertname="CertificateExpires", instance="https://a"),
        ]
        await post(bench.app(), *alerts)
        assert len(bench.incidents()) == 3
        assert set(fates(await post(bench.app(), *alerts))) == {"Unchanged"}

    async def test_the_same_one_is_the_same_incident_by_whatever_route_it_comes(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1, namespace="shop", alertname="Down", severity="warning"), groupKey="one")
        await post(app, alert(2, namespace="shop", alertname="Down", severity="critical"), groupKey="two")
        [stored] = bench.incidents("shop")
        assert stored.spec.severity is Severity.CRITICAL

    async def test_a_namespace_that_is_going_takes_no_incident_any_more(self, bench: Bench) -> None:
        bench.api.create(NAMESPACE, None, {"metadata": {"name": "going"}})
        bench.api.delete(NAMESPACE, None, "going")
        await post(bench.app(), alert(1, namespace="going", deployment="a"))
        assert len(bench.incidents(OPERATOR_NAMESPACE)) == 1

    async def test_a_namespace_that_goes_away_meanwhile_leaves_the_alert_with_the_operator(self, bench: Bench) -> None:
        app = bench.app()
        bench.api.create(NAMESPACE, None, {"metadata": {"name": "short"}})
        await post(app, alert(1, namespace="short", deployment="a"))
        for obj in bench.api.list(INCIDENT, "short", None, None):
            bench.api.delete(INCIDENT, "short", obj["metadata"]["name"])
        namespace = bench.api.get(NAMESPACE, None, "short")
        bench.api.store.remove(NAMESPACE, namespace)
        alerts = [alert(n, namespace="short", deployment="b") for n in range(2, 4)]
        assert fates(await post(app, alert(9, node="worker-1"), *alerts)) == ["Created"] * 3
        targets = sorted(str(one.spec.target_ref) for one in bench.incidents(OPERATOR_NAMESPACE))
        assert targets == ["Deployment/short/b", "Node/worker-1"]


class TestSentAgain:
    async def test_it_changes_nothing_whichever_replica_gets_it(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1), alert(2))
        before = bench.writes()
        assert fates(await post(app, alert(1), alert(2))) == ["Unchanged"] * 2
        assert fates(await post(bench.app(), alert(1), alert(2))) == ["Unchanged"] * 2
        assert bench.writes() == before

    async def test_it_costs_no_request_at_all_for_a_while(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert())
        before = len(bench.audit.entries)
        await post(app, alert())
        assert len(bench.audit.entries) == before

    async def test_it_is_stored_again_when_somebody_deleted_the_incident(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert())
        bench.api.delete(INCIDENT, "shop", bench.incidents()[0].metadata.name)
        bench.clock.advance(16)
        assert fates(await post(app, alert())) == ["Created"]

    async def test_a_new_alert_is_stored_although_the_incident_was_deleted_a_moment_ago(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1))
        bench.api.delete(INCIDENT, "shop", bench.incidents()[0].metadata.name)
        assert fates(await post(app, alert(2))) == ["Created"]

    async def test_a_resolved_alert_is_marked(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert())
        assert fates(await post(app, alert(resolved=True))) == ["Resolved"]
        assert bench.incidents()[0].spec.alerts[0].status is AlertStatus.RESOLVED

    async def test_an_ended_incident_is_not_joined_although_it_was_open_a_moment_ago(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1))
        bench.set_phase("Diagnosing")
        await post(app, alert(2))
        bench.set_phase("Resolved")
        assert fates(await post(app, alert(3, at="2026-01-31T12:30:00Z"))) == ["Created"]
        assert sorted(len(one.spec.alerts) for one in bench.incidents()) == [1, 2]

    async def test_another_alert_of_a_trouble_that_people_have_is_no_second_incident(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1))
        bench.set_phase("Escalated", cause="ImageNotFound", confidence=90, finishedAt="2026-01-31T12:00:12Z")
        assert fates(await post(app, alert(2, at="2026-01-31T12:00:37Z"))) == ["Joined"]
        assert len(bench.incidents()) == 1

    async def test_what_nobody_diagnosed_is_a_new_incident_although_people_have_another(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1))
        bench.set_phase("Escalated", cause="Unknown", finishedAt="2026-01-31T12:00:12Z")
        answer = await post(app, alert(2, at="2026-01-31T12:00:37Z"), alert(1))
        assert fates(answer) == ["Created", "Unchanged"]
        assert sorted(len(one.spec.alerts) for one in bench.incidents()) == [1, 1]

    async def test_an_incident_whose_label_was_taken_off_is_found_by_its_name(self, bench: Bench) -> None:
        await post(bench.app(), alert())
        [obj] = bench.api.list(INCIDENT, "shop", None, None)
        metadata = {key: value for key, value in obj["metadata"].items() if key != "labels"}
        bench.api.change(INCIDENT, "shop", obj["metadata"]["name"], lambda old: {**old, "metadata": metadata})
        assert fates(await post(bench.app(), alert())) == ["Unchanged"]


class TestRaces:
    async def test_two_replicas_with_the_same_post_make_one_incident(self, bench: Bench) -> None:
        apps = [bench.app() for _ in range(3)]
        answers = await asyncio.gather(*(post(app, alert(1), alert(2)) for app in apps))
        assert all(len(fates(answer)) == 2 for answer in answers)
        [stored] = bench.incidents()
        assert len(stored.spec.alerts) == 2

    async def test_many_posts_at_once_over_replicas_lose_nothing(self, bench: Bench) -> None:
        apps = [bench.app() for _ in range(2)]
        answers = await asyncio.gather(*(post(apps[n % 2], alert(n)) for n in range(130)))
        assert all(answer.status_code == 200 for answer in answers)
        assert bench.accounted() == 130
        assert [one.spec.storm for one in bench.incidents()].count(False) == 1

    async def test_what_another_replica_made_a_moment_ago_is_joined(self, bench: Bench) -> None:
        one, other = bench.app(), bench.app()
        await post(one, alert(1))
        bench.set_phase("Resolved")
        assert fates(await post(one, alert(1, resolved=True))) == ["Resolved"]
        await post(other, alert(2, at="2026-01-31T12:10:00Z"))
        assert fates(await post(one, alert(3, at="2026-01-31T12:11:00Z"))) == ["Joined"]

    async def test_alerts_that_come_during_a_write_share_the_next_one(self, bench: Bench) -> None:
        app = bench.app()
        await asyncio.gather(*(post(app, alert(n)) for n in range(100)))
        assert bench.accounted() == 100
        assert bench.writes() <= 3

    async def test_groups_that_tell_of_one_incident_side_by_side_are_one_write(self) -> None:
        bench = Bench(Patient())
        app = bench.app()
        await post(app, alert(1), alert(2), alert(3))
        bench.clock.advance(300)
        before = bench.writes()

        async def resolved(number: int) -> httpx.Response:
            for _ in range(100 * number):
                await asyncio.sleep(0)
            return await post(app, alert(number, resolved=True))

        answers = await asyncio.gather(*(resolved(number) for number in (1, 2, 3)))
        assert [fates(answer) for answer in answers] == [["Resolved"]] * 3
        assert bench.writes() == before + 1

    async def test_the_first_alert_of_an_incident_waits_for_nobody(self, bench: Bench) -> None:
        await post(bench.app(), alert(1))
        assert bench.clock.elapsed() < 0.1

    async def test_the_coordinator_moving_on_meanwhile_is_no_trouble(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(0))

        async def move_on() -> None:
            for phase in ("Diagnosing", "Planning", "Voting", "Executing", "Verifying") * 4:
                bench.set_phase(phase)
                await asyncio.sleep(0)

        await asyncio.gather(move_on(), *(post(app, alert(n)) for n in range(1, 40)))
        assert bench.accounted() == 40
