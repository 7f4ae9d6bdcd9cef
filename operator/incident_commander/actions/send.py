"""Carries one write to an API server: the executor's for good or as a dry-run, verification's as a dry-run only."""

from __future__ import annotations

from incident_commander.actions.write import Address, Write
from incident_commander.api.plan import Verb
from incident_commander.errors import NotFound
from incident_commander.ports import Cluster, Object, PatchType, Propagation


async def look(cluster: Cluster, at: Address) -> Object | None:
    """The object that stands there now, or None."""
    try:
        found = await cluster.get(at.kind, at.namespace, at.name)
    except NotFound:
        return None
    return {"apiVersion": at.kind.api_version, "kind": at.kind.kind, **found}


async def send(cluster: Cluster, write: Write, *, dry_run: bool, field_manager: str) -> Object:
    """Ask for the write; answers the stored object (empty for one that is deleted).

    Dependants are deleted in the background: in the foreground, a pod on a lost node would hold its Job for ever.
    Raises ``Conflict`` when a precondition does not hold any more, and other ``ClusterError``.
    """
    at = write.at
    if write.verb is Verb.PATCH:
        return await cluster.patch(
            at.kind,
            at.namespace,
            at.name,
            write.body,
            patch_type=PatchType.JSON,
            subresource=write.subresource,
            dry_run=dry_run,
            field_manager=field_manager,
        )
    if write.verb is Verb.CREATE:
        return await cluster.create(at.kind, at.namespace, write.body, dry_run=dry_run, field_manager=field_manager)
    if write.verb is Verb.EVICT:
        await cluster.evict(
            at.namespace or "", at.name, uid=write.uid, resource_version=write.resource_version, dry_run=dry_run
        )
        return {}
    await cluster.delete(
        at.kind,
        at.namespace,
        at.name,
        uid=write.uid,
        resource_version=write.resource_version,
        propagation=Propagation.BACKGROUND,
        dry_run=dry_run,
    )
    return {}
