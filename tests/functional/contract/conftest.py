"""Each test of the contract runs against the in-memory cluster and a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from incident_commander.adapters.kubernetes import KubernetesCluster
from incident_commander.rehearsal.world import World
from tests.controlplane import ControlPlane
from tests.functional.contract.sides import Side

CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture
async def in_memory() -> Side:
    world = World(seed=1)
    world.add_namespace("test")
    return Side(world.cluster(), "test")


@pytest.fixture(scope="session")
def plane_with_crds(control_plane: ControlPlane) -> ControlPlane:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for file in sorted(CRDS.glob("*.yaml")):
        control_plane.request("POST", path, yaml.safe_load(file.read_text()))
    return control_plane


@pytest.fixture
async def real(plane_with_crds: ControlPlane, fresh_namespace: str) -> AsyncIterator[Side]:
    cluster = await KubernetesCluster.connect(str(plane_with_crds.kubeconfig))
    yield Side(cluster, fresh_namespace)
    await cluster.close()


@pytest.fixture(params=["in_memory", pytest.param("real", marks=pytest.mark.apiserver)])
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.getfixturevalue(request.param)
    return found
