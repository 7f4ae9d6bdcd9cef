"""Debian packages that a control plane or a cluster needs, installed without starting any service."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_POLICY = Path("/usr/sbin/policy-rc.d")


class InstallError(Exception):
    """The packages could not be installed; the message says why and what to do by hand."""


def missing(packages: Sequence[str]) -> list[str]:
    """The packages of the list that are not installed, in its order."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *packages]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in answer.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


def install(packages: Sequence[str], progress: Callable[[str], None] = print) -> None:
    """Install what is missing, starting none of the services that come along.

    Raises InstallError when this is no Debian, we are not root, or apt-get fails.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-query") is None:
        raise InstallError(f"no apt-get here: install {', '.join(packages)} by your system's means")
    wanted = missing(packages)
    if not wanted:
        return
    if os.geteuid() != 0:
        raise InstallError(f"not root: run `apt-get install {' '.join(wanted)}` first")
    progress(f"installing Debian packages: {' '.join(wanted)}")
    with _no_services_started():
        command = ["apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *wanted]
        done = _apt(command)
        if done.returncode:
            progress("refreshing the package lists")
            _apt(["apt-get", "update", "-o", "DPkg::Lock::Timeout=300"])
            done = _apt(command)
        _keep_from_starting_at_boot(wanted)
    if done.returncode:
        raise InstallError(f"apt-get could not install {' '.join(wanted)}:\n{done.stdout[-2000:]}")


def _apt(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _keep_from_starting_at_boot(packages: Sequence[str]) -> None:
    """Disable the units that the packages brought: we start their programs ourselves, when we need them."""
    if shutil.which("systemctl"):
        listed = subprocess.run(["dpkg-query", "--listfiles", *packages], capture_output=True, text=True, check=False)
        files = [Path(line) for line in listed.stdout.splitlines() if "/systemd/system/" in line]
        units = [
            file.name for file in files if file.suffix in (".service", ".socket", ".timer") and "@" not in file.name
        ]
        if units:
            subprocess.run(["systemctl", "disable", "--quiet", *units], capture_output=True, check=False)


@contextlib.contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian asks this program whether a package may start its service; ours says no, and goes when we are done."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
