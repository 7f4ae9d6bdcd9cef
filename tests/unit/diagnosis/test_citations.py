"""Each citation is found again in what it was made from; one that was tampered with is not."""

import pytest

from bench.citations import unfounded
from incident_agents.diagnosis.engine import diagnose
from incident_commander.api.statement import Citation, CitationKind
from tests.unit.diagnosis.builders import NOW, incident
from tests.unit.diagnosis.test_hostile_scenes import broken

WHOLE = broken()
CITED = [c for h in diagnose(WHOLE, incident(), NOW).hypotheses for c in h.evidence]


def test_every_citation_is_found_again() -> None:
    assert {c.kind for c in CITED} >= {CitationKind.OBJECT, CitationKind.EVENT, CitationKind.LOG, CitationKind.NOTE}
    assert [c for c in CITED if unfounded(c, WHOLE)] == []


@pytest.mark.parametrize("cited", [c for c in CITED if c.kind is not CitationKind.METRIC], ids=lambda c: c.kind)
def test_a_citation_of_something_that_was_not_said_is_told(cited: Citation) -> None:
    assert unfounded(cited.model_copy(update={"value": f"{cited.value} and more"}), WHOLE)
