"""Who belongs to whom among many objects: the relations of ``owners``, indexed once for all lookups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.evidence import fields
from incident_commander.evidence.evidence import reference
from incident_commander.evidence.owners import MAX_CLIMB, Objects, claims_of, controller, owns, selects
from incident_commander.ports import Object


class Topology:
    """Lookups over objects (by ``Kind.resource``) that do not change."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def find(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """One object by name."""
        return self._by_name.get((kind.resource, (namespace or "") if kind.namespaced else "", name))

    def owner(self, obj: Object) -> Object | None:
        """The controller, or None. A ReplicaSet that was not read is stepped over to its Deployment."""
        ref = controller(obj)
        kind = kinds.kind_of(ref.api_version, ref.kind) if ref is not None else None
        if ref is None or kind is None:
            return None
        found = self.find(kind, fields.namespace(obj), ref.name)
        if found is not None:
            return found if owns(found, obj) else None
        hashed = fields.text(obj, "metadata", "labels", "pod-template-hash")
        if kind != kinds.REPLICA_SET or not hashed or not ref.name.endswith(f"-{hashed}"):
            return None
        return self.find(kinds.DEPLOYMENT, fields.namespace(obj), ref.name.removesuffix(f"-{hashed}"))

    def chain(self, obj: Object) -> list[Object]:
        """The object, its controller, the controller of that, ... as far as they are known."""
        found = [obj]
        while len(found) <= MAX_CLIMB and (above := self.owner(found[-1])) is not None:
            found.append(above)
        return found

    def top(self, obj: Object) -> Object:
        """The end of the chain."""
        return self.chain(obj)[-1]

    def under(self, top: Object, kind: Kind) -> list[Object]:
        """The objects of a kind whose chain ends in ``top``."""
        return self._under.get((kind.resource, reference(top)), [])

    def pods_of(self, obj: Object) -> list[Object]:
        """The pods that an object stands for; see ``owners.pods_of``."""
        kind, place = fields.text(obj, "kind"), fields.namespace(obj)
        if kind == "Pod":
            return [found] if (found := self.find(kinds.POD, place, fields.name(obj))) is not None else []
        if kind == "Service":
            return self.selected(place, fields.strings(obj, "spec", "selector"))
        if kind == "Node":
            return self._by_node.get(fields.name(obj), [])
        if kind == "PersistentVolumeClaim":
            return self._by_claim.get((place, fields.name(obj)), [])
        if kind == "HorizontalPodAutoscaler":
            target = self.scale_target(obj)
            return self.pods_of(target) if target is not None else []
        above = reference(obj)
        pods = self.under(self.top(obj), kinds.POD)
        return [p for p in pods if any(reference(o) == above for o in self.chain(p)[1:])]

    def selected(self, namespace: str, selector: Mapping[str, str]) -> list[Object]:
        """The pods of a namespace with these labels; an empty selector matches nothing."""
        candidates = self._by_label.get((namespace, *next(iter(selector.items()))), []) if selector else []
        return [p for p in candidates if selects(selector, fields.strings(p, "metadata", "labels"))]

    def scale_target(self, hpa: Object) -> Object | None:
        """What an HPA scales."""
        ref = fields.mapping(hpa, "spec", "scaleTargetRef")
        kind = kinds.kind_of(fields.text(ref, "apiVersion") or "apps/v1", fields.text(ref, "kind"))
        return self.find(kind, fields.namespace(hpa), fields.text(ref, "name")) if kind is not None else None

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, str], Object]:
        return {
            (resource, fields.namespace(obj), fields.name(obj)): obj
            for resource, found in self._objects.items()
            for obj in found
        }

    @cached_property
    def _under(self) -> dict[tuple[str, str], list[Object]]:
        found: dict[tuple[str, str], list[Object]] = {}
        for kind in (kinds.POD, kinds.REPLICA_SET, kinds.CONTROLLER_REVISION, kinds.JOB):
            for obj in self._objects.get(kind.resource, ()):
                found.setdefault((kind.resource, reference(self.top(obj))), []).append(obj)
        return found

    @cached_property
    def _by_label(self) -> dict[tuple[str, str, str], list[Object]]:
        found: dict[tuple[str, str, str], list[Object]] = {}
        for pod in self._pods:
            for key, value in fields.strings(pod, "metadata", "labels").items():
                found.setdefault((fields.namespace(pod), key, value), []).append(pod)
        return found

    @cached_property
    def _by_node(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for pod in self._pods:
            found.setdefault(fields.text(pod, "spec", "nodeName"), []).append(pod)
        return found

    @cached_property
    def _by_claim(self) -> dict[tuple[str, str], list[Object]]:
        found: dict[tuple[str, str], list[Object]] = {}
        for pod in self._pods:
            for claim in dict.fromkeys(claims_of(pod)):
                found.setdefault((fields.namespace(pod), claim), []).append(pod)
        return found

    @property
    def _pods(self) -> list[Object]:
        return list(self._objects.get(kinds.POD.resource, ()))
