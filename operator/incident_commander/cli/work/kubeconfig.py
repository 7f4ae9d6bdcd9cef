"""The namespace that kubectl would use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def current_namespace(kubeconfig: str | None, context: str | None) -> str:
    """Of the context of the kubeconfig, else of the pod, else ``default``.

    Reads the first file that names the context, as kubectl merges ``$KUBECONFIG``. A file that cannot be read
    is left to the connection to complain about.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    files = [content for path in paths.split(os.pathsep) if path for content in _load(Path(path))]
    wanted = context or next((f["current-context"] for f in files if f.get("current-context")), None)
    for file in files:
        for entry in file.get("contexts") or []:
            if isinstance(entry, dict) and entry.get("name") == wanted:
                return str((entry.get("context") or {}).get("namespace") or "default")
    if not files and _POD.is_file():
        return _POD.read_text(encoding="utf-8").strip() or "default"
    return "default"


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []
    return [content] if isinstance(content, dict) else []
