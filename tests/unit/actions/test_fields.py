"""Fields by JSON Pointer: what changes, what stood there, and what means the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.actions.fields import ABSENT, MAX_VALUE, changes, decode, encode, pointer, read, same
from incident_commander.api.plan import Op
from incident_commander.errors import Refusal

keys = st.text(alphabet="ab/~é", min_size=1, max_size=4)


@given(st.lists(keys, min_size=1, max_size=4), st.text(max_size=3))
def test_a_pointer_leads_back_to_its_value(path: list[str], value: str) -> None:
    obj: object = value
    for key in reversed(path):
        obj = {key: obj}
    assert read(obj, pointer(*path)) == value


def test_null_is_not_absent() -> None:
    assert read({"a": None}, "/a") is None
    assert read({"a": None}, "/b") is ABSENT
    assert read({"a": None}, "/a/b") is ABSENT
    assert decode(encode(None, "/a")) is None
    assert decode(None) is ABSENT


def test_missing_parents_are_added_once_for_all_their_children() -> None:
    made = changes({"spec": {}}, {"/spec/a/b/c": 1, "/spec/a/d": 2, "/spec/e": 3})
    assert [(op.op, op.path, op.value) for op in made.operations] == [
        (Op.ADD, "/spec/a", '{"b":{"c":1},"d":2}'),
        (Op.ADD, "/spec/e", "3"),
    ]
    assert [f.value for f in made.pre_image] == [None, None]
    assert [(op.op, op.path) for op in made.undo] == [(Op.REMOVE, "/spec/e"), (Op.REMOVE, "/spec/a")]


def test_a_null_parent_is_replaced() -> None:
    made = changes({"spec": {"a": None}}, {"/spec/a/b": 1})
    assert [(op.op, op.path, op.value) for op in made.operations] == [(Op.REPLACE, "/spec/a", '{"b":1}')]
    assert [op.value for op in made.undo] == ["null"]


def test_a_field_can_be_taken_away_and_brought_back() -> None:
    made = changes({"spec": {"a": 1}}, {"/spec/a": ABSENT, "/spec/b/c": ABSENT})
    assert [(op.op, op.path) for op in made.operations] == [(Op.REMOVE, "/spec/a")]
    assert [(op.op, op.path, op.value) for op in made.undo] == [(Op.ADD, "/spec/a", "1")]


def test_what_already_is_so_is_left_out() -> None:
    assert changes({"a": {"b": 1}}, {"/a/b": 1}).operations == []


@pytest.mark.parametrize(
    ("path", "one", "other", "equal"),
    [
        ("/spec/replicas", 1, True, False),
        ("/spec/replicas", 1, 1, True),
        ("/spec/template", {"metadata": {"creationTimestamp": None}}, {"metadata": {}}, True),
        ("/spec/template", {"c": [{"resources": {"cpu": "1000m"}}]}, {"c": [{"resources": {"cpu": "1"}}]}, True),
        ("/spec/template", {"c": [{"image": "1000m"}]}, {"c": [{"image": "1"}]}, False),
        ("/c/resources/limits/memory", "1Gi", "1024Mi", True),
        ("/c/resources/limits/memory", "1Gi", "1G", False),
        ("/c/resources/limits/memory", "huge", "huge", True),
        ("/spec/a", [1, 2], [1], False),
        ("/spec/a", ABSENT, None, False),
    ],
)
def test_values_that_mean_the_same_to_the_api_server(path: str, one: object, other: object, equal: bool) -> None:
    assert same(path, one, other) is equal
    assert same(path, other, one) is equal


@pytest.mark.parametrize(
    ("value", "reason"), [("x" * MAX_VALUE, "FieldTooLarge"), ({"a": 0.5}, "FieldNotRepresentable")]
)
def test_what_a_plan_cannot_hold_exactly_is_refused(value: object, reason: str) -> None:
    with pytest.raises(Refusal, match="/spec/template") as refused:
        encode(value, "/spec/template")
    assert refused.value.reason == reason
