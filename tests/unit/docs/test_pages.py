"""What the documentation says to paste is what the tools accept, and what it names is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.controlplane import debian

ROOT = Path(__file__).resolve().parents[3]
DOCS = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", *ROOT.glob("charts/*/README.md")])
_BLOCK = re.compile(r"^```yaml ?(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)(?P<path>[^)#]+)")


def blocks(kind: str | None = None) -> Iterator[tuple[Path, str]]:
    for page in DOCS:
        for found in _BLOCK.finditer(page.read_text()):
            if kind in (None, found["kind"]):
                yield page, found["text"]


def test_every_yaml_block_is_yaml() -> None:
    for page, text in blocks():
        assert list(yaml.safe_load_all(text)), page


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = [found["path"] for found in _LINK.finditer(page.read_text()) if not (page.parent / found["path"]).exists()]
    assert not dead


def test_alertmanager_accepts_the_configuration_that_is_to_be_pasted(tmp_path: Path) -> None:
    if shutil.which("amtool") is None:
        if not os.environ.get("CI"):
            pytest.skip("no amtool on PATH; it comes with Alertmanager")
        debian.install(["prometheus-alertmanager"])
    found = list(blocks("alertmanager"))
    assert found
    for number, (_, text) in enumerate(found):
        file = tmp_path / f"{number}.yml"
        file.write_text(text)
        ran = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
