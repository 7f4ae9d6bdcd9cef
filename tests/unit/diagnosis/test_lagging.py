"""Messages that pile up and replicas that are behind. The series are generated (see ``exporters``)."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NS, crash_looping, log, told
from tests.unit.diagnosis.exporters import gauge
from tests.unit.diagnosis.fleet import scaled_to_zero
from tests.unit.diagnosis.shop import Shop, shop, tier

LAG = "kafka_consumergroup_lag"


def queued(levels: tuple[float, float], name: str = LAG) -> dict[str, list[Series]]:
    """As the broker's exporter, which is a workload of its own, says."""
    return {name: [gauge(levels, namespace=NS, pod="exporter-0", job="exporter", consumergroup="orders", topic="paid")]}


def with_broker(kind: str = "kafka:3.9", port: int = 9092) -> Shop:
    made = shop(kind, port)
    made.add("exporter", tier("exporter", "kafka-exporter:1", 9308), 9308)
    return made


def test_a_backlog_that_grows_and_stays_is_the_brokers_though_its_exporter_tells_of_it() -> None:
    found = with_broker().diagnose(series=queued((10, 5000)))
    top = found.hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.MESSAGE_QUEUE_BACKLOG, "Deployment/shop/db"), told(found)
    assert 60 < top.confidence < 80


def test_the_words_of_a_client_beside_the_figures_make_it_sure() -> None:
    made = with_broker()
    made.logs.append(log(made.pods["orders"], *["ERROR produce: Local: Queue full"] * 8, container="orders"))
    found = made.diagnose(series=queued((10, 5000)))
    assert found.hypotheses[0].cause is Cause.MESSAGE_QUEUE_BACKLOG
    assert found.hypotheses[0].confidence >= 80, told(found)


def test_a_consumer_that_crashes_is_why_messages_wait() -> None:
    made = with_broker()
    made.restarts("orders", **{k: crash_looping()[k] for k in ("state", "lastState")})
    found = made.diagnose(series=queued((10, 5000)))
    causes = [h.cause for h in found.hypotheses]
    assert causes.index(Cause.CRASH_LOOP) < causes.index(Cause.MESSAGE_QUEUE_BACKLOG), told(found)


@pytest.mark.parametrize("levels", [(10, 40), (4000, 5000)], ids=["few", "as always"])
def test_a_queue_that_holds_little_or_no_more_than_before_is_none(levels: tuple[float, float]) -> None:
    found = with_broker().diagnose(series=queued(levels))
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_a_backlog_that_is_worked_off_is_none() -> None:
    whole = queued((10, 5000))[LAG][0]
    done = [(t, v if n < 35 else 20.0) for n, (t, v) in enumerate(whole.points)]
    found = with_broker().diagnose(series={LAG: [Series(whole.labels, tuple(done))]})
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


@pytest.mark.parametrize(
    ("image", "port", "name"),
    [
        ("postgres:17", 5432, "pg_replication_lag_seconds"),
        ("mysql:8.4", 3306, "mysql_slave_status_seconds_behind_master"),
    ],
)
def test_a_replica_that_is_minutes_behind_is_named(image: str, port: int, name: str) -> None:
    made = shop(image, port)
    lag = gauge((0.5, 240), namespace=NS, pod=made.pods["db"]["metadata"]["name"])
    top = made.diagnose(series={name: [lag]}).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.REPLICATION_LAG, "Deployment/shop/db")


def test_scaling_the_consumer_to_zero_stands_above_the_backlog() -> None:
    made = with_broker()
    scaled_to_zero(made, "orders")
    made.logs.append(log(made.pods["web"], *["connect to orders:8080: connection refused"] * 8, container="web"))
    found = made.diagnose(series=queued((10, 5000)))
    causes = [h.cause for h in found.hypotheses]
    assert Cause.SCALED_TO_ZERO in causes, told(found)
    assert causes.index(Cause.SCALED_TO_ZERO) < causes.index(Cause.MESSAGE_QUEUE_BACKLOG), told(found)


def test_a_consumer_that_is_scaled_to_zero_is_the_cause_though_nobody_calls_it() -> None:
    made = with_broker()
    scaled_to_zero(made, "orders")
    made.deployments["web"]["spec"]["template"]["spec"]["containers"][0]["env"] = []
    made.pods["web"]["spec"]["containers"][0]["env"] = []
    top = made.diagnose(series=queued((10, 5000))).hypotheses[0]
    assert (top.cause, str(top.object)) == (Cause.SCALED_TO_ZERO, "Deployment/shop/orders")
