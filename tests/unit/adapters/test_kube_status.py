"""What an API server's answer means."""

from __future__ import annotations

import json

import pytest

from incident_commander import errors
from incident_commander.adapters.kube_status import error_from_answer


def status(reason: str, message: str = "because", **more: object) -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message, **more}).encode()


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (404, "NotFound", errors.NotFound),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (401, "Unauthorized", errors.Forbidden),
        (403, "Forbidden", errors.Forbidden),
        (400, "BadRequest", errors.Invalid),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Throttled),
        (500, "InternalError", errors.Unavailable),
        (503, "ServiceUnavailable", errors.Unavailable),
        (504, "Timeout", errors.Unavailable),
    ],
)
def test_each_status_has_its_error(code: int, reason: str, expected: type[errors.ClusterError]) -> None:
    error = error_from_answer("GET /x", code, {}, status(reason))
    assert type(error) is expected
    assert f"GET /x: {code} {reason}: because" in str(error)


def test_a_list_that_expired_is_told_apart_from_other_conflicts() -> None:
    error = error_from_answer("GET /x", 410, {}, status("Expired"))
    assert isinstance(error, errors.Conflict)
    assert error.status == 410


class TestJsonPatch:
    UNAPPLIED = status("Invalid", "the server rejected our request due to an error in our request")

    def test_with_preconditions_that_did_not_apply_is_a_conflict(self) -> None:
        assert isinstance(error_from_answer("PATCH /x", 422, {}, self.UNAPPLIED, guarded=True), errors.Conflict)

    def test_without_preconditions_that_did_not_apply_is_invalid(self) -> None:
        assert isinstance(error_from_answer("PATCH /x", 422, {}, self.UNAPPLIED), errors.Invalid)

    def test_that_applied_to_something_invalid_is_invalid(self) -> None:
        body = status("Invalid", 'Deployment "web" is invalid: spec.replicas: must be >= 0')
        assert isinstance(error_from_answer("PATCH /x", 422, {}, body, guarded=True), errors.Invalid)


class TestThrottling:
    def test_503_with_retry_after_asks_to_come_back(self) -> None:
        error = error_from_answer("GET /x", 503, {"Retry-After": "7"}, status("ServiceUnavailable"))
        assert isinstance(error, errors.Throttled)
        assert error.retry_after == 7

    def test_the_body_may_carry_the_seconds(self) -> None:
        body = status("TooManyRequests", details={"retryAfterSeconds": 3})
        error = error_from_answer("GET /x", 429, {}, body)
        assert isinstance(error, errors.Throttled)
        assert error.retry_after == 3

    @pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", ""])
    def test_what_is_no_number_waits_for_a_second(self, value: str) -> None:
        error = error_from_answer("GET /x", 429, {"Retry-After": value}, b"")
        assert isinstance(error, errors.Throttled)
        assert error.retry_after == 1


def test_an_answer_of_a_proxy_is_shown_in_short() -> None:
    error = error_from_answer("GET /x", 502, {}, b"<html>" + b"x" * 5000)
    assert isinstance(error, errors.Unavailable)
    assert len(str(error)) < 1100


def test_a_resource_of_ours_that_is_not_served_says_what_to_install() -> None:
    path = "GET /apis/incidentcommander.io/v1alpha1/agents"
    missing = error_from_answer(path, 404, {}, b"404 page not found\n")
    assert "incident-commander crds apply" in str(missing)
    assert "crds" not in str(error_from_answer(f"{path}/x", 404, {}, status("NotFound")))
