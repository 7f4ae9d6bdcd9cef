"""Bundles of real outages, recorded on a real cluster: real pods, real kubelet, real Prometheus. And healthy ones."""

from __future__ import annotations

import functools
import json
import random
import tempfile
from pathlib import Path

import pytest

from bench.citations import unfounded
from incident_agents.diagnosis.engine import diagnose
from incident_agents.diagnosis.ranking import BAR
from incident_commander.adapters.bundle.replay import read_evidence
from incident_commander.evidence.evidence import Evidence
from tests.unit.diagnosis.capture import CAUSES as SCENARIOS
from tests.unit.diagnosis.capture import FIXTURES, unpack
from tests.unit.diagnosis.capture_controls import CONTROLS
from tests.unit.diagnosis.capture_refusals import REFUSALS
from tests.unit.diagnosis.noise import with_noise
from tests.unit.diagnosis.recorded_once import RECORDED

CAUSES = SCENARIOS | {name: cause for name, (_, cause) in REFUSALS.items()} | RECORDED


@functools.cache
def recorded(name: str) -> Evidence:
    with tempfile.TemporaryDirectory() as folder:
        unpack(name, Path(folder))
        namespace = json.loads((Path(folder) / "bundle.json").read_text(encoding="utf-8"))["namespaces"][0]
        return read_evidence(Path(folder), namespace=namespace)


@pytest.mark.parametrize("name", CAUSES)
def test_what_the_scenario_broke_is_the_first_hypothesis(name: str) -> None:
    evidence = recorded(name)
    top = next(iter(diagnose(evidence, None, evidence.captured_at).hypotheses), None)
    assert top is not None
    assert top.cause.value == CAUSES[name], top
    assert (top.confidence >= BAR) == (CAUSES[name] != "Unknown")


@pytest.mark.parametrize("name", CAUSES)
def test_and_every_line_that_it_cites_is_in_the_recording(name: str) -> None:
    evidence = recorded(name)
    cited = [c for h in diagnose(evidence, None, evidence.captured_at).hypotheses for c in h.evidence]
    assert [c for c in cited if unfounded(c, evidence)] == []


@pytest.mark.parametrize("name", CAUSES)
@pytest.mark.parametrize("seed", range(2))
def test_noise_around_it_changes_nothing(name: str, seed: int) -> None:
    evidence = recorded(name)
    noisy = with_noise(evidence, random.Random(f"{name} {seed}"))
    before, after = (diagnose(e, None, e.captured_at).hypotheses[0] for e in (evidence, noisy))
    assert (after.cause, after.object) == (before.cause, before.object), after


@pytest.mark.parametrize("name", CONTROLS)
def test_where_nothing_is_wrong_nobody_is_called(name: str) -> None:
    evidence = recorded(name)
    assert evidence.objects["pods"], "nothing was recorded"
    found = diagnose(evidence, None, evidence.captured_at)
    assert all(h.confidence < BAR for h in found.hypotheses), found


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("seed", range(2))
def test_nor_with_noise_around_it(name: str, seed: int) -> None:
    noisy = with_noise(recorded(name), random.Random(f"{name} {seed}"))
    found = diagnose(noisy, None, noisy.captured_at).hypotheses
    assert all(h.confidence < BAR for h in found), found


def test_every_fixture_has_its_cause() -> None:
    assert {path.stem for path in FIXTURES.glob("*.json")} == {*CAUSES, *CONTROLS}
