"""keys rotate on a real API server, by somebody who may not do all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.installed import GROUP_PATH, Installed, wait

pytestmark = pytest.mark.apiserver

COMMAND = Path(sys.executable).parent / "incident-commander"
ROLES = ("communication", "detection", "diagnosis", "prediction", "resolution", "verification")


def keys(kubeconfig: Path, *arguments: str, expect: int = 0) -> str:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "COLUMNS": "200", "NO_COLOR": "1"}
    command = [str(COMMAND), "keys", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == expect, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def namespace(installed_cluster: Installed, installed_namespace: str) -> Iterator[str]:
    """With the keys of six agents."""
    keys(installed_cluster.plane.kubeconfig, "init", "-n", installed_namespace)
    yield installed_namespace
    for role in ROLES:
        installed_cluster.plane.request("DELETE", f"{GROUP_PATH}/agents/{role}")


@pytest.fixture
def half(installed_cluster: Installed, namespace: str) -> Iterator[Path]:
    """The kubeconfig of somebody who may change Agents, and read Secrets, but not write these."""
    who, name = f"--serviceaccount={namespace}:half", f"{namespace}-half"
    agents = ("--verb=get,list,patch,update", "--resource=agents.incidentcommander.io")
    for command in (
        ("create", "serviceaccount", "half", "-n", namespace),
        ("create", "clusterrole", name, *agents),
        ("create", "clusterrolebinding", name, f"--clusterrole={name}", who),
        ("create", "role", "half", "-n", namespace, "--verb=get", "--resource=secrets"),
        ("create", "rolebinding", "half", "-n", namespace, "--role=half", who),
    ):
        made = installed_cluster.kubectl(*command)
        assert made.returncode == 0, made.stderr
    client = installed_cluster.service_account("half", namespace)
    wait("the rights do not hold", lambda: client.may("patch", "agents.incidentcommander.io", None))
    wait("the rights do not hold", lambda: client.may("get", "secrets", namespace))
    yield installed_cluster.plane.kubeconfig_for(f"{namespace}/half")
    for kind in ("clusterrolebinding", "clusterrole"):
        installed_cluster.kubectl("delete", kind, name)


def listed(installed: Installed) -> list[Any]:
    found: list[Any] = installed.plane.request("GET", f"{GROUP_PATH}/agents/detection")["spec"]["publicKeys"]
    return found


def test_without_the_right_to_write_the_secret_no_key_is_touched(
    installed_cluster: Installed, namespace: str, half: Path
) -> None:
    before = listed(installed_cluster)
    said = keys(half, "rotate", "detection", "-n", namespace, "--overlap-hours", "0", expect=4)
    assert "nothing was changed" in said
    assert listed(installed_cluster) == before


def test_in_a_namespace_that_is_not_there_no_key_is_touched(installed_cluster: Installed, namespace: str) -> None:
    before = listed(installed_cluster)
    administrator = installed_cluster.plane.kubeconfig
    said = keys(administrator, "rotate", "detection", "-n", f"{namespace}x", "--overlap-hours", "0", expect=3)
    assert f"there is no Secret {namespace}x/agent-detection-key" in said
    keys(administrator, "init", "-n", f"{namespace}x", expect=3)
    assert listed(installed_cluster) == before


def test_where_everything_is_allowed_the_old_key_ends_and_the_new_one_counts(
    installed_cluster: Installed, namespace: str
) -> None:
    (old,) = listed(installed_cluster)
    keys(installed_cluster.plane.kubeconfig, "rotate", "detection", "-n", namespace, "--overlap-hours", "0")
    ended, new = listed(installed_cluster)
    assert ended["keyId"] == old["keyId"]
    assert ended["notAfter"] < old["notAfter"] <= new["notAfter"]
