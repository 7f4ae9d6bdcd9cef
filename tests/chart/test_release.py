"""The chart on a fresh API server, by Helm itself and by kubectl: what is left at the end, and what needs no Helm."""

from __future__ import annotations

import json
import os
import signal
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

    def __init__(self, plane: ControlPlane, *verb: str) -> None:
        self.plane = plane
        before = {pod["metadata"]["uid"] for pod in self.pods()}
        env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig)}
        chart = [*_RELEASE, str(CHART), "--create-namespace", "--timeout=180s"]
        command = [str(program()), *(verb or ("install",)), *chart]
        self.helm = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)

        def begun() -> bool:
            pods = self.pods()
            return len(pods) == 1 and pods[0]["metadata"]["uid"] not in before

        wait("Helm has not made the hook's Job, with its pod", begun, seconds=120)

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

    def interrupt(self) -> None:
        self.helm.send_signal(signal.SIGINT)

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
    assert left_of_the_release(kubectl) == []


_GROUPS = {
    "rolebindings": "rbac.authorization.k8s.io",
    "clusterrolebindings": "rbac.authorization.k8s.io",
    "validatingadmissionpolicies": "admissionregistration.k8s.io",
    "validatingadmissionpolicybindings": "admissionregistration.k8s.io",
}
RIGHTS = {
    "serviceaccount/setup",
    *(f"{kind}.rbac.authorization.k8s.io/incident-commander-setup" for kind in ("role", "rolebinding")),
    *(f"{kind}.rbac.authorization.k8s.io/incident-commander-setup" for kind in ("clusterrole", "clusterrolebinding")),
}


class History:
    """What grants the hook something, and what holds it, in the order of the revisions of the one etcd."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.since = {
            resource: json.loads(kubectl("get", "--raw", f"/apis/{group}/v1/{resource}"))["metadata"]["resourceVersion"]
            for resource, group in _GROUPS.items()
        }

    def events(self) -> list[tuple[int, str, bool]]:
        """Revision, resource, and whether one is there from then on (of a binding: one that binds somebody)."""
        found = []
        for resource, group in _GROUPS.items():
            query = f"watch=true&resourceVersion={self.since[resource]}&timeoutSeconds=2"
            for line in self.kubectl("get", "--raw", f"/apis/{group}/v1/{resource}?{query}").splitlines():
                event = json.loads(line)
                thing = event["object"]
                if "setup" in thing["metadata"]["name"]:
                    there = event["type"] != "DELETED" and (group[0] == "a" or bool(thing.get("subjects")))
                    found.append((int(thing["metadata"]["resourceVersion"]), resource, there))
        return sorted(found)

    def unguarded(self) -> list[int]:
        """The revisions at which the hook had a right and no policy held it."""
        there, found = dict.fromkeys(_GROUPS, False), []
        for revision, resource, now in self.events():
            there[resource] = now
            granted = there["rolebindings"] or there["clusterrolebindings"]
            if granted and not (there["validatingadmissionpolicies"] and there["validatingadmissionpolicybindings"]):
                found.append(revision)
        return found


def test_after_an_interrupted_installation_an_uninstall_takes_the_rights_before_their_guard(
    plane: ControlPlane, kubectl: Kubectl
) -> None:
    history = History(kubectl)
    interrupted(plane, kubectl)

    helm("uninstall", *_RELEASE, env={"KUBECONFIG": str(plane.kubeconfig)})
    assert len(history.events()) >= 8
    assert history.unguarded() == []
    assert left_of_the_hook(kubectl) == set()
    assert left_of_the_release(kubectl) == []


def test_after_an_interrupted_installation_an_upgrade_takes_the_rights_before_it_renews_their_guard(
    plane: ControlPlane, kubectl: Kubectl
) -> None:
    history = History(kubectl)
    interrupted(plane, kubectl)

    upgrading = Installing(plane, "upgrade", "--install")
    upgrading.run()
    upgrading.succeed()
    code, said = upgrading.ended()
    assert code == 0, said
    assert len(history.events()) >= 12
    assert history.unguarded() == []
    assert left_of_the_hook(kubectl) == HELD

    helm("uninstall", *_RELEASE, env={"KUBECONFIG": str(plane.kubeconfig)})
    assert left_of_the_release(kubectl) == []


def interrupted(plane: ControlPlane, kubectl: Kubectl) -> None:
    """Helm cleans up nothing then: the hook goes on, with its rights and their guard."""
    installing = Installing(plane)
    installing.interrupt()
    code, said = installing.ended()
    assert code != 0, said
    assert left_of_the_hook(kubectl) == HELD | RIGHTS


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
