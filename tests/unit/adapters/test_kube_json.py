"""Bodies are encoded as the API server encodes what it compares them with."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from incident_commander.adapters.kube_json import encode

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=10,
)


class TestEncoding:
    def test_escapes_what_go_escapes(self) -> None:
        assert encode("a && b < c > d \u2028\u2029") == rb'"a \u0026\u0026 b \u003c c \u003e d \u2028\u2029"'

    def test_leaves_other_letters_as_they_are(self) -> None:
        assert encode({"name": "Zürich 🚑"}) == '{"name":"Zürich 🚑"}'.encode()

    def test_escapes_control_characters_as_go_does(self) -> None:
        assert encode('\n\t\r\b\f\x1f"\\/') == rb'"\n\t\r\b\f\u001f\"\\/"'

    @given(_JSON)
    def test_means_the_same_as_before(self, value: object) -> None:
        assert json.loads(encode(value)) == value
