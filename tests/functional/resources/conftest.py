"""The scene of these tests: a namespace with one Incident."""

from __future__ import annotations

import pytest

from tests.functional.installed import Installed
from tests.functional.resources.incidents import Scene


@pytest.fixture
def scene(installed_cluster: Installed, installed_namespace: str) -> Scene:
    scene = Scene(installed_cluster, installed_namespace)
    installed_cluster.plane.request("POST", scene.collection, scene.body("example"))
    return scene
