"""The work queue, with virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.errors import Throttled, Unavailable
from incident_commander.operators.workqueue import Backoff, Key, WorkQueue
from tests.unit.operators.virtual_loop import run

A, B, C = Key("ns", "a"), Key("ns", "b"), Key("ns", "c")
Script = Callable[[int], Awaitable[float | None]]


class Bench:
    """A queue with a scripted reconcile; ``calls`` are (time, key)."""

    def __init__(self, script: Script, workers: int = 4) -> None:
        self.script = script
        self.calls: list[tuple[float, Key]] = []
        self.running = 0
        self.most = 0
        self.results: list[str] = []
        self.queue = WorkQueue(
            "test", self._reconcile, workers=workers, backoff=Backoff(1.0, 60.0), telemetry=self, jitter=lambda: 1.0
        )

    async def _reconcile(self, namespace: str, name: str) -> float | None:
        self.calls.append((asyncio.get_running_loop().time(), Key(namespace, name)))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self.script(len(self.calls))
        finally:
            self.running -= 1

    def reconciled(self, component: str, result: str, seconds: float) -> None:
        self.results.append(result)

    def waited(self, component: str, seconds: float) -> None:
        assert seconds >= 0

    async def for_(self, seconds: float) -> None:
        working = asyncio.create_task(self.queue.run())
        await asyncio.sleep(seconds)
        self.queue.stop()
        await working

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.calls]


async def done(_: int) -> float | None:
    return None


async def slow(_: int) -> float | None:
    await asyncio.sleep(10)
    return None


class TestAdding:
    def test_a_key_that_waits_is_there_once(self) -> None:
        async def main() -> None:
            bench = Bench(done)
            for _ in range(5):
                bench.queue.add(A)
            await bench.for_(1)
            assert len(bench.calls) == 1

        run(main())

    def test_a_key_that_is_worked_on_is_worked_on_again_afterwards_and_never_twice_at_once(self) -> None:
        async def main() -> None:
            bench = Bench(slow)
            bench.queue.add(A)
            asyncio.get_running_loop().call_later(1, bench.queue.add, A)
            asyncio.get_running_loop().call_later(2, bench.queue.add, A)
            await bench.for_(25)
            assert bench.times == [0, 10]
            assert bench.most == 1

        run(main())

    def test_different_keys_run_side_by_side_up_to_the_bound(self) -> None:
        async def main() -> None:
            bench = Bench(slow, workers=2)
            for key in (A, B, C):
                bench.queue.add(key)
            await bench.for_(25)
            assert bench.times == [0, 0, 10]
            assert bench.most == 2

        run(main())


class TestDelays:
    def test_what_reconcile_answers_is_when_it_is_called_again(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                return 30.0 if n < 3 else None

            bench = Bench(script)
            bench.queue.add(A)
            await bench.for_(200)
            assert bench.times == [0, 30, 60]

        run(main())

    def test_zero_is_at_once(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                return 0.0 if n < 3 else None

            bench = Bench(script)
            bench.queue.add(A)
            await bench.for_(5)
            assert bench.times == [0, 0, 0]

        run(main())

    def test_the_earlier_of_two_times_counts(self) -> None:
        async def main() -> None:
            bench = Bench(done)
            bench.queue.add_after(A, 20)
            bench.queue.add_after(A, 5)
            bench.queue.add_after(A, 10)
            await bench.for_(60)
            assert bench.times == [5]

        run(main())

    def test_news_come_before_the_time_and_replace_it(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                return 30.0 if n == 1 else None

            bench = Bench(script)
            bench.queue.add(A)
            asyncio.get_running_loop().call_later(10, bench.queue.add, A)
            await bench.for_(100)
            assert bench.times == [0, 10]

        run(main())


class TestFailures:
    def test_back_off_doubles_up_to_its_cap_and_is_forgotten_after_success(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                if n == 9:
                    return 1000.0
                raise Unavailable("away")

            bench = Bench(script)
            bench.queue.add(A)
            await bench.for_(1250)
            gaps = [later - earlier for earlier, later in zip(bench.times, bench.times[1:], strict=False)]
            assert gaps[:10] == [1, 2, 4, 8, 16, 32, 60, 60, 1000, 1]

        run(main())

    def test_throttling_is_waited_for(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                if n == 1:
                    raise Throttled("slow down", retry_after=17)
                return None

            bench = Bench(script)
            bench.queue.add(A)
            await bench.for_(60)
            assert bench.times == [0, 17]

        run(main())

    def test_a_defect_stops_neither_the_queue_nor_other_keys(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                if n == 1:
                    raise ZeroDivisionError
                return None

            bench = Bench(script)
            bench.queue.add(A)
            bench.queue.add(B)
            await bench.for_(5)
            assert [key for _, key in bench.calls] == [A, B, A]
            assert sorted(bench.results) == ["Crashed", "Done", "Done"]

        run(main())

    def test_news_do_not_wait_for_the_back_off(self) -> None:
        async def main() -> None:
            async def script(n: int) -> float | None:
                if n < 4:
                    raise Unavailable("away")
                return None

            bench = Bench(script)
            bench.queue.add(A)
            asyncio.get_running_loop().call_later(4, bench.queue.add, A)
            await bench.for_(30)
            assert bench.times == [0, 1, 3, 4]

        run(main())


class TestStopping:
    def test_what_is_begun_is_finished_and_nothing_new_begins(self) -> None:
        async def main() -> None:
            finished: list[int] = []

            async def script(n: int) -> float | None:
                await asyncio.sleep(10)
                finished.append(n)
                return 0.0

            bench = Bench(script, workers=1)
            bench.queue.add(A)
            bench.queue.add(B)
            await bench.for_(1)
            assert finished == [1]
            bench.queue.add(C)
            assert len(bench.calls) == 1

        run(main())

    def test_how_long_the_longest_runs_is_known(self) -> None:
        async def main() -> None:
            bench = Bench(slow)
            working = asyncio.create_task(bench.queue.run())
            bench.queue.add(A)
            await asyncio.sleep(7)
            assert bench.queue.busiest_seconds() == 7
            assert not bench.queue.idle()
            bench.queue.stop()
            await working
            assert bench.queue.busiest_seconds() == 0

        run(main())


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_the_delay_is_always_between_half_the_first_and_the_cap(failures: int, jitter: float) -> None:
    assert 0.125 <= Backoff().delay(failures, jitter) <= 60.0


@given(steps=st.lists(st.tuples(st.sampled_from([A, B, C]), st.floats(0, 20), st.floats(0, 30)), max_size=25))
def test_no_key_is_lost_or_worked_on_twice_at_once(steps: list[tuple[Key, float, float]]) -> None:
    """Whatever is added whenever: after the last addition of a key, a reconcile of it begins."""

    async def main() -> None:
        at_work: set[Key] = set()
        begun: dict[Key, float] = {}

        async def reconcile(namespace: str, name: str) -> float | None:
            key = Key(namespace, name)
            assert key not in at_work
            at_work.add(key)
            begun[key] = asyncio.get_running_loop().time()
            await asyncio.sleep(3)
            at_work.discard(key)
            return None

        queue = WorkQueue("test", reconcile, workers=2)
        working = asyncio.create_task(queue.run())
        last: dict[Key, float] = {}
        for key, delay, pause in steps:
            queue.add_after(key, delay)
            last[key] = asyncio.get_running_loop().time()
            await asyncio.sleep(pause)
        await asyncio.sleep(1000)
        assert queue.idle()
        queue.stop()
        await working
        assert all(begun[key] >= at for key, at in last.items())

    run(main())


def test_a_reconcile_that_is_cancelled_ends_with_the_queue() -> None:
    async def main() -> None:
        bench = Bench(slow)
        bench.queue.add(A)
        working = asyncio.create_task(bench.queue.run())
        await asyncio.sleep(1)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert bench.running == 0

    run(main())
