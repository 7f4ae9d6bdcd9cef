"""The chart on a fresh API server, by Helm itself and by kubectl: what is left at the end, and what needs no Helm."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from charts.helm import CHART, NAMESPACE, helm, program, template
from tests.controlplane import ApiError, Assets, ControlPlane
from tests.functional.installed import MERGE_PATCH, wait

pytestmark = pytest.mark.apiserver
COMMAND = Path(sys.executable).parent / "incident-commander"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_LEFT_ALONE = ("events", "componentstatuses", "bindings")
CRDS = str((CHART / "crds").resolve())
_RELEASE = ("incident-commander", "--namespace", NAMESPACE)
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def plane(control_plane_assets: Assets) -> Iterator[ControlPlane]:
    with ControlPlane(control_plane_assets) as plane:
        if plane.assets.kubectl is None:
            pytest.skip("there is no kubectl beside this control plane")
        yield plane


@pytest.fixture
def kubectl(plane: ControlPlane) -> Kubectl:
    def run(*arguments: str, stdin: str | None = None) -> str:
        command = [str(plane.assets.kubectl), f"--kubeconfig={plane.kubeconfig}", *arguments]
        ran = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


class Installing:
    """`helm install` under way. There is no kubelet: the test runs what the hook's pod would, and says how it ended."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
        command = [str(program()), "install", *_RELEASE, str(CHART), "--create-namespace", "--timeout=180s"]
        self.helm = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
        wait("Helm has not made the hook's Job, with its pod", lambda: bool(self.pods()), seconds=120)

    def pods(self) -> list[Any]:
        try:
            found = self.plane.request("GET", f"{_PODS}?labelSelector=app.kubernetes.io/component=setup")["items"]
        except ApiError:
            return []
        return list(found)

    def run(self) -> None:
        """Each container of the pod, with the hook's own token."""
        kubeconfig = self.plane.kubeconfig_for(f"{NAMESPACE}/setup")
        (pod,) = self.pods()
        for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
            command = [str(COMMAND), *container["args"]]
            env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
            ran = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=120)
            assert ran.returncode == 0, f"{container['name']}: {ran.stdout}{ran.stderr}"

    def succeed(self) -> None:
        for pod in self.pods():
            path = f"{_PODS}/{pod['metadata']['name']}/status"
            self.plane.request("PATCH", path, {"status": {"phase": "Succeeded"}}, MERGE_PATCH)

    def fail(self) -> None:
        deadline = {"spec": {"activeDeadlineSeconds": 1}}
        self.plane.request("PATCH", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/setup", deadline, MERGE_PATCH)

    def ended(self) -> tuple[int, str]:
        said, _ = self.helm.communicate(timeout=180)
        return self.helm.returncode, said


def left_of_the_hook(kubectl: Kubectl) -> set[str]:
    """What of the hook is there: its identity, its rights, and what holds it."""
    kinds = "serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,validatingadmissionpolicies,"
    listed = kubectl("get", kinds + "validatingadmissionpolicybindings", "-A", "-o", "name").split()
    return {name.partition(".")[0] if "admission" in name else name for name in listed if "setup" in name}


HELD = {"validatingadmissionpolicy", "validatingadmissionpolicybinding"}


def test_an_installation_ends_the_hooks_rights_and_an_uninstall_leaves_nothing(
    plane: ControlPlane, kubectl: Kubectl
) -> None:
    installing = Installing(plane)
    installing.run()
    installing.succeed()
    code, said = installing.ended()
    assert code == 0, said
    assert left_of_the_hook(kubectl) == HELD
    assert len(kubectl("get", "agents", "-o", "name").split()) == 6

    helm("uninstall", *_RELEASE, env={"KUBECONFIG": str(plane.kubeconfig)})
    assert left_of_the_release(kubectl) == []


def test_a_hook_that_failed_keeps_no_rights_either(plane: ControlPlane, kubectl: Kubectl) -> None:
    installing = Installing(plane)
    installing.fail()
    code, said = installing.ended()
    assert code != 0, said
    assert left_of_the_hook(kubectl) == HELD

    helm("uninstall", *_RELEASE, env={"KUBECONFIG": str(plane.kubeconfig)})
    assert left_of_the_hook(kubectl) == set()


def left_of_the_release(kubectl: Kubectl) -> list[str]:
    kinds = [k for k in kubectl("api-resources", "--verbs=list", "-o", "name").split() if k not in _LEFT_ALONE]
    label = "--selector=app.kubernetes.io/instance=incident-commander"
    found = kubectl("get", ",".join(kinds), "--all-namespaces", label, "-o", "name").split()
    # The garbage collector takes what the release's objects owned after them.
    return [name for name in found if not name.startswith(("pod/", "replicaset", "endpoints"))]


def test_what_is_rendered_without_hooks_is_applied_by_kubectl_alone(kubectl: Kubectl) -> None:
    text = template("--include-crds", "--no-hooks")
    rendered = [m for m in yaml.safe_load_all(text) if m]
    assert [m for m in rendered if "helm.sh/hook" in m["metadata"].get("annotations", {})] == []
    assert {m["kind"] for m in rendered} & {"Job", "Pod"} == set()
    crds = [m for m in rendered if m["kind"] == "CustomResourceDefinition"]
    assert len(crds) == len(list((CHART / "crds").glob("*.yaml")))
    kubectl("apply", "--server-side", "--force-conflicts", "-f", CRDS)
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS)
    kubectl(
        "apply",
        "-f",
        "-",
        stdin=yaml.safe_dump({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}}),
    )
    kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-", stdin=text)
