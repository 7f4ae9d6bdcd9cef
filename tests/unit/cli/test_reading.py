"""Reading exported files: YAML and JSON say the same, and a hostile file ends in an error before it costs anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.cli.work.failure import CommandError
from incident_commander.cli.work.reading import MAX_DEPTH, MAX_VALUES, read_objects

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def read(folder: Path, text: str) -> list[Any]:
    file = folder / "file"
    file.write_text(text)
    return list(read_objects(file))


@given(document=st.dictionaries(TEXT.filter(lambda key: key != "items"), VALUE, max_size=4))
def test_yaml_and_json_of_the_same_are_read_as_the_same(
    document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("same")
    assert read(folder, json.dumps(document)) == [document]
    assert read(folder, yaml.safe_dump(document)) == [document]
    assert read(folder, yaml.safe_dump(document, default_flow_style=True)) == [document]


def test_lists_and_several_documents_are_taken_apart_and_times_stay_text(tmp_path: Path) -> None:
    text = "kind: List\nitems: [{a: 2026-01-31T12:00:00Z}, {b: 2}]\n---\nc: 3\n---\n- no object\n"
    assert read(tmp_path, text) == [{"a": "2026-01-31T12:00:00Z"}, {"b": 2}, {"c": 3}]


FLOODS = {
    "tiny values of a list": "x: [" + "1," * MAX_VALUES + "1]",
    "a line each": "x:\n" + "- 1\n" * MAX_VALUES,
    "keys": "x:\n" + "".join(f" k{n}: 1\n" for n in range(MAX_VALUES // 2 + 1)),
    "documents": "---\n1\n" * (MAX_VALUES // 2 + 1),
    "values in JSON": json.dumps({"x": [1] * MAX_VALUES}),
    "keys in JSON": json.dumps({"x": {str(n): 1 for n in range(MAX_VALUES // 2 + 1)}}),
    "empty objects in JSON": json.dumps({"items": [{}] * MAX_VALUES}),
}


@pytest.mark.parametrize("text", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_of_tiny_values_is_refused_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(yaml, "load_all", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(CommandError) as refused:
        read(tmp_path, text)
    assert refused.value.found == f"it has more than {MAX_VALUES} keys and values"
    assert "export one Incident only" in refused.value.advice


@pytest.mark.parametrize("text", ["x: " + "[" * 100_000, json.dumps({"x": 1}).replace("1", "[" * 80 + "]" * 80)])
def test_what_is_nested_too_deep_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(CommandError) as refused:
        read(tmp_path, text)
    assert refused.value.found == f"it is nested more than {MAX_DEPTH} deep"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"x": ' + "[" * 200_000, "RecursionError"),
        ('{"x": ' + "9" * 10_000 + "}", "it is not YAML"),
        ("x: &a [1]\ny: *a\n", "aliases are not used"),
        ("x: " + "&a " * 1000, "it is not YAML"),
        ("? " * 5000, "deep"),
        ("x: \x00", "it is not YAML"),
        ("!!python/object/apply:os.system [ls]\n", "it is not YAML"),
    ],
    ids=["deep JSON", "a number of 10,000 digits", "alias", "anchors", "keys of keys", "NUL", "Python object"],
)
def test_each_other_hostile_text_is_a_clear_error(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CommandError) as refused:
        read(tmp_path, text)
    assert said in refused.value.found
