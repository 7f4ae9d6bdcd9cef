"""One operator (nine processes on a real API server, with controllers and a hollow kubelet) for the pages' commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from charts.helm import HelmError
from charts.helm import program as helm
from tests.controlplane import Assets, ControlPlane
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.docs.shell import Shell, checkout
from tests.functional.house import House, at_work
from tests.functional.installed import INCIDENTS


@pytest.fixture(scope="session")
def house(control_plane_assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The operator at work, and no policy."""
    folder = tmp_path_factory.mktemp("house")
    with StubPrometheus() as prometheus, at_work(control_plane_assets, prometheus.url, folder) as made:
        yield made


@pytest.fixture
def shell(house: House, tmp_path: Path) -> Shell:
    """An administrator's shell in a copy of the project; NAME is the newest Incident of namespace shop, which is NS."""
    checkout(tmp_path)

    def newest() -> str:
        found = house.plane.request("GET", INCIDENTS.format("shop"))["items"]
        assert found, "there is no Incident in namespace shop"
        last = max(found, key=lambda i: (i["metadata"]["creationTimestamp"], int(i["metadata"]["resourceVersion"])))
        return str(last["metadata"]["name"])

    placeholders = {"NAME": newest, "NS": lambda: "shop", "8080": lambda: str(house.ports["gateway"])}
    return Shell(house.plane.kubeconfig, tmp_path, programs(house.plane.assets), placeholders)


@pytest.fixture
def bare(control_plane_assets: Assets, tmp_path: Path) -> Iterator[Shell]:
    """The same on a fresh API server on which nothing is installed."""
    programs_ = programs(control_plane_assets)
    checkout(tmp_path)
    with ControlPlane(control_plane_assets) as plane:
        yield Shell(plane.kubeconfig, tmp_path, programs_)


def programs(assets: Assets) -> tuple[Path, ...]:
    """Where kubectl is, and Helm if there is one. Skips without kubectl; with CI=true it fails."""
    if assets.kubectl is None:
        assert os.environ.get("CI") != "true", "there is no kubectl beside this control plane"
        pytest.skip("there is no kubectl beside this control plane")
    try:
        return (assets.kubectl.parent, helm().parent)
    except HelmError:
        return (assets.kubectl.parent,)
