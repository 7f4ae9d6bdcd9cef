"""What happens to an object between a request and the store."""

from __future__ import annotations

from incident_commander import errors
from incident_commander.api.kinds import ALL, Kind
from incident_commander.api.names import GROUP
from incident_commander.ports import Object
from incident_commander.rehearsal.defaults import apply_defaults
from incident_commander.rehearsal.objects import copy_json, dig
from incident_commander.rehearsal.store import Store
from incident_commander.rehearsal.structural import prune_object, schemas

BY_RESOURCE = {kind.resource: kind for kind in ALL}


def tidy(kind: Kind, obj: Object) -> None:
    """Defaults, pruning, and no empty maps in metadata."""
    schema = schemas().get(kind.resource) if kind.group == GROUP else None
    if schema is not None:
        prune_object(obj, schema)
    apply_defaults(kind.resource, obj)
    for field in ("labels", "annotations", "finalizers", "ownerReferences"):
        if not obj["metadata"].get(field):
            obj["metadata"].pop(field, None)


def resized(old: Object, proposed: Object) -> Object:
    """The pod with the proposed resources; everything else that was proposed is ignored."""
    new: Object = copy_json(old)
    wanted = {container.get("name"): container for container in dig(proposed, "spec", "containers") or []}
    for container in new["spec"]["containers"]:
        container["resources"] = (wanted.get(container["name"]) or container).get("resources") or {}
    return new


def check_identity(kind: Kind, proposed: Object, old: Object) -> None:
    """Raises ``Conflict`` or ``Invalid`` when a write is about another object, or another version of it."""
    meta, before = proposed.get("metadata"), old["metadata"]
    if not isinstance(meta, dict):
        raise errors.Invalid("metadata must be an object", status=400, reason="BadRequest")
    if meta.get("name") != before["name"] or meta.get("namespace") != before.get("namespace"):
        raise errors.Invalid(
            f"the name of the object ({meta.get('name')}) does not match the name on the URL ({before['name']})",
            status=400,
            reason="BadRequest",
        )
    if meta.get("resourceVersion", before["resourceVersion"]) != before["resourceVersion"]:
        raise errors.Conflict(
            f'Operation cannot be fulfilled on {kind.resource} "{before["name"]}": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
    if meta.get("uid", before["uid"]) != before["uid"]:
        raise errors.Invalid(
            f'{kind.kind} "{before["name"]}" is invalid: metadata.uid: Invalid value: "{meta["uid"]}": '
            "field is immutable"
        )


def orphan(store: Store, owner: Object) -> None:
    """Take the owner out of its dependants' references, so that they stay when it goes."""
    uid = owner["metadata"]["uid"]
    for resource, obj in list(store.everything()):
        references = obj["metadata"].get("ownerReferences") or []
        kept = [reference for reference in references if reference["uid"] != uid]
        if len(kept) != len(references):
            new: Object = copy_json(obj)
            new["metadata"]["ownerReferences"] = kept
            if not kept:
                del new["metadata"]["ownerReferences"]
            store.put(BY_RESOURCE[resource], new)
