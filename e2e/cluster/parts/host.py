"""What the cluster changes on the machine itself: packages (they stay), kernel settings, an address, firewall rules."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from e2e.cluster.parts import processes
from e2e.cluster.parts.layout import (
    CONTAINERD_RUN,
    CONTAINERD_SOCKET,
    DISK,
    NODE_ADDRESS,
    POD_RANGE,
    SERVICE_RANGE,
    STATE,
    ClusterError,
    run,
)
from e2e.cluster.parts.progress import say, step
from tests.controlplane import debian

_PACKAGES = ["etcd-server", "containerd", "runc", "containernetworking-plugins", "iptables", "conntrack", "iproute2",
             "openssl", "busybox-static", "ca-certificates"]  # fmt: skip
_MONITORING_PACKAGES = ["prometheus-alertmanager"]
_SAVED_SETTINGS = STATE / "kernel-settings.json"
_OUR_SETTINGS = {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}
# kubelet and kube-proxy set these by themselves.
_THEIR_SETTINGS = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
                   "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
                   "net/ipv4/conf/all/route_localnet"]  # fmt: skip
_OUR_RULE = "incident-commander-stray"
_CGROUPS = Path("/sys/fs/cgroup")
_LEFTOVERS = [
    CONTAINERD_RUN,
    Path("/var/lib/cni/networks/incident-commander"),
    Path("/var/lib/cni/results"),
    Path("/var/lib/cni/cache"),
    Path("/var/lib/kubelet/device-plugins/kubelet.sock"),
]
_FOLDERS_THAT_MAY_BE_EMPTY_THEN = [
    Path("/var/lib/cni/networks"),
    Path("/var/lib/cni"),
    Path("/var/lib/kubelet/device-plugins"),
    Path("/var/lib/kubelet"),
    Path("/var/log/containers"),
    Path("/run/netns"),
]


def check() -> None:
    """Raise ClusterError where no such cluster can be: not Linux, not root, somebody else's containerd in the way."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise ClusterError("this cluster needs Linux and root; elsewhere use kind")
    if CONTAINERD_SOCKET.exists() and processes.pid_of("containerd") is None and not STATE.exists():
        raise ClusterError(f"{CONTAINERD_SOCKET} belongs to another containerd (Docker's?): use kind on this machine")


def prepare(*, monitoring: bool, disk: str) -> None:
    """Packages, our folder (with `disk`, like "3G", a file system of that size), kernel settings, the node's address.

    Safe to repeat; the disk of a cluster that is there already stays as it is.
    """
    packages = _PACKAGES + (_MONITORING_PACKAGES if monitoring else [])
    if shutil.which("cc") is None:
        packages += ["gcc", "libc6-dev"]
    with step("Debian packages"):
        try:
            debian.install(packages, say)
        except debian.InstallError as error:
            raise ClusterError(str(error)) from error
    if disk and not STATE.exists():
        _mount_disk(disk)
    STATE.mkdir(parents=True, exist_ok=True)
    _save_settings()
    for name, value in _OUR_SETTINGS.items():
        if _setting(name).exists():
            _setting(name).write_text(value)
    if NODE_ADDRESS not in run(["ip", "-brief", "address", "show", "dev", "lo"]):
        run(["ip", "address", "add", f"{NODE_ADDRESS}/32", "dev", "lo"])
    _keep_cluster_traffic_here()


def _mount_disk(size: str) -> None:
    with step(f"a file system of {size} for the cluster"):
        run(["truncate", f"--size={size}", str(DISK)])
        run(["mkfs.ext4", "-q", "-m", "0", str(DISK)])
        STATE.mkdir(parents=True)
        run(["mount", "-o", "loop", str(DISK), str(STATE)])


def restore() -> None:
    """Undo everything, and remove our folder. Processes must be ended before; goes on where a thing is gone already."""
    _restore_settings()
    unmount_below([STATE, CONTAINERD_RUN])
    for namespace in Path("/run/netns").glob("cni-*"):
        subprocess.run(["umount", "--lazy", str(namespace)], check=False, capture_output=True)
        namespace.unlink(missing_ok=True)
    # The kernel keeps a Pod's network for a while after its last process; its end of the cable need not wait for that.
    for cable in Path("/sys/class/net/cni0/brif").glob("*"):
        subprocess.run(["ip", "link", "delete", cable.name], check=False, capture_output=True)
    for arguments in (
        ["link", "delete", "cni0"],
        ["route", "delete", "unreachable", POD_RANGE],
        ["address", "delete", f"{NODE_ADDRESS}/32", "dev", "lo"],
    ):
        subprocess.run(["ip", *arguments], check=False, capture_output=True)
    _remove_iptables_rules()
    _remove_cgroups()
    _remove_leftovers()
    shutil.rmtree(STATE)
    DISK.unlink(missing_ok=True)


