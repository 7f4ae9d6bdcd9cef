"""What stands: open Incidents from the watch, and the agents from their resources and Leases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from incident_commander.adapters.gauges import IncidentGauges
from incident_commander.api.agent import Agent, AgentSpec, AgentStatus, Offence, Quarantine
from incident_commander.api.meta import ObjectMeta, format_time
from incident_commander.api.role import Role
from incident_commander.consensus.keys import SigningKey
from incident_commander.operators.open_incidents import OpenIncidents
from incident_commander.operators.roster import council_of

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class StoppedClock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class TestOpenIncidents:
    def setup_method(self) -> None:
        self.registry, self.clock = CollectorRegistry(), StoppedClock()
        self.open = OpenIncidents(IncidentGauges(self.registry), self.clock)

    def saw(self, name: str, phase: str | None, event: str | None = "MODIFIED", **spec: Any) -> None:
        meta = {"namespace": "shop", "name": name}
        self.open.saw(event, {"metadata": meta, "spec": spec, "status": {"phase": phase} if phase else {}})

    def shown(self, name: str, **labels: str) -> float | None:
        self.open.show()
        return self.registry.get_sample_value(f"incident_commander_{name}", labels)

    def test_each_counts_in_the_phase_it_is_in_now(self) -> None:
        self.saw("a", None, None)
        self.saw("b", "Voting")
        self.saw("a", "Voting")
        assert self.shown("open_incidents", phase="Voting") == 2
        assert self.shown("open_incidents", phase="Pending") == 0

    def test_the_age_is_that_of_the_longest_in_its_phase_at_the_time_of_the_scrape(self) -> None:
        self.saw("a", "AwaitingApproval")
        self.clock.at += timedelta(seconds=600)
        self.saw("a", "Executing")
        self.clock.at += timedelta(seconds=12)
        self.saw("a", "Executing")
        self.saw("b", "Executing")
        assert self.shown("open_incident_phase_age_seconds", phase="Executing") == 12
        assert self.shown("open_incident_phase_age_seconds", phase="AwaitingApproval") == 0

    def test_what_ended_or_was_deleted_is_not_open(self) -> None:
        self.saw("a", "Voting")
        self.saw("b", "Voting", storm=True)
        assert self.shown("open_storms") == 1
        self.saw("a", "Resolved")
        self.saw("b", "Voting", "DELETED")
        assert self.shown("open_incidents", phase="Voting") == 0
        assert self.shown("open_storms") == 0

    def test_what_was_deleted_while_nobody_watched_is_forgotten(self) -> None:
        self.saw("gone", "Voting")
        self.clock.at += timedelta(seconds=600)
        self.saw("here", "Voting", None)
        self.open.look_again()
        assert self.shown("open_incidents", phase="Voting") == 2
        self.clock.at += timedelta(seconds=600)
        self.open.look_again()
        assert self.shown("open_incidents", phase="Voting") == 1


def an_agent(role: Role, *, days: int = 30, quarantined: bool = False) -> Agent:
    key = SigningKey.from_seed(role.value.encode().ljust(32)[:32]).public_key(
        NOW - timedelta(days=60), NOW + timedelta(days=days)
    )
    quarantine = Quarantine(offence=Offence.EQUIVOCATION, incident="shop/x", since=NOW - timedelta(hours=1))
    return Agent(
        metadata=ObjectMeta(name=role.value),
        spec=AgentSpec(role=role, public_keys=[key]),
        status=AgentStatus(suspicion=1, quarantine=quarantine if quarantined else None),
    )


def a_lease(role: Role, *, seconds_ago: float = 3, holder: str = "pod_1") -> dict[str, Any]:
    renewed = format_time(NOW - timedelta(seconds=seconds_ago)).replace("Z", "000Z")
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 20, "renewTime": renewed}
    return {"metadata": {"name": f"agent-{role.value}"}, "spec": spec}


class TestAgents:
    def test_six_that_live_are_six_that_can_vote(self) -> None:
        council = council_of([an_agent(r) for r in Role], [a_lease(r) for r in Role], NOW)
        assert (council.members, council.able, council.quorum) == (6, 6, 4)
        first = council.agents[0]
        assert (first.heartbeat, first.key_expiry) == (NOW - timedelta(seconds=3), NOW + timedelta(days=30))

    def test_a_lease_that_ran_out_was_given_back_or_never_was_is_no_voter(self) -> None:
        agents = [an_agent(r) for r in Role]
        leases = [a_lease(r) for r in Role][:4]
        leases[0] = a_lease(Role.DETECTION, seconds_ago=21)
        leases[1] = a_lease(Role.DIAGNOSIS, holder="")
        assert council_of(agents, leases, NOW).able == 2

    def test_quarantine_takes_a_vote_and_not_the_membership(self) -> None:
        agents = [an_agent(r, quarantined=r is Role.DETECTION) for r in Role]
        council = council_of(agents, [a_lease(r) for r in Role], NOW)
        assert (council.members, council.able, council.quorum) == (6, 5, 4)
        assert [a.name for a in council.agents if a.quarantined] == ["detection"]

    def test_a_key_that_has_ended_is_no_key(self) -> None:
        agents = [an_agent(r, days=-1 if r is Role.DETECTION else 30) for r in Role]
        council = council_of(agents, [a_lease(r) for r in Role], NOW)
        assert council.members == 5
        assert next(a for a in council.agents if a.name == "detection").key_expiry is None

    def test_below_four_nothing_can_be_decided(self) -> None:
        agents = [an_agent(r) for r in list(Role)[:3]]
        assert council_of(agents, [a_lease(r) for r in Role], NOW).quorum == 0
