"""What the audit log says about the shipped RBAC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e.harness.grants import Reason, Right, asked, examine, listed, shipped

PATCH = Right("executor", "patch", "deployments.apps")
READ = Right("executor", "get", "pods")


def event(decision: str = "allow", user: str = "executor", **more: Any) -> str:
    target = {"resource": "deployments", "apiGroup": "apps", "name": "web", **more}
    return json.dumps(
        {
            "verb": "patch",
            "user": {"username": f"system:serviceaccount:incident-commander:{user}"},
            "objectRef": target,
            "annotations": {"authorization.k8s.io/decision": decision},
        }
    )


def read(tmp_path: Path, *lines: str) -> list[tuple[Right, bool]]:
    log = tmp_path / "audit.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return list(asked(log, 0, "incident-commander"))


def test_a_request_is_read_with_its_group_subresource_and_decision(tmp_path: Path) -> None:
    found = read(tmp_path, event(), event("forbid", resource="pods", apiGroup="", subresource="resize"))
    assert found == [(PATCH, True), (Right("executor", "patch", "pods/resize"), False)]


def test_requests_of_others_are_not_ours(tmp_path: Path) -> None:
    other = event().replace("serviceaccount:incident-commander", "serviceaccount:shop")
    assert read(tmp_path, other, json.dumps({"verb": "get", "user": {"username": "admin"}})) == []


def test_what_rbac_refused_is_named() -> None:
    finding = examine([READ], [(READ, True), (PATCH, False)], [])
    assert finding.refused == (PATCH,)
    assert "RBAC refused what was asked: executor patch deployments.apps" in str(finding)


def test_what_is_granted_and_never_used_needs_a_reason() -> None:
    assert examine([READ, PATCH], [(READ, True)], []).unused == (PATCH,)
    reason = Reason(["exec*"], ["patch"], ["*.apps"], "because")
    found = examine([READ, PATCH], [(READ, True)], [reason])
    assert (found.unused, found.excused) == ((), (PATCH,))
    assert str(examine([READ], [(READ, True)], [])) == ""


def test_every_listed_reason_is_about_something_that_is_granted() -> None:
    granted = shipped()
    assert [r for r in listed() if not any(r.covers(right) for right in granted)] == []


def test_the_shipped_bindings_are_understood() -> None:
    granted = shipped()
    assert PATCH in granted
    assert Right("agent-diagnosis", "get", "pods/log") in granted
    assert Right("coordinator", "patch", "incidents/status.incidentcommander.io") in granted
    assert not any(right.resource == "secrets" for right in granted)
