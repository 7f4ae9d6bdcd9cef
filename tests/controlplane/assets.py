"""Where the programs of a control plane are, or how to get them once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane import debian

_BINARIES = Path(__file__).resolve().parents[2] / "e2e" / "cluster" / "binaries"
_SETUP_ENVTEST_SECONDS = 300
_GET_THEM = "`python -m tests.controlplane assets` gets what is missing"


@dataclass(frozen=True)
class Assets:
    """The programs, and where they came from. Without a controller-manager nothing makes Pods of Deployments."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path | None
    kubectl: Path | None
    source: str

    def __str__(self) -> str:
        without = "" if self.kube_controller_manager else ", without a kube-controller-manager"
        return f"{self.source}: {self.kube_apiserver.parent} (etcd: {self.etcd}){without}"


@dataclass(frozen=True)
class Unavailable:
    """There is no control plane to be had here, and why."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def find() -> Assets | Unavailable:
    """What is there already, in the order KUBEBUILDER_ASSETS, the cache; nothing is built, downloaded or installed."""
    if folder := os.environ.get("KUBEBUILDER_ASSETS"):
        return _of_envtest(Path(folder), "KUBEBUILDER_ASSETS")
    return _of_cache(_cache())


def find_or_build(progress: Callable[[str], None] = print) -> Assets | Unavailable:
    """What is there already; else what setup-envtest gets; else what we build (minutes, once), telling `progress`."""
    found = find()
    if isinstance(found, Assets) or os.environ.get("KUBEBUILDER_ASSETS"):
        return found
    if not _has_programs(_cache()):
        downloaded = _of_setup_envtest(progress)
        if isinstance(downloaded, Assets):
            return downloaded
        progress(downloaded.reason)
        if trouble := _build(progress):
            return Unavailable(trouble)
    if shutil.which("etcd") is None:
        try:
            debian.install(["etcd-server"], progress)
        except debian.InstallError as error:
            return Unavailable(f"etcd is missing, and could not be installed: {error}")
    return find()


def _of_envtest(folder: Path, source: str) -> Assets | Unavailable:
    """The layout of envtest: everything in one folder, mostly without a controller-manager."""
    absent = [name for name in ("etcd", "kube-apiserver") if _program(folder, name) is None]
    if absent:
        return Unavailable(f"{source} is {folder}, which has no {' and no '.join(absent)}")
    controller_manager = _program(folder, "kube-controller-manager")
    return Assets(folder / "etcd", folder / "kube-apiserver", controller_manager, _kubectl(folder), source)


def _of_cache(folder: Path) -> Assets | Unavailable:
    if not _has_programs(folder):
        return Unavailable(f"kube-apiserver and kube-controller-manager are not built yet: {_GET_THEM}")
    etcd = shutil.which("etcd")
    if etcd is None:
        return Unavailable(f"there is no etcd on PATH: {_GET_THEM}")
    apiserver, controller_manager = folder / "kube-apiserver", folder / "kube-controller-manager"
    return Assets(Path(etcd), apiserver, controller_manager, _kubectl(folder), "built from Go modules")


def _of_setup_envtest(progress: Callable[[str], None]) -> Assets | Unavailable:
    if shutil.which("setup-envtest") is None:
        return Unavailable("no setup-envtest on PATH: building from Go modules")
    progress("asking setup-envtest for an API server")
    try:
        answer = subprocess.run(
            ["setup-envtest", "use", "-p", "path"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_SETUP_ENVTEST_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        return Unavailable(
            f"setup-envtest found none ({(error.stderr or '').strip()[-300:]}): building from Go modules"
        )
    except subprocess.TimeoutExpired:
        return Unavailable(f"setup-envtest did not answer within {_SETUP_ENVTEST_SECONDS} s: building from Go modules")
    return _of_envtest(Path(answer.stdout.strip()), "setup-envtest")


def _build(progress: Callable[[str], None]) -> str:
    """Build into the cache; the answer is what went wrong, or nothing."""
    command = [sys.executable, str(_BINARIES), "kubernetes", "--only", "kube-apiserver,kube-controller-manager"]
    said: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as build:
        assert build.stderr is not None
        for line in build.stderr:
            said.append(line.rstrip())
            progress(line.rstrip())
    return "\n".join(said[-20:]) if build.returncode else ""


def _cache() -> Path:
    command = [sys.executable, str(_BINARIES), "kubernetes", "--where"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def _has_programs(folder: Path) -> bool:
    return all(_program(folder, name) for name in ("kube-apiserver", "kube-controller-manager"))


def _kubectl(folder: Path) -> Path | None:
    on_path = shutil.which("kubectl")
    return _program(folder, "kubectl") or (Path(on_path) if on_path else None)


def _program(folder: Path, name: str) -> Path | None:
    return folder / name if os.access(folder / name, os.X_OK) else None
