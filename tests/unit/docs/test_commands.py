"""Every command on a page is run by a test, or listed with what runs it or why nothing can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.docs import blocks as pages
from tests.functional.docs.blocks import PAGES, ROOT, missing, unfenced

FOLDER = ROOT / "tests" / "functional" / "docs"
BLOCKS = list(pages.blocks())
ELSEWHERE: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((FOLDER / "elsewhere.yaml").read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_stand_in_fences_where_tests_see_them(page: Path) -> None:
    assert unfenced(page) == [], "put them between ```sh SCENE and ```"


def test_a_block_without_a_scene_is_listed_with_what_runs_it_or_why_nothing_can() -> None:
    unlisted = [str(b) for b in BLOCKS if not b.scene and b.first not in ELSEWHERE.get(b.page, {})]
    assert unlisted == [], "give them a scene, or an entry in tests/functional/docs/elsewhere.yaml"


def test_what_is_listed_is_still_on_its_page_and_has_a_reason_or_a_file_that_exists() -> None:
    there = {(b.page, b.first) for b in BLOCKS if not b.scene}
    for page, entries in ELSEWHERE.items():
        for first, entry in entries.items():
            assert (page, first) in there, "it is gone, or has a scene now: take it off the list"
            assert set(entry) <= {"runs", "reason"}
            assert entry
            assert "runs" not in entry or (ROOT / entry["runs"]).exists(), entry


def test_every_scene_is_played() -> None:
    players = [*FOLDER.glob("test_*.py"), ROOT / "e2e" / "harness" / "pages.py"]
    tests = "".join(file.read_text() for file in players)
    assert {b.scene for b in BLOCKS if b.scene and f'"{b.scene}"' not in tests} == set()


class TestWhatIsSeen:
    """The text after a block must come in the output, in its order."""

    def test_dots_stand_for_anything_and_spaces_for_any_number_of_them(self) -> None:
        output = "NAME   PHASE\nweb-1  Closed   6/6\nend\n"
        assert missing(("… Closed … 6/6 …", "end"), output) == ""

    def test_what_is_not_there_or_comes_in_another_order_is_told(self) -> None:
        assert missing(("… Resolved …",), "web Closed") == "… Resolved …"
        assert missing(("b", "a"), "a\nb\n") == "a"

    def test_nothing_but_the_dots_is_a_pattern(self) -> None:
        assert missing(("6.6",), "6/6") == "6.6"
