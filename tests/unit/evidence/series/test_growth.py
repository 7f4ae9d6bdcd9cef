"""How a level ran between restarts."""

import pytest

from incident_commander.evidence.series import growths, inline, joined, latest
from incident_commander.evidence.series.growth import rank_correlation


def points(*values: float, step: float = 15) -> list[tuple[float, float]]:
    return [(n * step, value) for n, value in enumerate(values)]


def test_a_leak_that_was_killed_twice_is_two_runs_of_steady_growth() -> None:
    found = growths(points(*(100 + n for n in range(40)), *(20 + n for n in range(40))))
    assert [run.peak for run in found] == [139, 59]
    assert [run.steadiness for run in found] == pytest.approx([1, 1])
    assert found[0].per_hour == pytest.approx(240)
    assert found[1].seconds == 39 * 15


def test_a_run_with_few_points_has_no_shape() -> None:
    assert growths(points(1, 2, 3)) == ()
    assert growths([]) == ()
    assert len(growths(points(9, 9, 1, 1, 1, 1, 1, 1, 1, 1))) == 1


def test_what_is_flat_is_neither_steady_nor_growing() -> None:
    (run,) = growths(points(*[5.0] * 20))
    assert (run.growth, run.steadiness) == (0, 0)


def test_points_that_are_no_numbers_are_left_out() -> None:
    (run,) = growths([*points(*range(1, 20)), (30.0, float("nan")), (45.0, float("inf"))])
    assert run.peak == 19


@pytest.mark.parametrize(("values", "expected"), [([1, 2, 3], 1), ([3, 2, 1], -1), ([2, 2, 2], 0)])
def test_rank_correlation_is_of_order_and_not_of_size(values: list[float], expected: float) -> None:
    assert rank_correlation(values) == pytest.approx(expected)


def test_the_latest_level_is_none_when_the_series_has_ended() -> None:
    assert latest(points(1, 2, 9, 9, 9), 60, 3) == 9
    assert latest(points(1, 2, 9), 30 + 601, 3) is None
    assert latest([], 0, 3) is None


def test_the_lives_of_a_container_are_one_line_whatever_their_order() -> None:
    older, newer = [(0.0, 1.0), (15.0, 2.0), (30.0, 2.0)], [(30.0, 9.0), (45.0, 8.0)]
    assert joined([newer, older, []]) == [(0.0, 1.0), (15.0, 2.0), (30.0, 9.0), (45.0, 8.0)]
    assert joined([]) == []


def test_a_series_fits_into_a_sentence_with_its_change_marked() -> None:
    drawn = inline(points(*[0.0] * 24, *[8.0] * 24), at=24 * 15.0, width=8)
    assert drawn == "[▁▁▁▁|████]"
    assert inline([], at=1.0) == ""
    assert inline(points(1, 2), at=999) == "[▁" + " " * 22 + "█]"
