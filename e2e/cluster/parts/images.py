"""Container images without a registry: made of this machine's files, and loaded into the node's containerd."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.parts.layout import CONTAINERD_SOCKET, ClusterError, cache_folder, module_bin, run
from e2e.cluster.parts.progress import step, watch
from tests.controlplane import debian

BUSYBOX, PYTHON = "docker.io/local/busybox:1", "docker.io/local/python:3.11"
# Made here under the name that it has everywhere, so that what is written for any cluster runs on this one.
PAUSE = "registry.k8s.io/pause:3.10"
COREDNS, KUBE_STATE_METRICS = "docker.io/local/coredns:1", "docker.io/local/kube-state-metrics:2"
METRICS_SERVER = "docker.io/local/metrics-server:1"
# What the project's own Dockerfile starts from; where there is no registry, a Debian made here gets this name.
PYTHON_BASE = "docker.io/library/python:3.11-slim-bookworm"

_PAUSE_C = Path(__file__).with_name("pause.c")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PIP_CONFIGURATION = Path("/etc/pip.conf")
_SUITE = "bookworm"
_PYTHON_PACKAGES = "python3,python3-venv,ca-certificates"
_DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Contents:
    """What is in a one-layer image: files by their path in it, links by their path in it, and what runs."""

    entrypoint: Sequence[str]
    files: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ()
    user: str = ""
    command: Sequence[str] = ()


def ensure(name: str) -> None:
    """Make and load one of the cluster's own images unless the node has it."""
    if name not in loaded():
        with step(f"image {name}"), tempfile.TemporaryDirectory() as scratch:
            if name == PYTHON:
                load(_python_archive())
                return
            archive = Path(scratch) / "image.tar"
            pack(archive, name, _contents(name, Path(scratch)))
            load(archive)


def loaded() -> set[str]:
    """The names of the images that the node has."""
    return set(_ctr("images", "list", "--quiet").split())


def load(archive: Path) -> None:
    """Load an archive as `docker save` or `buildah push` write it, under the names that it carries."""
    _ctr("images", "import", str(archive))


def build(context: Path, dockerfile: Path | None, name: str, arguments: Sequence[str] = ()) -> None:
    """Build a Dockerfile with buildah, from base images of this machine only. ``arguments``: ``NAME=VALUE``."""
    with step("Debian packages for building images"):
        debian.install(["buildah"])
    recipe = dockerfile or context / "Dockerfile"
    if PYTHON_BASE in recipe.read_text() and not _in_buildah(PYTHON_BASE):
        archive = _python_archive()
        with step(f"base image {PYTHON_BASE}"):
            watch(["buildah", "pull", "--quiet", f"docker-archive:{archive}:{PYTHON_BASE}"])
    with step(f"building {name}"):
        command = [
            "buildah",
            "build",
            "--isolation=chroot",
            "--network=host",
            "--pull-never",
            "--layers",
            f"--tag={name}",
        ]
        command += [f"--build-arg={argument}" for argument in arguments]
        # What this machine's own package index may need.
        for path in (_CERTIFICATES.parent, _PIP_CONFIGURATION):
            if path.exists():
                command += ["--volume", f"{path}:{path}:ro"]
        if subprocess.run([*command, f"--file={recipe}", str(context)], check=False, stdout=2).returncode:
            raise ClusterError(f"{name} was not built; buildah's own words are above")


def load_from_buildah(name: str) -> None:
    """Load an image that buildah (or podman) has on this machine. Raises ClusterError when it has none of that name."""
    with step(f"loading {name}"), tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "image.tar"
        watch(["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"])
        load(archive)


def pack(archive: Path, name: str, contents: Contents) -> None:
    """Write an image with one layer as `docker save` would. The same contents give the same image."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in contents.folders:
            _add(tar, folder, kind=tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        for path, source in contents.files.items():
            _add(tar, path, source=source, mode=0o755 if source.stat().st_mode & 0o100 else 0o644)
        for path, target in contents.links.items():
            _add(tar, path, kind=tarfile.SYMTYPE, target=target)
    _write_archive(archive, [name], layer.getvalue(), contents)


def _write_archive(archive: Path, names: Sequence[str], layer: bytes, contents: Contents) -> None:
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": list(contents.entrypoint),
            "Cmd": list(contents.command),
            "User": contents.user,
            "Env": [_DEFAULT_PATH],
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "incident-commander e2e/cluster"}],
    }
    config_text = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(config_text).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": list(names), "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        members = {
            config_name: config_text,
            f"{digest}/layer.tar": layer,
            "manifest.json": json.dumps(manifest).encode(),
        }
        for path, data in members.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _add(
    tar: tarfile.TarFile,
    path: str,
    *,
    source: Path | None = None,
    kind: bytes = tarfile.REGTYPE,
    mode: int = 0o777,
    target: str = "",
) -> None:
    member = tarfile.TarInfo(path)
    member.type, member.mode, member.linkname = kind, mode, target
    data = source.read_bytes() if source else b""
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _contents(name: str, scratch: Path) -> Contents:
    if name == PAUSE:
        program = scratch / "pause"
        run(["cc", "-Os", "-static", "-o", str(program), str(_PAUSE_C)])
        return Contents(["/pause"], {"pause": program})
    if name == BUSYBOX:
        busybox = Path("/usr/bin/busybox") if Path("/usr/bin/busybox").exists() else Path("/bin/busybox")
        applets = run([str(busybox), "--list"]).split()
        links = {f"bin/{applet}": "busybox" for applet in applets if applet != "busybox"}
        return Contents(
            [], {"bin/busybox": busybox}, links, ["bin", "tmp", "etc", "root", "home", "var"], command=["sh"]
        )
    module = {COREDNS: "coredns", KUBE_STATE_METRICS: "kube-state-metrics", METRICS_SERVER: "metrics-server"}[name]
    return Contents([f"/{module}"], {module: module_bin(module) / module}, folders=["tmp"], user="65532:65532")


def _python_archive() -> Path:
    """A minimal Debian with Python 3.11, under both names; made once (≈ 1 min) and kept in the cache."""
    archive = cache_folder() / "images" / "python-3.11.tar"
    if archive.exists():
        return archive
    with step("Debian packages for the Python image"):
        debian.install(["debootstrap"])
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch, step("a minimal Debian with Python (≈ 1 min)"):
        root = Path(scratch) / "root"
        watch(["debootstrap", "--variant=minbase", f"--include={_PYTHON_PACKAGES}", _SUITE, str(root)])
        for rubbish in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
            shutil.rmtree(root / rubbish, ignore_errors=True)
        (root / "usr/bin/python").symlink_to("python3")
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(root, arcname=".")
        unfinished = Path(scratch) / "image.tar"
        _write_archive(unfinished, [PYTHON, PYTHON_BASE], layer.getvalue(), Contents([], command=["python3"]))
        unfinished.replace(archive)
    return archive


def _in_buildah(name: str) -> bool:
    command = ["buildah", "inspect", "--type=image", name]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _ctr(*arguments: str) -> str:
    return run(["ctr", "--address", str(CONTAINERD_SOCKET), "--namespace", "k8s.io", *arguments])
