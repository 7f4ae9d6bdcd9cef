"""Patches apply as RFC 6902 and RFC 7386 say, and fail as kube-apiserver fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander import errors
from incident_commander.ports import PatchType
from incident_commander.rehearsal.patching import apply_patch, merge

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=1), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_follows_the_examples_of_its_rfc(target: Any, patch: Any, expected: Any) -> None:
    assert merge(target, patch) == expected


@given(JSON, JSON)
def test_a_merge_patch_applied_twice_is_applied_once(target: Any, patch: Any) -> None:
    once = merge(target, patch)

    assert merge(once, patch) == once


def test_neither_argument_is_changed() -> None:
    target, patch = {"a": {"b": 1}}, {"a": {"c": [1]}}

    merged = merge(target, patch)
    merged["a"]["c"].append(2)
    merged["a"]["b"] = 9

    assert (target, patch) == ({"a": {"b": 1}}, {"a": {"c": [1]}})


def test_a_json_patch_with_a_failing_test_conflicts_even_when_a_later_path_is_missing() -> None:
    with pytest.raises(errors.Conflict):
        apply_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 2}], PatchType.JSON)


@pytest.mark.parametrize("body", [{"op": "remove"}, "text", [1], [{"op": "dance", "path": "/a"}]])
def test_what_is_no_json_patch_is_invalid(body: Any) -> None:
    with pytest.raises(errors.Invalid):
        apply_patch({"a": 1}, body, PatchType.JSON)
