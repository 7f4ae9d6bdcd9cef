"""One write to one object: dry-run first, then the same request for good."""

from __future__ import annotations

from dataclasses import dataclass

from incident_commander.actions.send import look, send
from incident_commander.actions.write import is_done, shows, to_do
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.api.plan import Step, Verb
from incident_commander.errors import AlreadyExists, DisruptionRefused, Refusal
from incident_commander.ports import Cluster, Object


@dataclass(frozen=True, slots=True)
class Written:
    """The object right after the write; zero and empty when it was deleted."""

    generation: int | None = None
    resource_version: str = ""


async def write(cluster: Cluster, step: Step, current: Object, *, dry_run: bool) -> Written:
    """Ask the API server to make the step's change to ``current`` and to no later version of it.

    Raises ``Conflict`` when the object changed since ``current`` was read, ``Refusal`` (``DisruptionBudgetSpent``,
    ``NameTaken``), and other ``ClusterError``.
    """
    try:
        result = await send(cluster, to_do(step, current), dry_run=dry_run, field_manager=FIELD_MANAGER_EXECUTOR)
    except DisruptionRefused as error:
        raise Refusal("DisruptionBudgetSpent", f"{step.target} may not be evicted now: {error}") from error
    except AlreadyExists as error:
        raise Refusal("NameTaken", f"{shows(step)} exists already and is not of this plan: {error}") from error
    return _written(result)


async def already_written(cluster: Cluster, step: Step) -> Written | None:
    """What the object looks like if the step's change stands there already, else None."""
    found = await look(cluster, shows(step))
    if not is_done(step, found):
        return None
    return _written(found or {}) if step.verb in (Verb.PATCH, Verb.CREATE) else Written()


def _written(result: Object) -> Written:
    meta = result.get("metadata", {})
    return Written(meta.get("generation"), meta.get("resourceVersion", ""))
