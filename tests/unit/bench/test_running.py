"""A part that fails takes nothing else with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as bench
from bench import incidents, memory


def test_the_other_parts_are_measured_shown_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: Any) -> Any:
        raise TimeoutError("the patch: not within 60 s\n--- gateway.log")

    monkeypatch.setattr(incidents, "run", fail)
    monkeypatch.setattr(memory, "idle_kopf_mib", lambda **_: {"kopf": 66.9})
    monkeypatch.setattr(bench, "OUT", tmp_path / "out" / "bench.json")
    assert bench.main(["memory", "incidents"]) == 1
    told = capsys.readouterr()
    assert "incidents FAILED: the patch" in told.err
    assert "incidents: NOT MEASURED" in told.out
    assert "66.9 MiB" in told.out
    written = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert written["failed"] == {"incidents": "the patch: not within 60 s"}
    assert written["idle_kopf_rss_mib"] == {"kopf": 66.9}
