"""The engine: level-triggered queues, restarts with an empty memory, faults, and the same run for the same seed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from incident_commander import errors
from incident_commander.api.kinds import CONFIG_MAP
from incident_commander.ports import PatchType
from incident_commander.rehearsal.engine import Engine, Livelock
from incident_commander.rehearsal.faults import Crash
from incident_commander.rehearsal.store import WatchEvent
from incident_commander.rehearsal.world import World

USER = "system:admin"


class Counter:
    """Raises ``data.count`` of each ConfigMap to 3, one a reconcile; remembers what it was called for."""

    def __init__(self, world: World, calls: list[str]) -> None:
        self._cluster = world.cluster(USER)
        self._calls = calls
        self.memory: list[str] = []

    async def reconcile(self, namespace: str, name: str) -> float | None:
        self._calls.append(name)
        self.memory.append(name)
        try:
            found = await self._cluster.get(CONFIG_MAP, namespace, name)
        except errors.NotFound:
            return None
        count = int(found["data"]["count"])
        if count < 3:
            body = {"data": {"count": str(count + 1)}}
            await self._cluster.patch(CONFIG_MAP, namespace, name, body, patch_type=PatchType.MERGE)
        return None


def counted(world: World, name: str = "c") -> str:
    return str(world.api.get(CONFIG_MAP, "default", name)["data"]["count"])


def setup(names: str = "c") -> tuple[World, Engine, list[str]]:
    world = World(seed=3)
    calls: list[str] = []
    engine = Engine(world)
    engine.add("counter", lambda: Counter(world, calls), kinds=(CONFIG_MAP,))
    for name in names:
        world.set_config("default", name, {"count": "0"})
    return world, engine, calls


async def test_a_reconciler_is_woken_by_what_it_writes_until_nothing_changes() -> None:
    world, engine, calls = setup()

    assert await engine.run(seconds=10, until=lambda: counted(world) == "3")
    assert len(calls) == 3


async def test_time_goes_on_to_the_end_when_there_is_nothing_to_do() -> None:
    world, engine, _ = setup()

    assert not await engine.run(seconds=100)
    assert world.clock.elapsed() == 100


async def test_the_same_seed_gives_the_same_order() -> None:
    runs = []
    for _ in range(2):
        _, engine, calls = setup("abcdef")
        await engine.run(seconds=10)
        runs.append(calls)

    assert runs[0] == runs[1]
    assert runs[0] != sorted(runs[0])


async def test_an_answer_in_seconds_is_an_appointment() -> None:
    world = World(seed=3)
    engine = Engine(world)
    times: list[float] = []

    class Clockwork:
        async def reconcile(self, namespace: str, name: str) -> float | None:
            times.append(round(world.clock.elapsed()))
            return 30.0

    engine.add("clockwork", Clockwork, kinds=(CONFIG_MAP,))
    world.set_config("default", "c", {})
    await engine.run(seconds=100)

    assert times == [0, 30, 60, 90]


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_takes_the_memory_and_the_restarted_process_carries_on(after: bool) -> None:
    world, engine, _ = setup()
    world.faults.crash(USER, at_write=2, after=after)
    first = engine.components["counter"].process

    assert await engine.run(seconds=60, until=lambda: counted(world) == "3")
    assert [name for _, name in engine.crashes] == ["counter"]
    assert engine.components["counter"].process is not first
    assert engine.components["counter"].starts == 2
    # Before the answer was lost the write was carried out, or it was not; either way exactly three are.
    assert len(world.audit.writes(user=USER)) == 3


async def test_an_api_error_is_tried_again_later() -> None:
    world, engine, _ = setup()
    world.faults.inject(lambda: errors.Unavailable("down"), verb="get", times=3)

    assert await engine.run(seconds=60, until=lambda: counted(world) == "3")
    assert len(engine.failures) == 3
    assert engine.failures[-1].at > engine.failures[0].at


async def test_a_throttled_caller_comes_back_when_it_was_told_to() -> None:
    world, engine, _ = setup()
    world.faults.inject(lambda: errors.Throttled("slow down", retry_after=7), verb="get")

    await engine.run(seconds=60, until=lambda: counted(world) == "1")

    assert 7 < world.clock.elapsed() < 8


async def test_a_lost_watch_event_is_made_good_by_the_next_listing() -> None:
    world, engine, _ = setup(names="")
    world.faults.deliveries = lambda component, event: 0
    world.set_config("default", "c", {"count": "0"})

    assert not await engine.run(seconds=250, until=lambda: counted(world) != "0")
    assert await engine.run(seconds=100, until=lambda: counted(world) != "0")


async def test_a_repeated_watch_event_wakes_again() -> None:
    world, engine, calls = setup(names="")

    def twice(component: str, event: WatchEvent) -> int:
        return 2

    world.faults.deliveries = twice
    world.set_config("default", "c", {"count": "3"})
    await engine.run(seconds=30)

    assert calls == ["c", "c"]


async def test_a_stopped_process_misses_everything_and_lists_when_it_starts() -> None:
    world, engine, calls = setup(names="")
    engine.stop("counter")
    world.set_config("default", "c", {"count": "0"})
    await engine.run(seconds=30)
    assert calls == []

    engine.start("counter")

    assert await engine.run(seconds=10, until=lambda: counted(world) == "3")


async def test_a_process_that_spins_is_found_out() -> None:
    world = World(seed=3)
    engine = Engine(world)

    class Spinning:
        async def reconcile(self, namespace: str, name: str) -> float | None:
            return 0.0

    engine.add("spinning", Spinning, kinds=(CONFIG_MAP,))
    world.set_config("default", "c", {})

    with pytest.raises(Livelock, match="spinning"):
        await engine.run(seconds=60)


@pytest.mark.parametrize("error", [lambda: errors.Unavailable("503"), Crash])
async def test_a_notification_that_could_not_be_stored_is_posted_again(error: Callable[[], BaseException]) -> None:
    world = World(seed=3)
    engine = Engine(world)
    got: list[int] = []

    async def receive(payload: dict[str, object]) -> None:
        got.append(len(got))
        if len(got) == 1:
            raise error()

    engine.receiver = receive
    world.alertmanager.outbox.append({"alerts": []})
    await engine.run(seconds=30)

    assert got == [0, 1]
    assert len(engine.receiver_failures) == 1
