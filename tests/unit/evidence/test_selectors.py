"""Selectors of kubectl's syntax; what the real server answers is in the contract tests."""

from __future__ import annotations

import pytest

from incident_commander import errors
from incident_commander.api.kinds import EVENT
from incident_commander.evidence.selectors import (
    matches_fields,
    matches_labels,
    matches_selector,
    parse_fields,
    parse_labels,
)


def test_events_are_found_by_the_object_that_they_are_about() -> None:
    event = {"involvedObject": {"kind": "Pod", "name": "web-1"}, "metadata": {"name": "e"}}
    wanted = parse_fields(EVENT, "involvedObject.kind=Pod,involvedObject.name=web-1")

    assert matches_fields(event, wanted)
    assert not matches_fields(event | {"involvedObject": {"kind": "Pod", "name": "web-2"}}, wanted)


def test_commas_inside_of_a_set_do_not_separate_requirements() -> None:
    requirements = parse_labels("a in (x, y),b!=z")

    assert len(requirements) == 2
    assert matches_labels({"metadata": {"labels": {"a": "y"}}}, requirements)


def test_nonsense_is_refused_with_what_was_found() -> None:
    with pytest.raises(errors.Invalid, match="unable to parse requirement"):
        parse_labels("a b c")


@pytest.mark.parametrize(
    ("expression", "labels", "expected"),
    [
        ({"key": "t", "operator": "In", "values": ["a"]}, {"t": "a"}, True),
        ({"key": "t", "operator": "NotIn", "values": ["a"]}, {}, True),
        ({"key": "t", "operator": "Exists"}, {}, False),
        ({"key": "t", "operator": "DoesNotExist"}, {"t": "x"}, False),
    ],
)
def test_match_expressions(expression: dict[str, object], labels: dict[str, str], expected: bool) -> None:
    assert matches_selector(labels, {"matchExpressions": [expression]}) is expected


def test_no_selector_selects_nothing_and_an_empty_one_everything() -> None:
    assert not matches_selector({"a": "b"}, None)
    assert matches_selector({"a": "b"}, {})
