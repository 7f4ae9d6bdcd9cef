"""One holder at a time, whatever the clocks and the API server do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from incident_commander import errors
from incident_commander.api.kinds import LEASE
from incident_commander.api.names import ANNOTATION_KEY_ID
from incident_commander.operators.lease import LeaseHold, LeaseTimes
from incident_commander.rehearsal.world import World

NAMESPACE = "incident-commander"
TIMES = LeaseTimes(duration=15, renew=5)


@pytest.fixture
def world() -> World:
    return World(seed=1)


Holder = Callable[[str], LeaseHold]


@pytest.fixture
def hold(world: World) -> Holder:
    def build(name: str) -> LeaseHold:
        return LeaseHold(
            world.cluster(), world.clock, namespace=NAMESPACE, name="coordinator", holder=name, times=TIMES
        )

    return build


async def spec(world: World) -> dict[str, object]:
    found: dict[str, object] = (await world.cluster().get(LEASE, NAMESPACE, "coordinator"))["spec"]
    return found


class TestAcquiring:
    async def test_the_first_one_has_it(self, world: World, hold: Holder) -> None:
        one = hold("one")
        await one.step()
        assert one.held()
        assert (await spec(world))["holderIdentity"] == "one"

    async def test_a_second_one_waits_while_the_first_renews(self, world: World, hold: Holder) -> None:
        one, two = hold("one"), hold("two")
        await one.step()
        for _ in range(20):
            await two.step()
            assert not two.held()
            world.clock.advance(5)
            await one.step()
        assert one.held()

    async def test_a_silent_holder_loses_it_after_its_duration(self, world: World, hold: Holder) -> None:
        one, two = hold("one"), hold("two")
        await one.step()
        for _ in range(3):
            await two.step()
            world.clock.advance(5)
        assert not two.held()
        world.clock.advance(1)
        await two.step()
        assert two.held()
        assert (await spec(world))["leaseTransitions"] == 1

    async def test_the_holder_stops_relying_on_it_before_another_may_take_it(self, world: World, hold: Holder) -> None:
        one, two = hold("one"), hold("two")
        await one.step()
        await two.step()
        world.clock.advance(11)
        assert not one.held()
        await two.step()
        assert not two.held()

    async def test_a_restart_under_the_same_name_has_it_at_once(self, hold: Holder) -> None:
        await hold("pod-1").step()
        again = hold("pod-1")
        await again.step()
        assert again.held()

    async def test_the_time_that_another_wrote_does_not_matter(self, world: World, hold: Holder) -> None:
        """A holder whose clock is an hour behind is alive as long as its record changes."""
        two = hold("two")
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "coordinator", "namespace": NAMESPACE},
            "spec": {"holderIdentity": "one", "leaseDurationSeconds": 15, "renewTime": "2020-01-01T00:00:00.000000Z"},
        }
        await world.cluster().create(LEASE, NAMESPACE, body)
        await two.step()
        assert not two.held()


class TestAnnotations:
    async def test_what_the_holder_tells_is_written_along_and_the_next_holder_tells_its_own(self, world: World) -> None:
        def teller(holder: str, key: str) -> LeaseHold:
            told = {ANNOTATION_KEY_ID: key}
            cluster = world.cluster()
            return LeaseHold(
                cluster, world.clock, namespace=NAMESPACE, name="agent-diagnosis", holder=holder, annotations=told
            )

        async def told() -> str:
            found = await world.cluster().get(LEASE, NAMESPACE, "agent-diagnosis")
            return str(found["metadata"]["annotations"][ANNOTATION_KEY_ID])

        one, two = teller("one", "aa"), teller("two", "bb")
        await one.step()
        assert await told() == "aa"
        await two.step()
        assert await told() == "aa"
        await one.release()
        await two.step()
        assert two.held()
        assert await told() == "bb"


class TestReleasing:
    async def test_lets_the_next_one_have_it_at_once(self, hold: Holder) -> None:
        one, two = hold("one"), hold("two")
        await one.step()
        await one.release()
        assert not one.held()
        await two.step()
        assert two.held()

    async def test_does_not_take_it_from_another(self, world: World, hold: Holder) -> None:
        one, two = hold("one"), hold("two")
        await one.step()
        await two.step()
        world.clock.advance(16)
        await two.step()
        await one.release()
        assert (await spec(world))["holderIdentity"] == "two"


class _Refusing:
    """A cluster in which every patch loses a race."""

    def __init__(self, world: World) -> None:
        self._real = world.cluster()
        self.get = self._real.get
        self.list = self._real.list
        self.create = self._real.create
        self.delete = self._real.delete
        self.evict = self._real.evict
        self.logs = self._real.logs
        self.offers = self._real.offers

    async def patch(self, *_: object, **__: object) -> dict[str, object]:
        raise errors.Conflict("somebody was faster")


async def test_who_loses_the_race_does_not_hold_it(world: World, hold: Holder) -> None:
    await hold("one").step()
    late = LeaseHold(_Refusing(world), world.clock, namespace=NAMESPACE, name="coordinator", holder="one", times=TIMES)
    await late.step()
    assert not late.held()
