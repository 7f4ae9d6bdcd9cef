"""The verbs of an API server over a store, without identities: controllers use it directly, others through a view."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

from incident_commander import errors
from incident_commander.api.kinds import NAMESPACE, POD, Kind
from incident_commander.evidence.selectors import matches_fields, matches_labels, parse_fields, parse_labels
from incident_commander.ports import Object, PatchType, Propagation
from incident_commander.rehearsal.clock import VirtualClock
from incident_commander.rehearsal.kindrules import (
    content,
    counts_generation,
    default_propagation,
    has_status,
    qos_class,
)
from incident_commander.rehearsal.objects import copy_json, dig, kube_time, labels_of
from incident_commander.rehearsal.patching import apply_patch
from incident_commander.rehearsal.store import Store
from incident_commander.rehearsal.validation import validate
from incident_commander.rehearsal.writing import check_identity, orphan, resized, tidy

Admission = Callable[[Object, Object | None], None]
"""Looks at the new and the old object just before it is stored; raises to refuse."""

_SERVER_OWNED = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Characters of generated names (apimachinery ``rand.SafeEncodeString``)."""


class ApiServer:
    """Objects with the semantics of kube-apiserver. Answers are copies; what ``peek`` and ``scan`` give is not."""

    def __init__(self, clock: VirtualClock, rng: random.Random) -> None:
        self.clock = clock
        self.store = Store()
        self._rng = rng

    def offers(self, kind: Kind, subresource: str | None) -> bool:
        """Whether the resource, and the subresource, is served."""
        if subresource is None:
            return True
        return (subresource == "status" and has_status(kind)) or (kind == POD and subresource in ("resize", "eviction"))

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """A copy of one object. Raises ``NotFound``."""
        copied: Object = copy_json(self._find(kind, namespace, name))
        return copied

    def list(self, kind: Kind, namespace: str | None, labels: str | None, fields: str | None) -> list[Object]:
        """Copies of all that match."""
        wanted_labels = parse_labels(labels) if labels else []
        wanted_fields = parse_fields(kind, fields) if fields else []
        return [
            copy_json(obj)
            for obj in self.store.scan(kind, namespace)
            if matches_labels(obj, wanted_labels) and matches_fields(obj, wanted_fields)
        ]

    def create(
        self, kind: Kind, namespace: str | None, body: Object, *, dry_run: bool = False, admit: Admission | None = None
    ) -> Object:
        """Store a new object. Raises ``AlreadyExists``, ``NotFound`` (namespace), ``Invalid`` or ``Forbidden``."""
        obj: Object = copy_json(body)
        meta = obj.setdefault("metadata", {})
        self._place(kind, namespace, obj)
        self._name(kind, meta)
        if has_status(kind):
            obj.pop("status", None)
        obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
        tidy(kind, obj)
        if kind == POD:
            obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj)}
        elif kind == NAMESPACE:
            meta["labels"] = labels_of(obj) | {"kubernetes.io/metadata.name": meta["name"]}
            obj["status"] = {"phase": "Active"}
        if admit is not None:
            admit(obj, None)
        validate(kind, obj, None)
        if self.store.get(kind, namespace, meta["name"]) is not None:
            raise errors.AlreadyExists(f'{kind.resource} "{meta["name"]}" already exists')
        if dry_run:
            return obj
        copied: Object = copy_json(self.store.put(kind, obj))
        return copied

    def patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        body: Any,
        patch_type: PatchType,
        *,
        subresource: str | None = None,
        dry_run: bool = False,
        admit: Admission | None = None,
    ) -> Object:
        """Apply a patch to the newest state."""
        copied: Object = copy_json(
            self.change(
                kind,
                namespace,
                name,
                lambda old: apply_patch(old, body, patch_type),
                subresource=subresource,
                dry_run=dry_run,
                admit=admit,
            )
        )
        return copied

    def change(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        mutate: Callable[[Object], Object],
        *,
        subresource: str | None = None,
        dry_run: bool = False,
        admit: Admission | None = None,
    ) -> Object:
        """Store what ``mutate`` makes of the newest state; it must not change its argument. Answers no copy."""
        if not self.offers(kind, subresource):
            raise errors.NotFound("the server could not find the requested resource")
        old = self._find(kind, namespace, name)
        proposed = mutate(old)
        check_identity(kind, proposed, old)
        new = self._merged(kind, proposed, old, subresource)
        tidy(kind, new)
        if admit is not None:
            admit(new, old)
        validate(kind, new, old, subresource)
        if new == old:
            return old
        if counts_generation(kind) and content(kind, new) != content(kind, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
        if dry_run:
            return new
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers") and kind != POD:
            self.store.remove(kind, new)
            return new
        return self.store.put(kind, new)

    def change_status(self, kind: Kind, obj: Object, status: dict[str, Any]) -> Object:
        """For controllers: write a whole status (a no-op when it is the same)."""
        return self.change(
            kind,
            obj["metadata"].get("namespace"),
            obj["metadata"]["name"],
            lambda old: {**old, "status": status},
            subresource="status",
        )

    def delete(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete, gracefully where the kind has grace. Raises ``NotFound`` or ``Conflict``.

        Foreground is as background here: dependants are gone a moment later either way.
        """
        old = self._find(kind, namespace, name)
        meta = old["metadata"]
        for field, wanted, found in (
            ("UID", uid, meta["uid"]),
            ("ResourceVersion", resource_version, meta["resourceVersion"]),
        ):
            if wanted is not None and wanted != found:
                raise errors.Conflict(
                    f'Operation cannot be fulfilled on {kind.resource} "{name}": the {field} in the precondition '
                    f"({wanted}) does not match the {field} in record ({found}). The object might have been deleted "
                    "and then recreated"
                )
        if dry_run:
            return
        if (propagation or default_propagation(kind)) is Propagation.ORPHAN:
            orphan(self.store, old)
        grace = 0
        if kind == POD and dig(old, "spec", "nodeName") and dig(old, "status", "phase") in ("Pending", "Running"):
            grace = int(dig(old, "spec", "terminationGracePeriodSeconds") or 0)
        if not grace and not meta.get("finalizers") and kind != NAMESPACE:
            self.store.remove(kind, old)
        elif not meta.get("deletionTimestamp"):
            new: Object = copy_json(old)
            new["metadata"]["deletionTimestamp"] = kube_time(self.clock.now())
            new["metadata"]["deletionGracePeriodSeconds"] = grace
            if kind == NAMESPACE:
                new["status"] = {"phase": "Terminating"}
            elif counts_generation(kind):
                new["metadata"]["generation"] = meta.get("generation", 1) + 1
            self.store.put(kind, new)

    def finish_deletion(self, kind: Kind, obj: Object) -> None:
        """For the kubelet and the namespace controller: the grace is over."""
        found = self.store.get(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        if found is not None and found["metadata"]["uid"] == obj["metadata"]["uid"]:
            self.store.remove(kind, found)

    def suffix(self) -> str:
        """Five characters, as generated names end."""
        return "".join(self._rng.choice(_ALPHABET) for _ in range(5))

    def _find(self, kind: Kind, namespace: str | None, name: str) -> Object:
        found = self.store.get(kind, namespace if kind.namespaced else None, name)
        if found is None:
            raise errors.NotFound(f'{kind.resource} "{name}" not found')
        return found

    def _name(self, kind: Kind, meta: dict[str, Any]) -> None:
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = str(meta["generateName"])[:58] + self.suffix()
        if not meta.get("name"):
            raise errors.Invalid(f"{kind.kind} is invalid: metadata.name: Required value: name or generateName")
        if meta.get("resourceVersion"):
            raise errors.Invalid("resourceVersion should not be set on objects to be created", reason="BadRequest")
        for field in _SERVER_OWNED:
            meta.pop(field, None)
        meta["uid"] = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        meta["creationTimestamp"] = kube_time(self.clock.now())
        if counts_generation(kind):
            meta["generation"] = 1

    def _place(self, kind: Kind, namespace: str | None, obj: Object) -> None:
        meta = obj["metadata"]
        if not kind.namespaced:
            meta.pop("namespace", None)
            return
        if meta.get("namespace", namespace) != namespace:
            raise errors.Invalid(
                "the namespace of the provided object does not match the namespace sent on the request",
                status=400,
                reason="BadRequest",
            )
        meta["namespace"] = namespace
        home = self.store.get(NAMESPACE, None, namespace or "")
        if home is None:
            raise errors.NotFound(f'namespaces "{namespace}" not found')
        if home["metadata"].get("deletionTimestamp"):
            raise errors.Forbidden(
                f'{kind.resource} "{meta.get("name", "")}" is forbidden: unable to create new content in namespace '
                f"{namespace} because it is being terminated"
            )

    def _merged(self, kind: Kind, proposed: Object, old: Object, subresource: str | None) -> Object:
        """The state to store: what this (sub)resource may write from ``proposed``, all else from ``old``."""
        if subresource == "status":
            new: Object = copy_json(old)
            if "status" in proposed:
                new["status"] = copy_json(proposed["status"])
            else:
                new.pop("status", None)
            return new
        new = copy_json(proposed)
        if subresource == "resize":
            new = resized(old, new)
        if has_status(kind):
            new.pop("status", None)
            if "status" in old:
                new["status"] = copy_json(old["status"])
        for field in _SERVER_OWNED:
            new["metadata"].pop(field, None)
            if field in old["metadata"]:
                new["metadata"][field] = old["metadata"][field]
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        new["apiVersion"], new["kind"] = kind.api_version, kind.kind
        return new
