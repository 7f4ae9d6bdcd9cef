"""Install the product as its manifests say: CRDs, RBAC, admission, runbooks; and six Agents with fresh keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from e2e.harness.api import INCIDENTS, Api, Json, path_of
from e2e.harness.cluster import MARK
from e2e.harness.commands import run
from e2e.harness.manifests import ROOT, in_order, read_folder
from e2e.harness.waiting import NotYet, Teller, wait_for
from incident_commander.api.names import API_VERSION, ROLES
from incident_commander.consensus.keys import SigningKey

_KEY_VALIDITY = timedelta(hours=6)


@dataclass(frozen=True)
class Installation:
    """Where the agents' private keys are, by role."""

    keys: dict[str, Path]


async def install(api: Api, folder: Path, say: Teller) -> Installation:
    """Apply everything; safe to repeat. Private keys are written below ``folder``."""
    crds = read_folder(ROOT / "crds")
    await api.apply(crds)
    for crd in crds:
        await _established(api, crd["metadata"]["name"], say)
    await api.apply(await _deployment())
    await api.apply(read_folder(ROOT / "runbooks"))
    keys = {role: SigningKey.generate() for role in ROLES}
    await _forget_quarantines(api)
    await api.apply([_agent(role, key) for role, key in keys.items()])
    return Installation({role: _store(folder, role, key) for role, key in keys.items()})


async def uninstall(api: Api, say: Teller) -> None:
    """Remove what ``install`` made, CRDs last: they take the Incidents with them."""
    say("removing the installation")
    documents = [*await _deployment(), *read_folder(ROOT / "runbooks"), *read_folder(ROOT / "crds")]
    for document in documents:
        await api.delete(path_of(document))


async def _deployment() -> list[Json]:
    """What deploy/kustomization.yaml lists; the namespace keeps the suite's mark."""
    text = (await run("kubectl", "kustomize", str(ROOT / "deploy"))).out
    documents = in_order([document for document in yaml.safe_load_all(text) if document])
    for document in documents:
        if document["kind"] == "Namespace":
            document["metadata"].setdefault("labels", {}).update(MARK)
    return documents


async def _established(api: Api, name: str, say: Teller) -> None:
    async def ask() -> None:
        crd = await api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
        conditions = {c["type"]: c for c in crd.get("status", {}).get("conditions") or []}
        if conditions.get("Established", {}).get("status") != "True":
            raise NotYet(conditions.get("NamesAccepted", {}).get("message", "not established"))

    await wait_for(f"CRD {name}", ask, seconds=30, say=say, every=0.3)


async def _forget_quarantines(api: Api) -> None:
    """Agents of an earlier run go, with what was held against their keys."""
    for role in ROLES:
        await api.delete(f"{INCIDENTS}/agents/{role}")


def _agent(role: str, key: SigningKey) -> Json:
    now = datetime.now(UTC)
    public = key.public_key(now - timedelta(minutes=1), now + _KEY_VALIDITY)
    return {
        "apiVersion": API_VERSION,
        "kind": "Agent",
        "metadata": {"name": role},
        "spec": {"role": role, "serviceAccount": f"agent-{role}", "publicKeys": [public.to_json()]},
    }


def _store(folder: Path, role: str, key: SigningKey) -> Path:
    path = folder / f"{role}.pem"
    path.touch(mode=0o600)
    path.write_bytes(key.to_pem())
    return path
