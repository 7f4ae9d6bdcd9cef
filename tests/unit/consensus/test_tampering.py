"""Flip any byte of a certified plan or of its certificate: it is noticed, or it decides nothing."""

import itertools
import json
from typing import TypeVar

from pydantic import ValidationError

from incident_commander.api.incident import Certificate
from incident_commander.api.plan import Plan
from incident_commander.consensus.canonical import canonical_text
from incident_commander.consensus.certificate import verify_certificate
from incident_commander.errors import InvalidCertificate
from tests.unit.consensus.council import NOW, UID, Council, plan

COUNCIL = Council(4)
PLAN = plan(summary="Back to web:1")
GOOD = COUNCIL.certificate(PLAN, range(3))


def verifies(certificate: Certificate, of: Plan) -> bool:
    try:
        verify_certificate(
            certificate, plan=of, incident_uid=UID, agents=COUNCIL.agents, consensus_policy=None, now=NOW
        )
    except InvalidCertificate:
        return False
    return True


def flipped(text: str, position: int, bit: int) -> str:
    return text[:position] + chr(ord(text[position]) ^ bit) + text[position + 1 :]


Read = TypeVar("Read", Plan, Certificate)


def read(model: type[Read], text: str) -> Read | None:
    try:
        return model.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return None


def test_no_byte_of_the_plan_but_the_prose_can_be_changed() -> None:
    text = canonical_text(PLAN.to_json())
    for position, bit in itertools.product(range(len(text)), (1, 2, 16)):
        changed = read(Plan, flipped(text, position, bit))
        if changed is not None and verifies(GOOD, changed):
            assert changed.model_copy(update={"summary": PLAN.summary}) == PLAN


def test_no_byte_of_the_certificate_that_decides_anything_can_be_changed() -> None:
    # The bytes of envelopes are flipped one by one in test_envelope.
    bare = canonical_text(GOOD.model_copy(update={"envelopes": []}).to_json())
    for position, bit in itertools.product(range(len(bare)), (1, 2, 16)):
        changed = read(Certificate, flipped(bare, position, bit))
        if changed is None or changed.envelopes:
            continue
        whole = changed.model_copy(update={"envelopes": GOOD.envelopes})
        if verifies(whole, PLAN):
            free = {"issued_at": GOOD.issued_at}
            assert whole.model_copy(update=free) == GOOD
            assert whole.issued_at < whole.expires_at


def test_a_flipped_byte_inside_of_a_certified_envelope_spoils_the_certificate() -> None:
    first, *rest = GOOD.envelopes
    for position in range(0, len(first), 7):
        spoiled = GOOD.model_copy(update={"envelopes": [flipped(first, position, 1), *rest]})
        assert not verifies(spoiled, PLAN)
