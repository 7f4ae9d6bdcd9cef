"""What an action is: a pure function from current objects to one fully spelled-out step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from incident_commander.api.plan import ActionName, Step
from incident_commander.ports import Object


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of the policy that an action keeps to (quantities as Kubernetes quantities)."""

    max_replicas: int = 20
    max_memory: str = "4Gi"
    max_cpu: str = "4"
    min_healthy_percent: int = 51
    max_volume: str = ""
    """Largest size of a volume; empty: none may grow, for it can never shrink again."""
    delete_empty_dir_data: bool = False
    """Whether pods whose emptyDir volumes would be lost may be evicted (as ``--delete-emptydir-data`` of kubectl)."""
    network_policies_enforced: bool = False
    """Whether the cluster's network plugin enforces NetworkPolicies. The API server stores them in any case."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The current objects that an action may look at.

    ``related`` holds what belongs to the target, by ``Kind.resource``: its ReplicaSets or
    ControllerRevisions, its Pods, its HPAs, its owner. ``resize_offered``: the API server serves
    ``pods/resize`` (KEP-1287).
    """

    target: Object
    related: Mapping[str, Sequence[Object]] = field(default_factory=dict)
    resize_offered: bool = False


@dataclass(frozen=True, slots=True)
class Parameters:
    """Names of what an action takes: all of ``needed``, at least one of ``some`` where there are any."""

    needed: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.needed, *self.some, *self.optional)


class Action(Protocol):
    """One entry of the catalogue. Deterministic: executor and voters recompute the step and compare."""

    name: ActionName
    kinds: frozenset[str]
    """Kinds of targets it can act on."""
    takes: Parameters

    def plan(
        self,
        situation: Situation,
        parameters: Mapping[str, str],
        *,
        bounds: Bounds,
        issued_at: datetime,
        step_name: str,
    ) -> Step:
        """The step, with operations, pre-image, undo and risk.

        Raises ``errors.Refusal`` (reason constant, message that tells what to do) when a parameter is
        wrong, a precondition does not hold, a bound would be exceeded, or there is nothing to change
        (reason ``NothingToChange``).
        """
        ...
