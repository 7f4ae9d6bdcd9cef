"""An API server that is away, slow, full or full of conflicts: 503, and nothing is lost by sending again."""

from __future__ import annotations

import pytest
import structlog

from incident_commander import errors
from incident_commander.api.kinds import INCIDENT
from tests.unit.gateway.harness import Bench, alert, client, fates, post


@pytest.fixture
def bench() -> Bench:
    return Bench()


AWAY = errors.Unavailable("connection refused")
BUSY = errors.Throttled("too many requests", retry_after=30)
REFUSED = errors.Forbidden("the gateway may not")


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        *((verb, error) for verb in ("get", "list", "create") for error in (AWAY, BUSY)),
        *((verb, REFUSED) for verb in ("list", "create")),
    ],
)
async def test_when_it_cannot_be_stored_alertmanager_keeps_it(
    bench: Bench, verb: str, error: errors.ClusterError
) -> None:
    app = bench.app()
    bench.faults.inject(lambda: error, verb=verb, times=None)
    response = await post(app, alert())
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert bench.incidents() == []
    bench.faults.clear()
    assert fates(await post(app, alert())) == ["Created"]


async def test_a_target_that_may_not_be_read_is_taken_as_the_labels_tell_it(bench: Bench) -> None:
    bench.faults.inject(lambda: errors.Forbidden("no"), verb="get", times=None)
    await post(bench.app(), alert())
    [stored] = bench.incidents()
    assert str(stored.spec.target_ref) == "Deployment/shop/api"


async def test_no_incident_is_about_the_wrong_object_because_an_owner_could_not_be_read(bench: Bench) -> None:
    bench.pod_of(bench.deployment("web"), "web-7d9f8c7b5d", "web-7d9f8c7b5d-x2x4z")
    bench.faults.inject(lambda: errors.Unavailable("away"), verb="get", resource="replicasets.apps", times=None)
    assert (await post(bench.app(), alert(1, namespace="shop", pod="web-7d9f8c7b5d-x2x4z"))).status_code == 503
    assert bench.incidents() == []


async def test_a_lost_answer_to_a_write_is_not_stored_twice(bench: Bench) -> None:
    app = bench.app()
    for number, verb in enumerate(["create", "patch"]):
        bench.faults.inject(lambda: errors.Unavailable("no answer"), verb=verb, resource=INCIDENT.resource, after=True)
        assert (await post(app, alert(number))).status_code == 503
        assert fates(await post(app, alert(number))) == ["Unchanged"]
    assert bench.accounted() == 2


async def test_when_some_are_stored_and_some_are_not_sending_all_again_completes_them(bench: Bench) -> None:
    app = bench.app()
    for name in ("a", "b", "c"):
        bench.deployment(name)
    alerts = [alert(n, namespace="shop", deployment=name) for n, name in enumerate("abc")]
    bench.faults.inject(lambda: errors.Unavailable("away"), verb="create", resource=INCIDENT.resource, nth=2)
    assert (await post(app, *alerts)).status_code == 503
    assert bench.accounted() == 2
    assert sorted(fates(await post(app, *alerts))) == ["Created", "Unchanged", "Unchanged"]


async def test_conflicts_are_decided_anew(bench: Bench) -> None:
    app = bench.app()
    await post(app, alert(1))
    bench.faults.inject(lambda: errors.Conflict("changed"), verb="patch", times=4)
    assert fates(await post(app, alert(2))) == ["Joined"]


async def test_endless_conflicts_end_in_503(bench: Bench) -> None:
    app = bench.app()
    await post(app, alert(1))
    bench.faults.inject(lambda: errors.Conflict("changed"), verb="patch", times=None)
    assert (await post(app, alert(2))).status_code == 503


async def test_an_incident_that_the_api_server_refuses_is_500_which_is_sent_again(bench: Bench) -> None:
    bench.faults.inject(lambda: errors.Invalid("spec.alerts: too odd"), verb="create", resource=INCIDENT.resource)
    response = await post(bench.app(), alert())
    assert response.status_code == 500
    assert "too odd" in response.json()["error"]


async def test_a_defect_leaves_nobody_waiting_and_is_logged_at_once(bench: Bench) -> None:
    class Defect(RuntimeError):
        pass

    bench.faults.inject(Defect, verb="create", resource=INCIDENT.resource)
    app = bench.app()
    with structlog.testing.capture_logs() as logs:
        response = await post(app, alert())
    assert response.status_code == 503
    assert [type(entry["exc_info"]) for entry in logs if "exc_info" in entry] == [Defect]
    assert fates(await post(app, alert())) == ["Created"]


class TestHealth:
    async def test_the_process_is_alive_although_the_api_server_is_away(self, bench: Bench) -> None:
        bench.faults.inject(lambda: errors.Unavailable("away"), times=None)
        async with client(bench.app()) as http:
            assert (await http.get("/healthz")).status_code == 200

    async def test_it_is_ready_while_incidents_are_served_and_until_it_ends(self, bench: Bench) -> None:
        app = bench.app()
        async with client(app) as http:
            assert (await http.get("/readyz")).status_code == 200
            app.state.gateway.draining = True
            assert (await http.get("/readyz")).status_code == 503
            assert (await http.post("/api/v1/alerts", json={"alerts": [alert()]})).status_code == 200

    async def test_it_is_not_ready_without_the_resource(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bench.api, "offers", lambda *_, **__: False)
        async with client(bench.app()) as http:
            response = await http.get("/readyz")
        assert response.status_code == 503
        assert "incident-commander crds apply" in response.text

    async def test_metrics_tell_what_became_of_alerts_and_name_no_object(self, bench: Bench) -> None:
        app = bench.app()
        await post(app, alert(1), alert(2), truncatedAlerts=3)
        await post(app, alert(1))
        async with client(app) as http:
            text = (await http.get("/metrics")).text
        assert 'incident_commander_gateway_alerts_total{fate="Created"} 2.0' in text
        assert 'incident_commander_gateway_alerts_total{fate="Unchanged"} 1.0' in text
        assert 'incident_commander_gateway_requests_total{code="200"} 2.0' in text
        assert "incident_commander_gateway_truncated_alerts_total 3.0" in text
        assert "shop" not in text

    async def test_openapi_describes_the_webhook(self, bench: Bench) -> None:
        async with client(bench.app()) as http:
            document = (await http.get("/openapi.json")).json()
        operation = document["paths"]["/api/v1/alerts"]["post"]
        assert set(operation["responses"]) >= {"200", "400", "401", "403", "413", "503"}
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        webhook = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
        assert webhook["required"] == ["alerts"]
        item = webhook["properties"]["alerts"]["items"]["$ref"].rsplit("/", 1)[1]
        assert "startsAt" in document["components"]["schemas"][item]["properties"]
