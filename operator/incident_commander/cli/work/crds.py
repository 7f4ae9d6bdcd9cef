"""crds apply and check: the CustomResourceDefinitions as this version needs them.

Helm installs the CRDs of a chart and never touches them again; without this an upgrade would meet old schemas, and the
API server would silently drop the fields that it does not know.
"""

from __future__ import annotations

from typing import Any

import yaml

from incident_commander.api.kinds import Kind
from incident_commander.cli.render.text import styled
from incident_commander.cli.work.desk import Desk
from incident_commander.errors import NotFound
from incident_commander.ports import Object, PatchType
from incident_commander.rehearsal.structural import crd_folder

CRD = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
FIELD_MANAGER = "incident-commander-crds"


def wanted() -> list[Object]:
    """The CRDs that this version ships with, by file name."""
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(crd_folder().glob("*.yaml"))]


async def apply(desk: Desk) -> None:
    """Create what is missing, and change what differs. Resources of these kinds are kept."""
    for crd in wanted():
        name = crd["metadata"]["name"]
        stored = await _find(desk, name)
        if stored is None:
            desk.trying(f"create CRD {name}")
            await desk.cluster.create(CRD, None, crd, field_manager=FIELD_MANAGER)
            said = "created"
        elif differences(crd, stored):
            desk.trying(f"update CRD {name}")
            await desk.cluster.patch(
                CRD, None, name, {"spec": crd["spec"]}, patch_type=PatchType.MERGE, field_manager=FIELD_MANAGER
            )
            said = "updated"
        else:
            said = "up to date"
        desk.out.print(styled(f"{name:44} {said}"))


async def check(desk: Desk) -> None:
    """Raises CommandError (exit code 1) that names what differs, and how to mend it."""
    wrong = []
    for crd in wanted():
        name = crd["metadata"]["name"]
        stored = await _find(desk, name)
        if stored is None:
            wrong.append(f"{name} is missing")
        elif found := differences(crd, stored):
            wrong.append(f"{name} is of another version: {found}")
        else:
            desk.out.print(styled(f"{name:44} up to date"))
    if wrong:
        desk.trying("go on with the CRDs of this cluster")
        raise desk.no(
            "\n".join(wrong),
            "install those of this version, which keeps all Incidents: incident-commander crds apply, or\n"
            "helm show crds CHART | kubectl apply --server-side --force-conflicts -f -",
        )


def differences(crd: Object, stored: Object) -> str:
    """Where the stored CRD does not say what ours says: the first path, or the empty text.

    Lists must be equal, schemas too: a field that was taken out must be gone. What the API server adds beside
    ``spec.versions`` (conversion, names in short form) is its own.
    """
    return _first_difference(crd["spec"], stored.get("spec") or {}, "spec", exact=False)


def _first_difference(ours: Any, theirs: Any, path: str, *, exact: bool) -> str:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key not in theirs:
                return f"{path}.{key} is missing"
            if found := _first_difference(value, theirs[key], f"{path}.{key}", exact=exact or key == "schema"):
                return found
        extra = sorted(theirs.keys() - ours.keys()) if exact else []
        return f"{path}.{extra[0]} is not ours" if extra else ""
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            if found := _first_difference(mine, other, f"{path}[{index}]", exact=exact):
                return found
        return ""
    return "" if ours == theirs else path


async def _find(desk: Desk, name: str) -> Object | None:
    desk.trying(f"read CRD {name}")
    try:
        return await desk.cluster.get(CRD, None, name)
    except NotFound:
        return None
