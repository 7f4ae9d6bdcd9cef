"""A release of an earlier run is gone, its pods too, before anything else begins."""

from __future__ import annotations

from typing import Any, cast

import pytest

from e2e.harness import chart
from e2e.harness.api import Api
from e2e.harness.waiting import Teller

POD = {"metadata": {"name": "executor-1", "deletionTimestamp": "2026-01-01T00:00:00Z"}}


class Cluster:
    """Has a release, and after its end a pod that takes its time."""

    def __init__(self, *, released: bool) -> None:
        self.released = released
        self.pods: list[dict[str, Any]] = [POD] if released else []
        self.asked = 0

    async def items(self, path: str, **query: str) -> list[dict[str, Any]]:
        if path.endswith("/secrets"):
            return [{}] if self.released else []
        self.asked += 1
        return self.pods if self.asked < 2 else []


@pytest.mark.parametrize("released", [True, False])
async def test_removing_a_release_waits_for_its_pods_which_outlive_their_rights(
    released: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    async def helm(*arguments: str, check: bool = True) -> str:
        ran.append(arguments[0])
        return ""

    monkeypatch.setattr(chart, "helm", helm)
    cluster = Cluster(released=released)
    await chart.remove_release(cast(Api, cluster), Teller())
    assert ran == (["uninstall"] if released else [])
    assert cluster.asked == (2 if released else 0)
