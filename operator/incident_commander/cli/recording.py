"""One rehearsed incident, recorded as it was lived: what was stored when, and when the workload was well again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incident_commander.api.incident import Attempt, Incident, Phase
from incident_commander.api.kinds import INCIDENT
from incident_commander.api.policy import Mode
from incident_commander.cli.rehearsed import RehearsedSystem, policy
from incident_commander.rehearsal.scenarios.scenario import Scenario, Stage
from incident_commander.rehearsal.store import WatchEvent, WatchType
from incident_commander.rehearsal.world import World

LONGEST_SECONDS = 2 * 3600.0
_AFTERWARDS_SECONDS = 60.0


@dataclass(slots=True)
class Recording:
    """Everything that can be told about one incident afterwards. Times are the cluster's."""

    scenario: Scenario
    system: RehearsedSystem
    stage: Stage
    ended: bool = False
    alerts: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    """Notifications of Alertmanager, in order of arrival."""
    states: list[tuple[datetime, Incident]] = field(default_factory=list)
    """Every stored state of the Incident."""
    before: Any = None
    """What a remediation may change, as it was when the Incident was stored."""
    well_at: datetime | None = None
    """When the workload had all its replicas again after the (last) patch."""

    def first(self, *phases: Phase) -> tuple[datetime, Incident] | None:
        """The first stored state in one of the phases."""
        return next(((at, incident) for at, incident in self.states if incident.status.phase in phases), None)

    @property
    def last(self) -> Incident:
        """The Incident as it ended. Raises ``IndexError`` when there never was one."""
        return self.states[-1][1]

    @property
    def unchanged(self) -> bool:
        """Whether the workload is as it was before anything was done about it."""
        return bool(self.stage.template() == self.before)

    @property
    def applied(self) -> Attempt | None:
        """The first attempt, as it was when it had been applied."""
        verifying = self.first(Phase.VERIFYING)
        return verifying[1].status.execution.attempts[0] if verifying is not None else None

    def notice(self, event: WatchEvent) -> None:
        """Keep what is to be told."""
        now = self.system.world.clock.now()
        if event.kind == INCIDENT and event.type is not WatchType.DELETED:
            if not self.states:
                self.before = self.stage.template()
            self.states.append((now, Incident.model_validate(event.object)))
        elif event.kind == self.stage.kind and self.well_at is None and self.applied and self.stage.complete():
            self.well_at = now

    async def take(self, payload: dict[str, Any]) -> None:
        """The webhook: keep the notification, and hand it on."""
        self.alerts.append((self.system.world.clock.now(), payload))
        await self.system.receive(payload)


async def record(scenario: Scenario, seed: int, mode: Mode = Mode.AUTO) -> Recording:
    """Play a scenario through, from the first quiet minute to a minute after the end of its Incident."""
    world = World(seed)
    stage = scenario.prepare(world)
    system = RehearsedSystem(world, policies=[policy(mode)])
    recording = Recording(scenario, system, stage)
    system.engine.receiver = recording.take
    world.api.store.watch(recording.notice)
    recording.ended = await system.engine.run(seconds=LONGEST_SECONDS, until=system.settled)
    await system.engine.run(seconds=_AFTERWARDS_SECONDS)
    return recording
