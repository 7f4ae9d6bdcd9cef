"""The table of how far a confidence can be trusted is made of predictions and the truth alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.reliability import Judged, aside, main, same, table


@pytest.mark.parametrize(
    ("said", "true", "right"),
    [
        ("Deployment/shop/web", "app/web", True),
        ("Pod/shop/web-5b5c9d7f6c-x2k4p", "app/web", True),
        ("Service/shop/website", "app/web", False),
        ("Node/web", "app/web", False),
        ("Node/node-a", "node/node-a", True),
        ("Node/node-ab", "node/node-a", False),
        ("ResourceQuota/shop/pods", "namespace/shop", True),
        ("Namespace/shop", "namespace/shop", True),
        ("Deployment/shop/web", "namespace/shop", False),
    ],
)
def test_an_object_is_right_when_it_is_the_true_one_or_a_part_of_it(said: str, true: str, right: bool) -> None:
    assert same(said, true) is right


def test_each_band_counts_its_own_and_empty_ones_say_nothing() -> None:
    given = [Judged(95, True, False), Judged(90, False, True), Judged(89, True, False), Judged(12, False, False)]
    rows = [line.strip("| ").split(" | ") for line in table(given).splitlines()[2:]]
    assert rows[0] == ["90 and more", "2", "50 %", "1", "0 %"]
    assert rows[1][:3] == ["80 to 89", "1", "100 %"]
    assert rows[2][:2] == ["70 to 79", "0"]
    assert rows[-1][:3] == ["below 50", "1", "0 %"]


def test_about_a_fifth_is_set_aside_and_always_the_same() -> None:
    chosen = [aside(f"bundle-{n}") for n in range(1000)]
    assert 150 < sum(chosen) < 250
    assert chosen == [aside(f"bundle-{n}") for n in range(1000)]


def test_three_hypotheses_of_a_bundle_count_no_answer_twice_and_a_missing_bundle_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    causes = ("leak", "oom", "oom", "port")
    said = [{"cause": c, "object": "Deployment/shop/web", "confidence": 89 - n} for n, c in enumerate(causes)]
    predictions, truth = tmp_path / "predictions.jsonl", tmp_path / "truth.jsonl"
    predictions.write_text(json.dumps({"id": "a", "ranked": said}) + "\n", encoding="utf-8")
    true = [{"id": name, "object": "app/web", "root_cause": "oom"} for name in "ab"]
    truth.write_text("".join(json.dumps(one) + "\n" for one in true), encoding="utf-8")
    assert main([str(predictions), str(truth)]) == 1
    shown = capsys.readouterr()
    assert "| 80 to 89 | 2 | 50 % |" in shown.out
    assert "1 of 2 bundles have no prediction" in shown.err
