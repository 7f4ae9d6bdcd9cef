"""Writes ``status.execution``: with the Incident's resourceVersion as precondition, so that two executors,
or a coordinator that has given up meanwhile, never overlap with ours.
"""

from __future__ import annotations

from incident_commander.api import kinds
from incident_commander.api.incident import Execution, Incident
from incident_commander.api.names import FIELD_MANAGER_EXECUTOR
from incident_commander.ports import Cluster, PatchType


async def store(cluster: Cluster, incident: Incident, execution: Execution) -> Incident:
    """Store the record; answers the Incident as it is now.

    Raises ``Conflict`` when the Incident changed since it was read, and other ``ClusterError``.
    """
    body = {
        "metadata": {"resourceVersion": incident.metadata.resource_version},
        "status": {"execution": {"waitingUntil": None, **execution.to_json()}},
    }
    stored = await cluster.patch(
        kinds.INCIDENT,
        incident.metadata.namespace,
        incident.metadata.name,
        body,
        patch_type=PatchType.MERGE,
        subresource="status",
        field_manager=FIELD_MANAGER_EXECUTOR,
    )
    return Incident.model_validate(stored)


async def store_outcome(cluster: Cluster, incident: Incident, execution: Execution) -> Incident:
    """Store what already happened: not even a concurrent change of the Incident may lose it.

    Only the executor writes ``status.execution`` and there is one of it, so no precondition is needed.
    """
    body = {"status": {"execution": {"waitingUntil": None, **execution.to_json()}}}
    stored = await cluster.patch(
        kinds.INCIDENT,
        incident.metadata.namespace,
        incident.metadata.name,
        body,
        patch_type=PatchType.MERGE,
        subresource="status",
        field_manager=FIELD_MANAGER_EXECUTOR,
    )
    return Incident.model_validate(stored)