def unmount_below(folders: Iterable[Path]) -> None:
    """Unmount all that is mounted at or below the folders, the deepest first."""
    points = [
        Path(line.split()[4].replace("\\040", " ")) for line in Path("/proc/self/mountinfo").read_text().splitlines()
    ]
    ours = [point for point in points if any(point.is_relative_to(folder) for folder in folders)]
    for point in sorted(ours, key=lambda path: len(path.parts), reverse=True):
        subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True)


def end_containers() -> None:
    """Kill every container of our containerd by its shim, and then the shim; containerd need not run for it."""
    for init in (CONTAINERD_RUN / "io.containerd.runtime.v2.task" / "k8s.io").glob("*/init.pid"):
        with contextlib.suppress(OSError, ValueError):
            _kill_cgroup_of(int(init.read_text()))
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            arguments = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "containerd-shim" in arguments[0] and "k8s.io" in arguments and str(CONTAINERD_SOCKET) in arguments:
                os.kill(int(process.name), signal.SIGKILL)


def _kill_cgroup_of(pid: int) -> None:
    """Kill a container's first process and all that share its place below `kubepods`."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if path.startswith("/kubepods") and controllers in ("pids", "memory", ""):
            members = (_CGROUPS / controllers / path.lstrip("/") / "cgroup.procs").read_text().split()
            for member in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(member), signal.SIGKILL)


def _setting(name: str) -> Path:
    return Path("/proc/sys") / name


def _save_settings() -> None:
    if not _SAVED_SETTINGS.exists():
        files = {name: _setting(name) for name in [*_OUR_SETTINGS, *_THEIR_SETTINGS]}
        _SAVED_SETTINGS.write_text(
            json.dumps({name: file.read_text().strip() for name, file in files.items() if file.exists()})
        )


def _restore_settings() -> None:
    if _SAVED_SETTINGS.exists():
        for name, value in json.loads(_SAVED_SETTINGS.read_text()).items():
            with contextlib.suppress(OSError):
                _setting(name).write_text(value)


def _keep_cluster_traffic_here() -> None:
    """Refuse packets for a Service or Pod that is not there (yet), which would else leave by the machine's own gateway.

    The chains see a packet after kube-proxy's translation: one that is still for a Service has not been translated. The
    node's own Pods have a narrower route than this one, by cni0.
    """
    run(["ip", "route", "replace", "unreachable", POD_RANGE])
    for chain in ("FORWARD", "OUTPUT"):
        rule = [chain, "-d", SERVICE_RANGE, "-m", "comment", "--comment", _OUR_RULE, "-j", "REJECT"]
        if subprocess.run(["iptables", "-w", "-C", *rule], check=False, capture_output=True).returncode:
            run(["iptables", "-w", "-I", *rule])


def _remove_iptables_rules() -> None:
    """Take out our rules and all of kube-proxy, kubelet and CNI; leave everybody else's."""
    ours = ("KUBE-", "CNI-", _OUR_RULE)
    for family in ("iptables", "ip6tables"):
        if shutil.which(f"{family}-save") is None:
            continue
        saved = subprocess.run([f"{family}-save"], check=False, capture_output=True, text=True).stdout
        kept = [line for line in saved.splitlines() if not any(word in line for word in ours)]
        if len(kept) != len(saved.splitlines()):
            subprocess.run(
                [f"{family}-restore"], input="\n".join(kept) + "\n", check=False, capture_output=True, text=True
            )


def _remove_cgroups() -> None:
    for root in [_CGROUPS, *_CGROUPS.glob("*")]:
        top = root / "kubepods"
        if top.is_dir():
            for folder in sorted((path for path in top.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts)):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()


def _remove_leftovers() -> None:
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and link.readlink().is_relative_to(STATE):
            link.unlink()
    for path in _LEFTOVERS:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for folder in _FOLDERS_THAT_MAY_BE_EMPTY_THEN:
        with contextlib.suppress(OSError):
            folder.rmdir()
