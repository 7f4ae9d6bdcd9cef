"""Equal values have equal bytes; what has no canonical form is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.consensus.canonical import canonical_json, digest

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


@given(values)
def test_canonical_bytes_read_back_as_the_same_value_and_are_a_fixed_point(value: Any) -> None:
    once = canonical_json(value)
    assert json.loads(once) == value
    assert canonical_json(json.loads(once)) == once


@given(st.dictionaries(texts, st.integers(0, 9)), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, int], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert digest(dict(items)) == digest(value)


def test_keys_are_ordered_by_utf16_code_units_as_rfc_8785_says() -> None:
    assert canonical_json({"ﬀ": 1, "𐀀": 2}) == '{"𐀀":2,"ﬀ":1}'.encode()


@pytest.mark.parametrize("value", [1.5, {"a": [float("nan")]}, 2**53, {1: 2}, {"a": b"x"}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the message differs; UnicodeEncodeError is a ValueError)
        canonical_json(value)
