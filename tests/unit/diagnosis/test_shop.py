"""A healthy application, and one that is only starting: nothing confident is said about either."""

from incident_agents.diagnosis.ranking import BAR
from tests.unit.diagnosis.builders import event, log, told
from tests.unit.diagnosis.shop import shop


def test_a_healthy_application_has_no_confident_hypothesis() -> None:
    assert all(h.confidence < BAR for h in shop().diagnose().hypotheses)


def test_the_noise_of_a_start_is_no_cause() -> None:
    made = shop()
    owner = next(o for o in made.more if o["metadata"]["name"].startswith("orders-"))
    made.more += [
        event(
            owner,
            "FailedCreate",
            'pods "orders-" is forbidden: error looking up service account shop/orders: '
            'serviceaccount "orders" not found',
            age=100,
        ),
        event(made.pods["orders"], "Unhealthy", "Readiness probe failed: dial tcp 10.244.1.9:8080: connection refused"),
    ]
    lines = ["dial tcp: lookup db on 10.96.0.10:53: no such host"] * 4 + ["GET /orders 200"] * 60
    made.logs = [log(made.pods["orders"], *lines, container="orders")]
    found = made.diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_an_optional_dependency_that_is_not_installed_is_nobodys_trouble() -> None:
    made = shop()
    env = made.pods["web"]["spec"]["containers"][0]["env"]
    env.append({"name": "TRACING_ENDPOINT", "value": "http://collector:4318"})
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)
