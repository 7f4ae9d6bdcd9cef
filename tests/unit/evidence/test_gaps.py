"""A gap has its names; where room is short, the first of them."""

from __future__ import annotations

from incident_commander.evidence.gaps import Gaps, shortened


def test_of_a_gap_with_many_names_the_first_are_shown_where_room_is_short() -> None:
    gaps = Gaps()
    for n in range(20):
        gaps.add("not in the bundle: at all", f"kind-{n}")
    (gap,) = gaps.listed(5)
    assert "kind-19: not in the bundle: at all" in gap
    assert shortened(gap).endswith("kind-11 and 8 more: not in the bundle: at all")


def test_a_gap_without_names_is_shown_as_it_is() -> None:
    said = "a, b, c, d, e, f, g, h, i, j, k, l, m, n"
    assert shortened(said) == said
    assert shortened("pods: 2 are not well-formed objects") == "pods: 2 are not well-formed objects"
