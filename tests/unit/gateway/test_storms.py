"""Above a rate per namespace one Incident stands for the storm, and no alert is lost in it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from incident_commander.api.incident import AlertStatus
from incident_commander.intake.storm import StormLimits
from tests.unit.gateway.harness import OPEN, Bench, alert, fates, post

LIMITED = replace(OPEN, storm=StormLimits(incident_burst=3, incidents_per_minute=6))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def about(number: int) -> dict[str, Any]:
    return alert(number, namespace="shop", deployment=f"d{number}")


async def test_what_is_above_the_rate_is_recorded_or_counted_in_one_incident(bench: Bench) -> None:
    answer = await post(bench.app(LIMITED), *(about(n) for n in range(100)))
    assert answer.status_code == 200
    storms = [one for one in bench.incidents() if one.spec.storm]
    assert len(storms) == 1
    assert len(bench.incidents()) == 4
    assert bench.accounted() == 100
    assert storms[0].spec.omitted_alerts == 100 - 3 - 20


async def test_ten_thousand_alerts_without_any_target_are_few_incidents_and_none_is_lost(bench: Bench) -> None:
    app = bench.app(LIMITED)
    for start in range(0, 10_000, 500):
        alerts = (alert(n, namespace="shop", instance=f"https://{n}") for n in range(start, start + 500))
        assert (await post(app, *alerts)).status_code == 200
    assert [one.spec.storm for one in bench.incidents()].count(False) == 3
    assert len(bench.incidents()) == 4
    assert bench.accounted() == 10_000


async def test_targets_beyond_what_may_be_looked_for_are_in_it_without_a_look(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(lookup_burst=5)))
    await post(app, *(about(n) for n in range(100)))
    assert [one.spec.storm for one in bench.incidents()].count(False) == 5
    assert bench.accounted() == 100
    assert len(bench.audit.entries) < 20


async def test_a_flood_of_alerts_about_one_target_is_not_written_one_by_one(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(join_burst=2, joins_per_second=0)))
    for number in range(10):
        await post(app, alert(number))
    own, storm = sorted(bench.incidents(), key=lambda one: one.spec.storm)
    assert (len(own.spec.alerts), len(storm.spec.alerts)) == (3, 7)
    assert set(fates(await post(app, *(alert(n) for n in range(10))))) == {"Unchanged"}


async def test_what_a_flooded_target_passes_on_to_the_storm_waits_for_company_there_only(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(join_burst=1, joins_per_second=0)))
    took = []
    for number in range(5):
        before = bench.clock.now()
        await post(app, alert(number))
        took.append((bench.clock.now() - before).total_seconds())
    created, joined, first_passed_on, *passed_on = took
    assert created < joined
    assert max(passed_on) < first_passed_on + joined
    assert max(passed_on) < 2 * joined


async def test_what_a_storm_holds_does_not_join_its_target_when_it_is_sent_again(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(join_burst=1, joins_per_second=1)))
    await asyncio.gather(*(post(app, alert(number)) for number in range(2)))
    await post(app, alert(2))
    before = bench.accounted()
    await post(app, alert(3))
    assert any(one.spec.storm for one in bench.incidents())
    bench.clock.advance(5)
    assert set(fates(await post(app, *(alert(number) for number in range(4))))) == {"Unchanged"}
    assert bench.accounted() == before + 1


async def test_one_new_target_is_looked_for_once_however_many_ask(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(lookup_burst=1)))
    await asyncio.gather(*(post(app, alert(number)) for number in range(10)))
    assert [one.spec.storm for one in bench.incidents()] == [False]


async def test_in_a_flood_the_end_of_an_alert_is_still_told_to_its_own_incident(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(join_burst=0, joins_per_second=0)))
    await post(app, alert(1))
    assert fates(await post(app, alert(1, resolved=True), alert(2))) == ["Resolved", "Created"]
    own, _ = sorted(bench.incidents(), key=lambda one: one.spec.storm)
    assert own.spec.alerts[0].status is AlertStatus.RESOLVED


async def test_pods_of_a_controller_that_was_seen_are_not_looked_for_one_by_one(bench: Bench) -> None:
    app = bench.app(replace(OPEN, storm=StormLimits(lookup_burst=1)))
    bench.pod_of(bench.deployment("web"), "web-7d9f8c7b5d", "web-7d9f8c7b5d-x2x4z")
    await post(app, alert(0, namespace="shop", pod="web-7d9f8c7b5d-x2x4z"))
    letters = "bcdfghjklm"
    await post(app, *(alert(n + 1, namespace="shop", pod=f"web-7d9f8c7b5d-x2x4{c}") for n, c in enumerate(letters)))
    [stored] = bench.incidents()
    assert str(stored.spec.target_ref) == "Deployment/shop/web"
    assert len(stored.spec.alerts) == 11


async def test_sending_it_all_again_changes_nothing_during_and_after_the_storm(bench: Bench) -> None:
    app = bench.app(LIMITED)
    alerts = [about(n) for n in range(100)]
    await post(app, *alerts)
    before = bench.writes()
    assert set(fates(await post(app, *alerts))) == {"Unchanged"}
    bench.clock.advance(3600)
    assert set(fates(await post(app, *alerts))) == {"Unchanged"}
    assert bench.writes() == before


async def test_targets_with_an_open_incident_keep_it_in_a_storm(bench: Bench) -> None:
    app = bench.app(LIMITED)
    await post(app, alert(1))
    await post(app, *(about(n) for n in range(10, 60)))
    assert fates(await post(app, alert(2))) == ["Joined"]


async def test_after_the_storm_new_targets_have_their_own_incidents_again(bench: Bench) -> None:
    app = bench.app(LIMITED)
    await post(app, *(about(n) for n in range(10)))
    bench.clock.advance(120)
    assert fates(await post(app, about(99))) == ["Created"]
    assert any(one.spec.target_ref and one.spec.target_ref.name == "d99" for one in bench.incidents())


async def test_other_namespaces_have_no_storm(bench: Bench) -> None:
    app = bench.app(LIMITED)
    await post(app, *(about(n) for n in range(10)))
    await post(app, alert(50, node="worker-1"))
    assert [str(one.spec.target_ref) for one in bench.incidents("incident-commander")] == ["Node/worker-1"]


async def test_a_storm_does_not_flood_the_api_server(bench: Bench) -> None:
    app = bench.app(LIMITED)
    await asyncio.gather(*(post(app, *(about(20 * p + n) for n in range(20))) for p in range(50)))
    assert bench.accounted() == 1000
    assert bench.writes() < 30
    assert len(bench.audit.entries) < 400


async def test_truncated_alerts_are_counted_in_the_storm(bench: Bench) -> None:
    app = bench.app(LIMITED)
    await post(app, *(about(n) for n in range(10)))
    await post(app, about(11), truncatedAlerts=500)
    assert bench.accounted() == 511
