"""Why a statement, a vote or a certificate does not count: one constant for each way of being wrong."""

from __future__ import annotations

import enum


class StatementReason(enum.StrEnum):
    """``InvalidStatement.reason``. The first six are about the envelope, which anybody could have written."""

    TOO_LARGE = "EnvelopeTooLarge"
    MALFORMED_ENVELOPE = "MalformedEnvelope"
    WRONG_PAYLOAD_TYPE = "WrongPayloadType"
    SIGNATURE_COUNT = "NotExactlyOneSignature"
    UNKNOWN_KEY = "UnknownKey"
    BAD_SIGNATURE = "BadSignature"
    AMBIGUOUS_KEY = "AmbiguousKey"
    """Two Agents list one key, or one name stands twice: nobody can say who signed."""
    NOT_CANONICAL = "NotCanonicalJSON"
    MALFORMED_STATEMENT = "MalformedStatement"
    WRONG_AGENT = "WrongAgent"
    WRONG_ROLE = "WrongRole"
    KEY_NOT_VALID = "KeyNotValid"
    FROM_THE_FUTURE = "IssuedInTheFuture"
    EXPIRED = "Expired"
    VALID_TOO_LONG = "ValidTooLong"
    NOT_A_VOTE = "NotAVote"
    FOREIGN_INCIDENT = "ForeignIncident"
    FOREIGN_ROUND = "ForeignRound"
    FOREIGN_PLAN = "ForeignPlan"
    QUARANTINED = "AgentQuarantined"


class CertificateReason(enum.StrEnum):
    """``InvalidCertificate.reason``."""

    FOREIGN_INCIDENT = "ForeignIncident"
    FOREIGN_PLAN = "ForeignPlan"
    """The plan that is shown is not the plan that was certified: its recomputed digest differs."""
    TOO_FEW_AGENTS = "TooFewAgents"
    DUPLICATE_AGENT = "DuplicateAgent"
    MEMBERSHIP = "MembershipMismatch"
    FAULTS = "WrongFaults"
    QUORUM_TOO_LOW = "QuorumTooLow"
    FROM_THE_FUTURE = "IssuedInTheFuture"
    EXPIRED = "Expired"
    WRONG_EXPIRY = "WrongExpiry"
    BAD_ENVELOPE = "BadEnvelope"
    """One envelope does not open as a vote of this round; the message names it and says why."""
    NOT_AN_APPROVAL = "NotAnApproval"
    DUPLICATE_VOTE = "DuplicateVote"
    QUORUM_NOT_REACHED = "QuorumNotReached"
    REQUIRED_ROLE_MISSING = "RequiredRoleMissing"
