"""A gateway that is killed in a storm: no alert that was acknowledged, before or after, is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.accounts import account
from bench.flood import Shape, flood
from incident_commander.api.kinds import INCIDENT, NAMESPACE
from tests.functional.gateway.gateways import Scene
from tests.functional.house import House
from tests.functional.installed import Installed

pytestmark = pytest.mark.apiserver

STORM = Shape("killed", alerts_per_post=5, targets=20, namespaces=2)


async def test_a_gateway_that_is_killed_in_a_storm_loses_nothing(
    installed_cluster: Installed, installed_namespace: str, tmp_path: Path
) -> None:
    plane = installed_cluster.plane
    house = House(plane, "http://127.0.0.1:1", tmp_path)
    scene = Scene(installed_cluster, installed_namespace)
    namespaces = [f"{STORM.name}-{number}" for number in range(STORM.namespaces)]
    for name in namespaces:
        house.namespace(name)
        scene.let_report("alertmanager", name)
    for target in range(STORM.targets):
        house.deploy(namespaces[target % STORM.namespaces], f"d{target}", replicas=0)

    async def kill_twice() -> None:
        for _ in range(2):
            await asyncio.sleep(1.5)
            house.kill("gateway")
            await asyncio.to_thread(house.start, "gateway")

    await asyncio.to_thread(house.start, "gateway")
    try:
        storm = flood(STORM, house.ports["gateway"], scene.token, alerts_per_second=250, seconds=8)
        tally, _ = await asyncio.gather(storm, kill_twice())
    finally:
        await asyncio.to_thread(house.end)
    stored = [i for name in namespaces for i in plane.request("GET", INCIDENT.path(name))["items"]]
    for name in namespaces:
        plane.request("DELETE", NAMESPACE.path(None, name))
    found = account(tally.acknowledged, stored)
    assert tally.refused["none"], "it was killed"
    assert len(tally.acknowledged) == tally.sent == 2000
    # Few enough that every counted alert is told apart: so none may count twice either.
    assert (found.recorded + found.counted, found.lost, found.again) == (2000, 0, 0)
