"""Virtual time passes only when it is told to, and runs what becomes due on the way."""

from __future__ import annotations

from datetime import timedelta

from incident_commander.rehearsal.clock import EPOCH, VirtualClock


def test_what_is_due_runs_in_the_order_of_time_and_then_of_entry() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []

    def note(name: str) -> None:
        seen.append((name, clock.elapsed()))

    clock.after(2, lambda: note("late"))
    clock.after(1, lambda: note("first"))
    clock.after(1, lambda: note("second"))
    clock.advance(5)

    assert seen == [("first", 1), ("second", 1), ("late", 2)]
    assert clock.now() == EPOCH + timedelta(seconds=5)


def test_what_is_put_in_on_the_way_still_runs_in_its_turn() -> None:
    clock = VirtualClock()
    seen: list[float] = []
    clock.after(1, lambda: clock.after(1, lambda: seen.append(clock.elapsed())))

    clock.advance(3)

    assert seen == [2]


async def test_sleeps_that_overlap_do_not_add_up() -> None:
    clock = VirtualClock()
    clock.after(1, lambda: clock.advance(0.5))

    await clock.sleep(5)

    assert clock.elapsed() == 5
