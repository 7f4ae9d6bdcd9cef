"""Fixtures for tests against a real API server, as a pytest plugin: `pytest_plugins = ["tests.controlplane.fixtures"]`.

Where no control plane is to be had, such tests skip, and the run says so at its top and at its end; with CI=true they
fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.controlplane.assets import Assets, find, find_or_build
from tests.controlplane.server import ControlPlane

_NO_CONTROL_PLANE = "no control plane: "


@pytest.fixture(scope="session")
def control_plane_assets(request: pytest.FixtureRequest) -> Assets:
    """The programs of a control plane; gets them where they are missing, which takes minutes and says so as it goes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def progress(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", end="", flush=True)

    assets = find_or_build(progress=progress)
    return assets if isinstance(assets, Assets) else _give_up(assets.reason)


@pytest.fixture(scope="session")
def control_plane(control_plane_assets: Assets) -> Iterator[ControlPlane]:
    """One API server with its controllers for the whole session: tests keep apart by namespace (`fresh_namespace`)."""
    with ControlPlane(control_plane_assets) as plane:
        yield plane


@pytest.fixture(scope="session")
def control_plane_with_controllers(control_plane: ControlPlane) -> ControlPlane:
    """The same, for tests that need what the controllers do: Pods of Deployments, garbage collection, Jobs."""
    if not control_plane.has_controller_manager:
        _give_up(f"{control_plane.assets.source} has no kube-controller-manager")
    return control_plane


@pytest.fixture
def fresh_namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of an empty namespace for this test alone, deleted after it."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "test-"}}
    name: str = control_plane.request("POST", "/api/v1/namespaces", namespace)["metadata"]["name"]
    yield name
    control_plane.request("DELETE", f"/api/v1/namespaces/{name}")


def pytest_report_header(config: pytest.Config) -> str:
    found = find()
    return f"control plane: {found}" + ("" if isinstance(found, Assets) else ", as the first test that needs it does")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was not run for want of a control plane: a skip must not pass for a success."""
    skipped = [report for report in terminalreporter.getreports("skipped") if _NO_CONTROL_PLANE in str(report.longrepr)]
    if skipped:
        terminalreporter.section("NOT RUN: no real API server", red=True)
        reason = str(skipped[0].longrepr).split(_NO_CONTROL_PLANE, 1)[1].rstrip("')")
        terminalreporter.write_line(f"{len(skipped)} tests need a real API server, and there is none here: {reason}")
        for report in skipped:
            terminalreporter.write_line(f"  {report.nodeid}")


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{_NO_CONTROL_PLANE}{reason}", pytrace=False)
    pytest.skip(f"{_NO_CONTROL_PLANE}{reason}")
