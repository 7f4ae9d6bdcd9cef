"""The catalogue: what can be done at all. There is no way to add to it at run time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from incident_commander.actions.action import Action
from incident_commander.actions.cordon_node import CordonNode
from incident_commander.actions.delete_job import DeleteJob
from incident_commander.actions.delete_pod import DeletePod
from incident_commander.actions.drain_node import DrainNode
from incident_commander.actions.escalate import Escalate
from incident_commander.actions.evict_pod import EvictPod
from incident_commander.actions.expand_volume import ExpandVolume
from incident_commander.actions.gitops_proposal import GitOpsProposal
from incident_commander.actions.isolate_pod import IsolatePod
from incident_commander.actions.limit_traffic import LimitTraffic
from incident_commander.actions.patch_hpa import PatchHPA
from incident_commander.actions.restart_rollout import RestartRollout
from incident_commander.actions.rollback_rollout import RollbackRollout
from incident_commander.actions.run_job import RunJob
from incident_commander.actions.scale_workload import ScaleWorkload
from incident_commander.actions.set_env import SetEnv
from incident_commander.actions.set_resources import SetResources
from incident_commander.actions.suspend_cron_job import SuspendCronJob
from incident_commander.actions.uncordon_node import UncordonNode
from incident_commander.api.plan import ActionName

_ALL: tuple[Action, ...] = (
    RestartRollout(),
    RollbackRollout(),
    ScaleWorkload(),
    SetResources(),
    PatchHPA(),
    DeletePod(),
    CordonNode(),
    UncordonNode(),
    SuspendCronJob(),
    EvictPod(),
    DrainNode(),
    IsolatePod(),
    SetEnv(),
    ExpandVolume(),
    DeleteJob(),
    RunJob(),
    LimitTraffic(),
    Escalate(),
)

_BY_NAME: dict[ActionName, Action] = {action.name: action for action in _ALL}
CATALOGUE: Final[Mapping[ActionName, Action]] = MappingProxyType(
    {**_BY_NAME, ActionName.GITOPS_PROPOSAL: GitOpsProposal(_BY_NAME)}
)
"""Every action by its name."""
