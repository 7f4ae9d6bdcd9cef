"""The series behind a hypothesis, and which moved first."""

from dataclasses import replace

from incident_agents.diagnosis.driving import driving, order
from incident_agents.diagnosis.engine import diagnose
from incident_commander.evidence.evidence import Evidence
from incident_commander.ports import Series
from tests.unit.diagnosis.builders import NOW, NS, deployment, ended, evidence, pod, replica_set, running, series
from tests.unit.diagnosis.test_network import larger, stepped

DELAYED = {"web": (30, 900), "orders": (5, 800), "search": (4, 4), "db": (1, 1), "cart": (2, 2)}


def slow() -> Evidence:
    made = larger()
    found = [stepped(low, high, service=who) for who, (low, high) in DELAYED.items()]
    return replace(made.evidence(), series={"latency_p90": found})


def test_what_the_first_hypothesis_cites_is_shown_with_its_change() -> None:
    seen = slow()
    top = diagnose(seen, None, NOW).hypotheses[0]
    first, *others = driving(seen, top)
    assert first.subject == str(top.object) == "Deployment/shop/orders"
    assert first.change is not None
    assert (round(first.change.before), round(first.change.after, -2)) == (5, 800)
    assert first.at == first.change.at
    assert all(one.subject != first.subject for one in others)


def test_a_named_query_shows_the_series_of_the_sick_container() -> None:
    web = deployment(ready=0)
    owner = replica_set(web, "6d4b75cb6d", ready=0)
    sick = pod(owner, "abcde", running() | {"restartCount": 4, "lastState": ended(137, "OOMKilled", lived=3000)})
    name, rising = sick["metadata"]["name"], [2e8 + n * 1e6 for n in range(60)]
    growing = series("container_memory_working_set", rising, pod=name, container="web")
    other = Series({"namespace": NS, "pod": "else-1", "container": "web"}, ((NOW.timestamp(), 9e9),))
    measured = replace(growing, series=(*growing.series, other))
    seen = evidence(web, owner, sick, metrics={"container_memory_working_set": measured})
    top = diagnose(seen, None, NOW).hypotheses[0]
    (one,) = driving(seen, top)
    assert one.subject == f"{name}/web"


def test_what_moved_first_stands_first_and_what_did_not_move_is_not_told() -> None:
    made = larger()
    early, late = stepped(5, 800, service="orders"), stepped(30, 900, service="web")
    shifted = Series(early.labels, tuple((at - 120, value) for at, value in early.points))
    seen = replace(made.evidence(), series={"latency_p90": [late, shifted, stepped(4, 4, service="search")]})
    found = order(seen)
    assert found.groups == [
        ("latency_p90 of Deployment/shop/orders rose",),
        ("latency_p90 of Deployment/shop/web rose",),
    ]
    assert list(found.began) == sorted(found.began)


def test_without_series_nothing_is_drawn() -> None:
    seen = larger().evidence()
    assert order(seen).groups == []
    assert all(driving(seen, hypothesis) == [] for hypothesis in diagnose(seen, None, NOW).hypotheses)
