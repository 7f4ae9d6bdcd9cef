"""Parameters of runbook steps."""

import pytest

from incident_commander.errors import Refusal
from incident_commander.planning.template import expand, expand_for_people, references, values_of
from tests.unit.planning.case import hypothesis, incident

VALUES = {"facts.container": "web", "object.name": "shop"}


def test_references_are_replaced_and_other_text_is_kept() -> None:
    assert expand("${facts.container}-${object.name} $5 {x}", VALUES) == "web-shop $5 {x}"
    assert expand("", VALUES) == ""


def test_values_are_not_expanded_again() -> None:
    assert expand("${facts.a}", {"facts.a": "${facts.b}", "facts.b": "secret"}) == "${facts.b}"


@pytest.mark.parametrize(
    ("text", "values", "reason"),
    [
        ("${facts.gone}", VALUES, "MissingFact"),
        ("${facts.long}", {"facts.long": "x" * 257}, "ParameterTooLong"),
    ],
)
def test_what_cannot_be_expanded_is_refused(text: str, values: dict[str, str], reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        expand(text, values)
    assert refused.value.reason == reason


@pytest.mark.parametrize("text", ["${}", "${facts}", "${facts.}", "${secrets.x}", "${target.uid}", "${incident.spec}"])
def test_a_reference_that_can_never_be_resolved_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$\{"):
        references(text)


def test_people_are_told_what_is_not_known() -> None:
    assert expand_for_people("${facts.container}: ${facts.gone}", VALUES) == "web: (not known)"
    assert expand_for_people("${facts.long}", {"facts.long": "x" * 300}) == "x" * 255 + "…"


def test_what_can_be_referred_to() -> None:
    values = values_of(incident(), hypothesis(object=None, facts={"pod": "p", "empty": ""}))
    assert values["object.kind"] == values["target.kind"] == "Deployment"
    assert values["incident.namespace"] == "shop"
    assert values["facts.pod"] == "p"
    assert "facts.empty" not in values
