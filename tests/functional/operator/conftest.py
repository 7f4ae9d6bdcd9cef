"""One operator for all tests of this folder; each test has a namespace and a policy of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.controlplane import Assets
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House, at_work


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
    with at_work(control_plane_assets, prometheus.url, tmp_path_factory.mktemp("house")) as made:
        yield made
