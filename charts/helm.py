"""Running Helm: the one of $HELM, the one that e2e/cluster/binaries has built, or the one on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "incident-commander"
NAMESPACE = "incident-commander"
_BINARIES = ROOT / "e2e" / "cluster" / "binaries"


class HelmError(Exception):
    """Helm is not there, or refused; the message is its own."""


@cache
def program() -> Path:
    """Raises HelmError that says how to get it."""
    if named := os.environ.get("HELM"):
        return Path(named)
    asked = subprocess.run(
        [sys.executable, str(_BINARIES), "helm", "--where"], capture_output=True, text=True, check=True
    )
    built = Path(asked.stdout.strip()) / "helm"
    if os.access(built, os.X_OK):
        return built
    if found := shutil.which("helm"):
        return Path(found)
    raise HelmError("there is no helm: `e2e/cluster/binaries helm` builds it (minutes, once), or set HELM")


def helm(*arguments: str, env: Mapping[str, str] | None = None, seconds: float = 120) -> str:
    """Standard output. Raises HelmError with what Helm said."""
    ran = subprocess.run(
        [str(program()), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        timeout=seconds,
    )
    if ran.returncode:
        raise HelmError(f"helm {' '.join(arguments[:3])}: {ran.stderr.strip() or ran.stdout.strip()}")
    return ran.stdout


def template(*arguments: str, values: Sequence[Path] = (), chart: Path = CHART, namespace: str = NAMESPACE) -> str:
    """The manifests that an installation would get, the hooks' included."""
    files = [part for file in values for part in ("--values", str(file))]
    return helm("template", "incident-commander", str(chart), "--namespace", namespace, *files, *arguments)
