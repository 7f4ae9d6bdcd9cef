"""docs/first-hour.md, command by command, with what it says is seen."""

from __future__ import annotations

import pytest

from tests.functional.docs.blocks import of_scene
from tests.functional.docs.shell import Shell

pytestmark = pytest.mark.apiserver


def test_the_first_hour_goes_as_the_page_says(shell: Shell) -> None:
    found = of_scene("first-hour")
    assert len(found) > 15
    for block in found:
        print(f"--- {block}\n{block.text}{shell.run(block)}")
