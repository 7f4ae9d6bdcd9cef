"""Signed statements: DSSE envelopes, written in one way only and opened strictly.

DSSE (https://github.com/secure-systems-lab/dsse) leaves room that a vote must not have: several
signatures, two base64 alphabets, white space, unknown members. Here an envelope has exactly one text
for one signature over one payload, so that no byte of it can be changed without being noticed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Signature

from incident_commander.api.agent import Agent, PublicKey
from incident_commander.api.names import STATEMENT_PAYLOAD_TYPE
from incident_commander.api.statement import Statement
from incident_commander.consensus.canonical import canonical_json, canonical_text
from incident_commander.consensus.keys import SigningKey, key_id_of, verifier
from incident_commander.consensus.reasons import StatementReason
from incident_commander.errors import InvalidStatement

MAX_ENVELOPE = 65_536
"""Characters; the bound of ``EnvelopeText`` in the CRD. Checked before anything is parsed."""
CLOCK_SKEW = timedelta(seconds=30)
"""How far in the future a statement may have been issued."""
MAX_VALIDITY = timedelta(seconds=86_400 + 600)
"""The longest approval a policy can ask for, and ten minutes to act on it."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement whose signature holds, with who signed it. Says nothing about time yet."""

    statement: Statement
    agent: Agent
    key: PublicKey


@dataclass(frozen=True, slots=True)
class _Parts:
    payload: bytes
    key_id: str
    signature: bytes


def sign(statement: Statement, key: SigningKey) -> str:
    """The envelope as canonical JSON text.

    Raises InvalidStatement (``EnvelopeTooLarge``) when it would not fit into an Incident: say less.
    """
    envelope = Envelope(canonical_json(statement.to_json()), STATEMENT_PAYLOAD_TYPE, {})
    envelope.sign(key.signer)
    text = canonical_text(envelope.to_dict())
    if len(text) > MAX_ENVELOPE:
        raise InvalidStatement(
            StatementReason.TOO_LARGE,
            f"the {statement.body.type} of agent {statement.agent} takes {len(text)} characters, "
            f"more than {MAX_ENVELOPE}: give fewer plans or less evidence",
        )
    return text


def open_envelope(text: str, agents: Sequence[Agent], *, now: datetime) -> Statement:
    """The statement, when a known agent signed it with a key that counts, and it counts at ``now``.

    Does not look at which Incident it is about, nor at quarantine. Raises InvalidStatement.
    """
    signed = open_signed(text, agents)
    check_times(signed, now)
    return signed.statement


def open_signed(text: str, agents: Sequence[Agent], *, limit: int = MAX_ENVELOPE) -> Signed:
    """Everything that ``open_envelope`` checks but the times: for proofs, which do not grow stale."""
    parts = _parts(text, limit)
    agent, key = _owner(parts.key_id, agents)
    envelope = Envelope(
        parts.payload, STATEMENT_PAYLOAD_TYPE, {parts.key_id: Signature(parts.key_id, parts.signature.hex())}
    )
    try:
        envelope.verify([verifier(key)], 1)
    except (VerificationError, ValueError):
        raise InvalidStatement(
            StatementReason.BAD_SIGNATURE,
            f"the signature under key {parts.key_id[:12]} of agent {agent.metadata.name} does not fit the payload",
        ) from None
    statement = _statement(parts.payload)
    if statement.agent != agent.metadata.name:
        raise InvalidStatement(
            StatementReason.WRONG_AGENT,
            f"signed with a key of agent {agent.metadata.name}, but it speaks as {statement.agent!r}",
        )
    if statement.role != agent.spec.role:
        raise InvalidStatement(
            StatementReason.WRONG_ROLE,
            f"agent {statement.agent} has the role {agent.spec.role}, but it speaks as {statement.role!r}",
        )
    return Signed(statement, agent, key)


def check_times(signed: Signed, now: datetime) -> None:
    """Raise InvalidStatement unless statement and key count at ``now``."""
    statement = signed.statement
    who = f"agent {statement.agent}"
    for at in (statement.issued_at, now):
        if not key_counts(signed.key, at):
            raise InvalidStatement(
                StatementReason.KEY_NOT_VALID,
                f"key {signed.key.key_id[:12]} of {who} counts from {signed.key.not_before} until "
                f"{signed.key.not_after}, not at {at}",
            )
    if statement.issued_at > now + CLOCK_SKEW:
        raise InvalidStatement(
            StatementReason.FROM_THE_FUTURE,
            f"{who} says {statement.issued_at}, it is {now}: its clock is more than {CLOCK_SKEW.seconds} s ahead",
        )
    if not timedelta(0) < statement.expires_at - statement.issued_at <= MAX_VALIDITY:
        raise InvalidStatement(
            StatementReason.VALID_TOO_LONG,
            f"{who} says that it counts from {statement.issued_at} until {statement.expires_at}; "
            f"at most {MAX_VALIDITY.total_seconds():.0f} s are allowed, and more than none",
        )
    if now >= statement.expires_at:
        raise InvalidStatement(
            StatementReason.EXPIRED, f"the {statement.body.type} of {who} expired at {statement.expires_at}"
        )


