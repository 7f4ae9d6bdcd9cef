"""One operator for all tests of this folder; each test has a namespace and a policy of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane import Assets, ControlPlane
from tests.controlplane.hollow_kubelet import HollowKubelet
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House
from tests.functional.installed import install


@pytest.fixture(scope="module")
def prometheus() -> Iterator[StubPrometheus]:
    """Knows which alerts fire."""
    with StubPrometheus() as stub:
        yield stub


@pytest.fixture(scope="module")
def house(
    control_plane_assets: Assets, prometheus: StubPrometheus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """Nine processes on an API server of their own, with controllers and a hollow kubelet."""
    folder: Path = tmp_path_factory.mktemp("house")
    with ControlPlane(control_plane_assets) as plane, HollowKubelet(plane):
        install(plane)
        made = House(plane, prometheus.url, folder)
        made.furnish()
        try:
            made.start()
            yield made
        finally:
            made.end()
