"""A bundle of a real API server: what a person may not read is named, no value of a Secret is in it, and it replays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.server import ControlPlane

pytestmark = pytest.mark.apiserver

COMMAND = Path(sys.executable).parent / "incident-commander"
QUOTA = {"metadata": {"name": "compute"}, "spec": {"hard": {"pods": "0"}}}
SECRET = {"metadata": {"name": "db"}, "stringData": {"password": "hunter2hunter2"}}
CONFIG = {"metadata": {"name": "conf"}, "data": {"app.properties": "db.password=hunter2hunter2\nport=8080\n"}}
WEB = {
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "registry.example.com/shop/web:1",
                        "env": [{"name": "DB_URL", "value": "postgres://shop:hunter2hunter2@db:5432/x"}],
                    }
                ]
            },
        },
    },
}


def run(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "COLUMNS": "80", "NO_COLOR": "1"}
    return subprocess.run(
        [str(COMMAND), *arguments], env=environment, capture_output=True, text=True, check=False, timeout=180
    )


def told(kubeconfig: Path, *arguments: str) -> Any:
    done = run(kubeconfig, "diagnose", *arguments, "-o", "json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def cause_of(report: Any) -> tuple[str, str, str, int]:
    top = report["hypotheses"][0]
    return report["headline"], top["cause"], top["object"]["name"], top["confidence"]


def test_what_was_captured_tells_offline_what_the_server_told(
    control_plane_with_controllers: ControlPlane, fresh_namespace: str, tmp_path: Path
) -> None:
    control_plane = control_plane_with_controllers
    core, apps = f"/api/v1/namespaces/{fresh_namespace}", f"/apis/apps/v1/namespaces/{fresh_namespace}"
    for path, body in (
        (f"{core}/resourcequotas", QUOTA),
        (f"{core}/secrets", SECRET),
        (f"{core}/configmaps", CONFIG),
        (f"{apps}/deployments", WEB),
    ):
        control_plane.request("POST", path, body)
    live = told(control_plane.kubeconfig, "-n", fresh_namespace)
    for _ in range(60):
        if live["hypotheses"]:
            break
        time.sleep(0.5)
        live = told(control_plane.kubeconfig, "-n", fresh_namespace)
    assert live["hypotheses"][0]["cause"] == "QuotaExceeded"

    place = tmp_path / "bundle"
    done = run(control_plane.kubeconfig, "bundle", "-n", fresh_namespace, "-o", str(place))
    assert done.returncode == 0, done.stderr
    assert "read it before you pass it on" in " ".join(done.stdout.split())
    assert cause_of(told(control_plane.kubeconfig, "bundle", str(place))) == cause_of(live)

    text = "\n".join(file.read_text() for file in place.rglob("*.json"))
    assert "hunter2hunter2" not in text
    assert "@db:5432/x" in text
    assert "port=8080" in text
    # Resources that are not installed were asked for, and there are none.
    assert json.loads((place / "objects/httproutes.gateway.networking.k8s.io.json").read_text())["items"] == []

    again = run(control_plane.kubeconfig, "bundle", "-n", fresh_namespace, "-o", str(place))
    assert again.returncode == 1
    assert "is there already" in again.stderr
