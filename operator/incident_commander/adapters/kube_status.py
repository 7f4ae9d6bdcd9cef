"""From an API server's answer to the project's errors. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from incident_commander import errors
from incident_commander.api.names import GROUP

_DEFAULT_RETRY_SECONDS = 1.0
_LONGEST_MESSAGE = 1000
_UNAPPLIED_PATCH = "the server rejected our request due to an error in our request"
"""All that kube-apiserver says of a JSON Patch that did not apply: a failed ``test`` and a missing path look alike."""


def error_from_answer(
    request: str, status: int, headers: Mapping[str, str], body: bytes, *, guarded: bool = False
) -> errors.ClusterError:
    """The error for an HTTP status of 400 or more.

    ``request`` is shown in the message ("PATCH /apis/..."). ``guarded`` says that the request was a JSON Patch
    with ``test`` operations: where the server could not apply it, the object is not what the caller looked at.
    """
    said = _status_object(body)
    reason = str(said.get("reason") or "Unknown")
    message = f"{request}: {status} {reason}: {_message(said, body)}"
    if status == 429 and _names_cause(said, "DisruptionBudget"):
        return errors.DisruptionRefused(message)
    if status == 429 or (status == 503 and "Retry-After" in headers):
        return errors.Throttled(message, retry_after=_retry_after(headers, said))
    if status == 404 and not said and f"/apis/{GROUP}/" in request:
        return errors.NotFound(f"{message}; its CRD is not installed: incident-commander crds apply")
    if status == 404:
        return errors.NotFound(message)
    if status == 409:
        return errors.AlreadyExists(message) if reason == "AlreadyExists" else errors.Conflict(message, reason=reason)
    if status == 410:
        return errors.Conflict(message, status=410, reason="Expired")
    if status in (401, 403):
        return errors.Forbidden(message, status=status, reason=reason)
    if status >= 500:
        return errors.Unavailable(message, status=status, reason=reason)
    if guarded and _patch_did_not_apply(said):
        return errors.Conflict(message, status=status, reason="PreconditionFailed")
    return errors.Invalid(message, status=status, reason=reason)


def _patch_did_not_apply(said: Mapping[str, Any]) -> bool:
    message = str(said.get("message", ""))
    return _UNAPPLIED_PATCH in message or ("testing" in message and "failed" in message)


def _names_cause(said: Mapping[str, Any], reason: str) -> bool:
    """Whether ``Status.details.causes`` names it."""
    details = said.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return any(isinstance(cause, dict) and cause.get("reason") == reason for cause in causes or ())


def _status_object(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) and said.get("kind") == "Status" else {}


def _message(said: Mapping[str, Any], body: bytes) -> str:
    text = str(said.get("message") or body.decode("utf-8", "replace").strip() or "no message")
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def _retry_after(headers: Mapping[str, str], said: Mapping[str, Any]) -> float:
    """Seconds; the header's HTTP-date form, which kube-apiserver never sends, counts as the default."""
    details = said.get("details")
    named = headers.get("Retry-After") or (details.get("retryAfterSeconds") if isinstance(details, dict) else None)
    try:
        return max(0.0, float(named)) if named is not None else _DEFAULT_RETRY_SECONDS
    except (TypeError, ValueError):
        return _DEFAULT_RETRY_SECONDS
