"""Envelopes are opened strictly: one text for one signature over one payload, by a known agent, in time."""

import base64
import itertools
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_commander.api.names import STATEMENT_PAYLOAD_TYPE
from incident_commander.api.role import Role
from incident_commander.api.statement import Account, Decision, Measurement
from incident_commander.consensus.canonical import canonical_json, canonical_text
from incident_commander.consensus.envelope import MAX_ENVELOPE, open_envelope, read_unverified, sign
from incident_commander.consensus.keys import SigningKey
from incident_commander.consensus.reasons import StatementReason
from incident_commander.errors import InvalidStatement
from tests.unit.consensus.council import NOW, YEAR, Council, agent, key, plan

COUNCIL = Council(6)
GOOD = COUNCIL.vote(0, plan())
TICK = timedelta(milliseconds=1)


def refusal(text: str, council: Council = COUNCIL, *, after: timedelta = timedelta(0)) -> str:
    with pytest.raises(InvalidStatement) as refused:
        open_envelope(text, council.agents, now=NOW + after)
    assert refused.value.args[0]
    return refused.value.reason


def signed_bytes(payload: bytes, signer: SigningKey, payload_type: str = STATEMENT_PAYLOAD_TYPE) -> str:
    """An envelope over any bytes, as a Byzantine agent can make it."""
    pae = b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type.encode(), len(payload), payload)
    signature = bytes.fromhex(signer.signer.sign(pae).signature)
    return canonical_text(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"keyid": signer.key_id, "sig": base64.b64encode(signature).decode()}],
        }
    )