def key_counts(key: PublicKey, at: datetime) -> bool:
    """Whether signatures of that key count at that time (``not_after`` is the first moment when not)."""
    return key.not_before <= at < key.not_after


def read_unverified(text: str) -> Statement:
    """What an envelope says, whoever wrote it. Only for text that was verified before, or to show it to people.

    Raises InvalidStatement when it is no envelope.
    """
    return _statement(_parts(text, MAX_ENVELOPE).payload)


def _parts(text: str, limit: int) -> _Parts:
    if len(text) > limit:
        raise InvalidStatement(StatementReason.TOO_LARGE, f"{len(text)} characters, more than {limit}")
    document = _parse(text, StatementReason.MALFORMED_ENVELOPE)
    if not isinstance(document, dict) or set(document) != {"payload", "payloadType", "signatures"}:
        raise _malformed("a DSSE envelope has exactly the members payload, payloadType and signatures")
    if document["payloadType"] != STATEMENT_PAYLOAD_TYPE:
        raise InvalidStatement(
            StatementReason.WRONG_PAYLOAD_TYPE,
            f"payloadType is {str(document['payloadType'])[:100]!r}, not {STATEMENT_PAYLOAD_TYPE!r}",
        )
    signatures = document["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise InvalidStatement(StatementReason.SIGNATURE_COUNT, "an envelope carries exactly one signature")
    signature = signatures[0]
    if not isinstance(signature, dict) or set(signature) != {"keyid", "sig"}:
        raise _malformed("a signature has exactly the members keyid and sig")
    if not isinstance(signature["keyid"], str):
        raise _malformed("keyid is not a string")
    parts = _Parts(_base64(document["payload"], "payload"), signature["keyid"], _base64(signature["sig"], "sig"))
    again = {
        "payload": base64.standard_b64encode(parts.payload).decode(),
        "payloadType": STATEMENT_PAYLOAD_TYPE,
        "signatures": [{"keyid": parts.key_id, "sig": base64.standard_b64encode(parts.signature).decode()}],
    }
    try:
        same = canonical_text(again) == text
    except ValueError:
        same = False
    if not same:
        raise _malformed("the envelope is not written as canonical JSON with standard base64")
    return parts


def _owner(key_id: str, agents: Sequence[Agent]) -> tuple[Agent, PublicKey]:
    owners = [(agent, key) for agent in agents for key in agent.spec.public_keys if key.key_id == key_id]
    if not owners:
        raise InvalidStatement(StatementReason.UNKNOWN_KEY, f"no Agent lists a key with the id {key_id[:12]!r}")
    agent, key = owners[0]
    if any(other is not agent for other, _ in owners) or any(
        other is not agent and other.metadata.name == agent.metadata.name for other in agents
    ):
        names = sorted({other.metadata.name for other, _ in owners})
        raise InvalidStatement(
            StatementReason.AMBIGUOUS_KEY,
            f"key {key_id[:12]} stands in more than one Agent ({', '.join(names)}): give each agent a key of its own",
        )
    if key_id_of(key.public_key) != key_id:
        raise InvalidStatement(
            StatementReason.UNKNOWN_KEY,
            f"the keyId {key_id[:12]} in Agent {agent.metadata.name} is not the SHA-256 of its publicKey: correct it",
        )
    return agent, key


def _statement(payload: bytes) -> Statement:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidStatement(StatementReason.NOT_CANONICAL, "the payload is not UTF-8") from None
    value = _parse(text, StatementReason.NOT_CANONICAL)
    try:
        canonical = canonical_json(value) == payload
    except (ValueError, RecursionError):
        canonical = False
    if not canonical:
        raise InvalidStatement(StatementReason.NOT_CANONICAL, "the payload is not canonical JSON")
    try:
        return Statement.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InvalidStatement(
            StatementReason.MALFORMED_STATEMENT, f"{path or 'the payload'}: {first['msg']}"
        ) from None


def _parse(text: str, reason: StatementReason) -> Any:
    # RecursionError: 60,000 opening brackets fit into the bound, and must not stop the process.
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidStatement(reason, f"not JSON: {type(error).__name__}") from None


def _base64(value: object, member: str) -> bytes:
    if not isinstance(value, str):
        raise _malformed(f"{member} is not a string")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(f"{member} is not standard base64") from None


def _malformed(message: str) -> InvalidStatement:
    return InvalidStatement(StatementReason.MALFORMED_ENVELOPE, message)
