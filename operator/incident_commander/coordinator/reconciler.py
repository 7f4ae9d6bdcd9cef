"""The coordinator: gather → decide → record. It owns status (but for execution) and touches no workload."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import structlog

from incident_commander.api import kinds
from incident_commander.api.agent import Quarantine
from incident_commander.api.incident import Incident, Phase
from incident_commander.api.meta import format_time
from incident_commander.api.names import API_VERSION, EVENT_COMPONENT, FIELD_MANAGER_COORDINATOR
from incident_commander.coordinator.cascading import Topologies
from incident_commander.coordinator.counting import Counting
from incident_commander.coordinator.decide import decide
from incident_commander.coordinator.gather import Outside, gather_view
from incident_commander.coordinator.notices import notice_of
from incident_commander.coordinator.status import status_patch
from incident_commander.coordinator.transition import Announcement, Transition
from incident_commander.coordinator.turns import Turns
from incident_commander.coordinator.view import CoordinatorSettings, View
from incident_commander.errors import AlreadyExists, ClusterError, Conflict, NotFound
from incident_commander.ports import Clock, Cluster, Metrics, Notifier, PatchType, Telemetry, Uncounted

_log = structlog.get_logger(__name__)

REMEMBERED_VOTES = 4096
"""Votes kept in memory to notice a second, different one; the recorded ones are in status for good."""


class Coordinator:
    """Reconciles one Incident at a time. Stateless but for votes seen, which only help to catch a liar, and turns."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        metrics: Metrics | None,
        clock: Clock,
        settings: CoordinatorSettings | None = None,
        telemetry: Telemetry | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        self._notifier = notifier
        self._outside = Outside(cluster, metrics, clock, Topologies(cluster, clock), settings or CoordinatorSettings())
        self._telemetry: Telemetry = telemetry or Uncounted()
        self._counting = Counting(self._telemetry)
        self._turns = Turns(self._outside.settings.diagnosed_at_once)
        self._seen: OrderedDict[tuple[str, int, str], str] = OrderedDict()

    async def reconcile(self, namespace: str, name: str) -> float | None:
        """One step of one Incident; answers in how many seconds to look again, None for "when it changes".

        Raises ``ClusterError`` when the API server does not answer usefully; the caller retries.
        """
        cluster = self._outside.cluster
        try:
            incident = Incident.model_validate(await cluster.get(kinds.INCIDENT, namespace, name))
        except NotFound:
            return None
        if incident.metadata.deletion_timestamp is not None:
            return None
        view = await self._view(incident)
        transition = decide(view)
        if transition.status.phase is Phase.PENDING:
            self._turns.give_back(incident)
        self._remember(view)
        for agent, quarantine in transition.quarantines:
            await self._quarantine(view, agent, quarantine)
        patch = status_patch(incident.status, transition.status)
        if patch is None:
            return transition.requeue_seconds
        body = {"metadata": {"resourceVersion": incident.metadata.resource_version}, "status": patch}
        try:
            await cluster.patch(
                kinds.INCIDENT,
                namespace,
                name,
                body,
                patch_type=PatchType.MERGE,
                subresource="status",
                field_manager=FIELD_MANAGER_COORDINATOR,
            )
        except Conflict:
            return 0.0
        except NotFound:
            return None
        for entry in transition.status.timeline[len(incident.status.timeline) :]:
            _log.info(entry.message, incident=incident.key, step=transition.status.phase.value, reason=entry.reason)
        self._counting.count(incident, transition, view)
        notice = notice_of(incident, transition.status, view.now)
        if notice is not None and self._notifier is not None:
            self._notifier.tell(notice)
        await self._suspect(view, transition)
        for announcement in transition.announcements:
            await self._announce(incident, announcement)
        return transition.requeue_seconds

    async def _view(self, incident: Incident) -> View:
        now = self._outside.clock.now()
        self._turns.saw(incident, now)
        if incident.status.phase is Phase.PENDING and (waits := self._turns.take(incident, now)):
            return View(now=now, incident=incident, settings=self._outside.settings, waits_seconds=waits)
        return await gather_view(self._outside, incident, self._earlier_votes(incident))

    def _earlier_votes(self, incident: Incident) -> dict[str, tuple[str, ...]]:
        """Votes of the present round: recorded in status, and seen by this process before."""
        uid, round_ = incident.metadata.uid, incident.status.consensus.round
        found: dict[str, list[str]] = {}
        for vote in incident.status.consensus.votes:
            found.setdefault(vote.agent, []).append(vote.envelope)
        for (seen_uid, seen_round, agent), envelope in self._seen.items():
            if (seen_uid, seen_round) == (uid, round_):
                found.setdefault(agent, []).append(envelope)
        return {agent: tuple(envelopes) for agent, envelopes in found.items()}

    def _remember(self, view: View) -> None:
        if view.incident.status.phase is not Phase.VOTING:
            return
        uid, round_ = view.incident.metadata.uid, view.incident.status.consensus.round
        for agent, envelope in view.vote_envelopes.items():
            self._seen.setdefault((uid, round_, agent), envelope)
        while len(self._seen) > REMEMBERED_VOTES:
            self._seen.popitem(last=False)

    async def _quarantine(self, view: View, agent: str, quarantine: Quarantine) -> None:
        """Recorded on the Agent before the round is decided; the first proof stays."""
        known = next((a for a in view.agents if a.metadata.name == agent), None)
        if known is None or known.status.quarantine is not None:
            return
        await self._outside.cluster.patch(
            kinds.AGENT,
            None,
            agent,
            {"status": {"quarantine": quarantine.to_json()}},
            patch_type=PatchType.MERGE,
            subresource="status",
            field_manager=FIELD_MANAGER_COORDINATOR,
        )
        self._telemetry.agent_quarantined(known.spec.role.value, quarantine.offence.value)

    async def _suspect(self, view: View, transition: Transition) -> None:
        """Raise ``Agent.status.suspicion``, once a round. It takes no vote away, so losing a count harms nobody."""
        for agent in sorted({s.agent for s in transition.suspicions} | set(transition.silent)):
            known = next((a for a in view.agents if a.metadata.name == agent), None)
            if known is None:
                continue
            try:
                await self._outside.cluster.patch(
                    kinds.AGENT,
                    None,
                    agent,
                    {"status": {"suspicion": known.status.suspicion + 1}},
                    patch_type=PatchType.MERGE,
                    subresource="status",
                    field_manager=FIELD_MANAGER_COORDINATOR,
                )
            except ClusterError:
                continue

    async def _announce(self, incident: Incident, announcement: Announcement) -> None:
        """Post an Event. The name is derived, so that a repeated try posts no second one."""
        now = self._outside.clock.now()
        at = format_time(now)
        key = f"{incident.metadata.uid}/{incident.metadata.resource_version}/{announcement.reason}"
        suffix = hashlib.sha256(key.encode()).hexdigest()[:12]
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{incident.metadata.name[:200]}.{suffix}",
                "namespace": incident.metadata.namespace,
            },
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": "Incident",
                "namespace": incident.metadata.namespace,
                "name": incident.metadata.name,
                "uid": incident.metadata.uid,
                "resourceVersion": incident.metadata.resource_version,
            },
            "reason": announcement.reason.value,
            "message": announcement.message[:1000],
            "type": "Warning" if announcement.warning else "Normal",
            "source": {"component": EVENT_COMPONENT},
            "reportingComponent": EVENT_COMPONENT,
            "firstTimestamp": at[:19] + "Z",
            "lastTimestamp": at[:19] + "Z",
            "count": 1,
        }
        try:
            await self._outside.cluster.create(
                kinds.EVENT, incident.metadata.namespace, event, field_manager=FIELD_MANAGER_COORDINATOR
            )
        except AlreadyExists:
            return
        except ClusterError:
            # An Event is a courtesy: the same story is in status.timeline, which is stored already.
            return