def reshaped(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(GOOD)
    change(document)
    return canonical_text(document)


class TestAGoodEnvelope:
    def test_opens_as_what_was_signed(self) -> None:
        statement = open_envelope(GOOD, COUNCIL.agents, now=NOW)
        assert (statement.agent, statement.role) == ("agent-00", "detection")
        assert read_unverified(GOOD) == statement

    def test_is_the_same_text_each_time_it_is_signed(self) -> None:
        assert COUNCIL.vote(0, plan()) == GOOD

    def test_carries_any_text_that_a_statement_may_hold(self) -> None:
        story = 'ünïcode \u2028 "quotes" \x1b[31m 🚒'
        text = sign(COUNCIL.statement(4, Account(story=story)), key(4))
        body = open_envelope(text, COUNCIL.agents, now=NOW).body
        assert isinstance(body, Account)
        assert body.story == story


class TestTheEnvelope:
    def test_of_more_than_the_bound_is_not_even_parsed(self) -> None:
        assert refusal("[" * (MAX_ENVELOPE + 1)) == StatementReason.TOO_LARGE

    def test_that_nests_too_deep_is_refused_and_stops_nothing(self) -> None:
        assert refusal("[" * MAX_ENVELOPE) == StatementReason.MALFORMED_ENVELOPE

    @pytest.mark.parametrize("text", ["", "null", "[]", '"x"', "{}", "{", "NaN", "1e999", "\ud800"])
    def test_that_is_none_is_refused(self, text: str) -> None:
        assert refusal(text) == StatementReason.MALFORMED_ENVELOPE

    @given(st.text(max_size=200))
    def test_made_of_garbage_is_refused(self, text: str) -> None:
        refusal(text)

    def test_of_another_payload_type_is_refused_even_when_signed(self) -> None:
        payload = base64.b64decode(json.loads(GOOD)["payload"])
        assert refusal(signed_bytes(payload, key(0), "application/json")) == StatementReason.WRONG_PAYLOAD_TYPE

    @pytest.mark.parametrize("count", [0, 2])
    def test_has_exactly_one_signature(self, count: int) -> None:
        text = reshaped(lambda d: d.update(signatures=d["signatures"] * count))
        assert refusal(text) == StatementReason.SIGNATURE_COUNT

    @pytest.mark.parametrize(
        "change",
        [
            lambda d: d.update(extra=1),
            lambda d: d["signatures"][0].update(extra=1),
            lambda d: d["signatures"][0].pop("keyid"),
            lambda d: d["signatures"][0].update(keyid=5),
            lambda d: d.update(payload=5),
            lambda d: d.update(payload=d["payload"] + "!"),
            lambda d: d.update(payload="ÿ"),
            lambda d: d["signatures"][0].update(sig=""),
            lambda d: d["signatures"][0].update(sig="AAAA"),
        ],
    )
    def test_with_other_members_or_types_is_refused(self, change: Callable[[dict[str, Any]], object]) -> None:
        assert refusal(reshaped(change)) in (StatementReason.MALFORMED_ENVELOPE, StatementReason.BAD_SIGNATURE)

    def test_has_one_way_of_being_written(self) -> None:
        document = json.loads(GOOD)
        assert refusal(json.dumps(document)) == StatementReason.MALFORMED_ENVELOPE
        assert refusal(GOOD + "\n") == StatementReason.MALFORMED_ENVELOPE
        twice = GOOD.replace('{"payload"', '{"payloadType":"x","payload"', 1)
        assert refusal(twice) == StatementReason.MALFORMED_ENVELOPE

    def test_with_any_byte_flipped_is_refused(self) -> None:
        for position, bit in itertools.product(range(len(GOOD)), (1, 4, 32)):
            refusal(GOOD[:position] + chr(ord(GOOD[position]) ^ bit) + GOOD[position + 1 :])


class TestThePayload:
    PAYLOAD = base64.b64decode(json.loads(GOOD)["payload"])

    def test_is_refused_when_another_key_signed_it(self) -> None:
        document = json.loads(COUNCIL.vote(0, plan(), signer=key(1)))
        document["signatures"][0]["keyid"] = key(0).key_id
        assert refusal(canonical_text(document)) == StatementReason.BAD_SIGNATURE

    def test_of_a_key_that_no_agent_lists_is_refused(self) -> None:
        assert refusal(COUNCIL.vote(0, plan(), signer=key(99))) == StatementReason.UNKNOWN_KEY

    def test_may_not_speak_as_another_agent(self) -> None:
        assert refusal(COUNCIL.vote(0, plan(), signer=key(1))) == StatementReason.WRONG_AGENT

    def test_may_not_claim_another_role(self) -> None:
        assert refusal(COUNCIL.vote(0, plan(), role=Role.VERIFICATION)) == StatementReason.WRONG_ROLE

    def test_is_canonical_json(self) -> None:
        loose = json.dumps(json.loads(self.PAYLOAD)).encode()
        assert refusal(signed_bytes(loose, key(0))) == StatementReason.NOT_CANONICAL
        assert refusal(signed_bytes(b"\xff\xfe", key(0))) == StatementReason.NOT_CANONICAL
        assert refusal(signed_bytes(b"[" * 30_000, key(0))) == StatementReason.NOT_CANONICAL
        assert refusal(signed_bytes(b'{"a":1,"a":1}', key(0))) == StatementReason.NOT_CANONICAL
        assert refusal(signed_bytes(b"1.5", key(0))) == StatementReason.NOT_CANONICAL

    def test_is_a_statement_and_the_field_that_is_wrong_is_named(self) -> None:
        value = json.loads(self.PAYLOAD)
        value["body"]["decision"] = "Perhaps"
        text = signed_bytes(canonical_json(value), key(0))
        with pytest.raises(InvalidStatement, match="decision") as refused:
            open_envelope(text, COUNCIL.agents, now=NOW)
        assert refused.value.reason == StatementReason.MALFORMED_STATEMENT

    def test_may_carry_fields_of_a_later_version_which_are_signed_all_the_same(self) -> None:
        value = json.loads(self.PAYLOAD) | {"novelty": "x"}
        assert open_envelope(signed_bytes(canonical_json(value), key(0)), COUNCIL.agents, now=NOW)


class TestTime:
    def test_a_statement_counts_until_just_before_it_expires(self) -> None:
        ten = timedelta(minutes=10)
        open_envelope(GOOD, COUNCIL.agents, now=NOW + ten - TICK)
        assert refusal(GOOD, after=ten) == StatementReason.EXPIRED

    def test_a_clock_may_be_thirty_seconds_ahead_and_no_more(self) -> None:
        skew = timedelta(seconds=30)
        open_envelope(GOOD, COUNCIL.agents, now=NOW - skew)
        assert refusal(GOOD, after=-skew - TICK) == StatementReason.FROM_THE_FUTURE

    @pytest.mark.parametrize("validity", [timedelta(0), -TICK, timedelta(seconds=87_000) + TICK])
    def test_a_statement_that_never_counts_or_counts_for_days_is_refused(self, validity: timedelta) -> None:
        assert refusal(COUNCIL.vote(0, plan(), expires_at=NOW + validity)) == StatementReason.VALID_TOO_LONG


class TestKeys:
    def rotating(self) -> Council:
        council = Council(6)
        old = key(0).public_key(NOW - YEAR, NOW + timedelta(hours=1))
        new = key(50).public_key(NOW - timedelta(hours=1), NOW + YEAR)
        council.agents[0] = agent(0, Role.DETECTION, old, new)
        return council

    def test_old_and_new_count_while_they_overlap(self) -> None:
        council = self.rotating()
        for signer in (key(0), key(50)):
            open_envelope(council.vote(0, plan(), signer=signer), council.agents, now=NOW)

    def test_the_old_one_counts_no_more_once_it_ran_out_even_for_what_it_signed_before(self) -> None:
        council = self.rotating()
        issued = NOW + timedelta(minutes=55)
        text = council.vote(0, plan(), issued_at=issued, expires_at=issued + timedelta(minutes=10))
        open_envelope(text, council.agents, now=issued)
        assert refusal(text, council, after=timedelta(hours=1)) == StatementReason.KEY_NOT_VALID

    def test_the_new_one_cannot_sign_for_the_time_before_it(self) -> None:
        council = self.rotating()
        issued = NOW - timedelta(hours=1) - TICK
        text = council.vote(0, plan(), signer=key(50), issued_at=issued, expires_at=issued + timedelta(minutes=10))
        assert refusal(text, council) == StatementReason.KEY_NOT_VALID

    def test_a_key_that_two_agents_list_speaks_for_neither(self) -> None:
        council = Council(6)
        shared = key(0).public_key(NOW - YEAR, NOW + YEAR)
        council.agents[1] = agent(1, Role.DIAGNOSIS, shared, key(1).public_key(NOW - YEAR, NOW + YEAR))
        assert refusal(council.vote(0, plan()), council) == StatementReason.AMBIGUOUS_KEY
        assert refusal(council.vote(1, plan(), signer=key(0)), council) == StatementReason.AMBIGUOUS_KEY

    def test_of_two_agents_with_one_name_neither_is_believed(self) -> None:
        council = Council(6)
        council.agents.append(agent(0, Role.DETECTION, key(70).public_key(NOW - YEAR, NOW + YEAR)))
        assert refusal(council.vote(0, plan()), council) == StatementReason.AMBIGUOUS_KEY

    def test_a_key_id_that_is_not_the_hash_of_its_key_proves_nothing(self) -> None:
        council = Council(6)
        planted = key(66).public_key(NOW - YEAR, NOW + YEAR).model_copy(update={"key_id": key(0).key_id})
        council.agents[0] = agent(0, Role.DETECTION, planted)
        assert refusal(council.vote(0, plan()), council) == StatementReason.UNKNOWN_KEY


def test_what_does_not_fit_into_an_incident_is_not_signed() -> None:
    story = COUNCIL.statement(4, Account(story="\U0001f692" * 8000, audience=["\U0001f692" * 256] * 8))
    assert sign(story, key(4))
    huge = COUNCIL.statement(4, Measurement(measurable=True))
    padded = huge.model_copy(update={"incident": "x" * MAX_ENVELOPE})
    with pytest.raises(InvalidStatement, match="less evidence") as refused:
        sign(padded, key(4))
    assert refused.value.reason == StatementReason.TOO_LARGE


def test_decisions_are_part_of_what_is_signed() -> None:
    assert COUNCIL.vote(0, plan(), Decision.REJECT) != GOOD
