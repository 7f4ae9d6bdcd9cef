"""Kubeconfig files that need nothing beside them: certificates, keys and tokens are inside."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.controlplane.pki import KeyPair


def write(path: Path, server: str, authority: Path, user: KeyPair | str, namespace: str = "default") -> Path:
    """Write a kubeconfig (JSON, which is YAML too) for a client certificate or a bearer token, for its owner only."""
    credentials = (
        {"token": user}
        if isinstance(user, str)
        else {"client-certificate-data": _base64(user.certificate), "client-key-data": _base64(user.key)}
    )
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "default",
        "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default", "namespace": namespace}}],
        "clusters": [{"name": "default", "cluster": cluster}],
        "users": [{"name": "default", "user": credentials}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1) + "\n")
    return path


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
