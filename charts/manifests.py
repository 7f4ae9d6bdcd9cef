"""`python -m charts.manifests`: write deploy/, the chart's identities and admission policies as plain YAML.

The chart is the source: RBAC and admission policies are edited in charts/incident-commander/templates/, never here.
deploy/ is for those who install without Helm, and for tests that need no Helm; a test fails when the two differ.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from charts.helm import ROOT, HelmError, template

DEPLOY = ROOT / "deploy"
FOLDERS = ("admission", "rbac")
_SOURCE = re.compile(r"^---\n# Source: incident-commander/templates/(.+)\n", re.MULTILINE)
# What only Helm can say of an object.
_HELMS_OWN = re.compile(
    r"^ *(helm\.sh/chart|app\.kubernetes\.io/(name|instance|version|managed-by)): .*\n", re.MULTILINE
)
_GENERATED = "# Made by `make manifests` of charts/incident-commander/templates/{}: edit that one.\n"
_KUSTOMIZATION = """\
# Made by `make manifests`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - namespace.yaml
"""


def wanted() -> dict[str, str]:
    """Text of each file by its path below deploy/. Raises HelmError."""
    files: dict[str, list[str]] = {}
    parts = _SOURCE.split(template())
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        if name.split("/")[0] in FOLDERS:
            files.setdefault(name, []).append(_HELMS_OWN.sub("", text).strip() + "\n")
    found = {name: _GENERATED.format(name) + "---\n".join(texts) for name, texts in sorted(files.items())}
    listed = "".join(f"  - {name}\n" for name in found)
    return {**found, "kustomization.yaml": _KUSTOMIZATION + listed}


def stored() -> dict[str, str]:
    """What is in deploy/ of that."""
    files = [DEPLOY / "kustomization.yaml", *(f for folder in FOLDERS for f in (DEPLOY / folder).rglob("*.yaml"))]
    return {str(file.relative_to(DEPLOY)): file.read_text() for file in files if file.exists()}


def write() -> None:
    """Make deploy/ say what the chart says, and say which files that changed."""
    now, before = wanted(), stored()
    for name in before.keys() - now.keys():
        (DEPLOY / name).unlink()
        print(f"deploy/{name}: removed")
    for name, text in now.items():
        if before.get(name) != text:
            path: Path = DEPLOY / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"deploy/{name}: written")


if __name__ == "__main__":
    try:
        write()
    except HelmError as error:
        sys.exit(f"manifests: {error}")
