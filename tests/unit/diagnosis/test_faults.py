"""Faults on purpose, by three signs: the answer's words, the mesh's flags, the events of a chaos tool."""

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.ports import Object, Series
from tests.unit.diagnosis.builders import NS, ago, event, log, told
from tests.unit.diagnosis.exporters import counter
from tests.unit.diagnosis.shop import Shop, shop


def aborted(made: Shop) -> None:
    made.logs.append(log(made.pods["web"], *["GET /orders: 503 fault filter abort"] * 6, container="web"))


def flagged(flag: str, levels: tuple[float, float]) -> dict[str, list[Series]]:
    labels = {"destination_workload": "orders", "destination_workload_namespace": NS, "response_flags": flag}
    return {"istio_requests_total": [counter(levels, **labels)]}


def experiment(made: Shop, *, age: float = 60) -> Object:
    pod = made.pods["orders"]["metadata"]
    chaos: Object = {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "NetworkChaos",
        "metadata": {"name": "slow-orders", "namespace": NS, "uid": "uid-chaos", "creationTimestamp": ago(hours=1)},
    }
    return event(chaos, "Applied", f"Successfully apply chaos for {NS}/{pod['name']}", kind="Normal", age=age)


def test_the_meshs_own_words_tell_of_it() -> None:
    made = shop()
    aborted(made)
    top = made.diagnose().hypotheses[0]
    assert (top.cause, str(top.object), top.facts["fault"]) == (Cause.FAULT_INJECTED, "Deployment/shop/web", "Abort")


def test_requests_that_are_counted_as_delayed_tell_of_it_while_they_come() -> None:
    top = shop().diagnose(series=flagged("DI", (0, 5))).hypotheses[0]
    assert (top.cause, str(top.object), top.facts["fault"]) == (Cause.FAULT_INJECTED, "Deployment/shop/orders", "Delay")
    for over in (flagged("DI", (5, 0)), flagged("UF", (0, 5)), flagged("-", (5, 5))):
        found = shop().diagnose(series=over)
        assert all(h.cause is not Cause.FAULT_INJECTED for h in found.hypotheses), told(found)


def test_an_event_of_a_chaos_tool_names_its_experiment() -> None:
    made = shop()
    made.more.append(experiment(made))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["rule"]) == (Cause.FAULT_INJECTED, "NetworkChaos/slow-orders")


def test_an_experiment_of_yesterday_is_over() -> None:
    made = shop()
    made.more.append(experiment(made, age=86400))
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)


def test_two_signs_are_surer_than_one() -> None:
    made = shop()
    alone = made.diagnose(series=flagged("DI", (0, 5))).hypotheses[0]
    made.more.append(experiment(made))
    both = made.diagnose(series=flagged("DI", (0, 5))).hypotheses[0]
    assert both.cause is alone.cause is Cause.FAULT_INJECTED
    assert both.confidence > alone.confidence
