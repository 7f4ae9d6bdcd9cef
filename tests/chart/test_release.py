"""The chart on a fresh API server, by Helm itself and by kubectl: what is left at the end, and what needs no Helm."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
import yaml

from charts.helm import CHART, NAMESPACE, helm, template
from tests.controlplane import Assets, ControlPlane

pytestmark = pytest.mark.apiserver
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


def stays(annotations: dict[str, str]) -> bool:
    """Of the hook before an installation, and not deleted when it has succeeded."""
    before = "pre-install" in annotations.get("helm.sh/hook", "")
    return before and "hook-succeeded" not in annotations.get("helm.sh/hook-delete-policy", "")


def test_uninstalling_leaves_nothing_of_the_release(plane: ControlPlane, kubectl: Kubectl) -> None:
    env = {"KUBECONFIG": str(plane.kubeconfig)}
    # No Job runs here: what its hook leaves behind when it has succeeded is what Helm does not delete then.
    helm("install", *_RELEASE, str(CHART), "--create-namespace", "--no-hooks", env=env)
    manifests = [m for m in yaml.safe_load_all(template()) if m]
    stay = [m for m in manifests if stays(m["metadata"].get("annotations", {}))]
    assert stay
    kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(stay))

    helm("uninstall", *_RELEASE, env=env)

    kinds = [k for k in kubectl("api-resources", "--verbs=list", "-o", "name").split() if k not in _LEFT_ALONE]
    label = "--selector=app.kubernetes.io/instance=incident-commander"
    assert kubectl("get", ",".join(kinds), "--all-namespaces", label, "-o", "name").split() == []


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
