"""What an incident cost is counted from the API server's audit log, and from nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e.harness.audit import AuditLog

OPERATOR = "system:serviceaccount:incident-commander:"


def event(
    verb: str, resource: str, name: str, *, user: str = f"{OPERATOR}executor", namespace: str = "shop", **more: Any
) -> str:
    """One line as kube-apiserver writes it at level Metadata."""
    target = {"resource": resource, "namespace": namespace, "name": name}
    if "subresource" in more:
        target["subresource"] = more["subresource"]
    return json.dumps(
        {
            "verb": verb,
            "user": {"username": user},
            "objectRef": target,
            "requestURI": f"/x{more.get('query', '')}",
            "responseStatus": {"code": more.get("code", 200)},
        }
    )


def log_of(folder: Path, *lines: str) -> AuditLog:
    path = folder / "audit.log"
    path.write_text(event("patch", "deployments", "before-we-looked") + "\n")
    log = AuditLog(path)
    with path.open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    return log


class TestCost:
    def test_counts_the_incident_its_status_its_events_and_the_workload(self, tmp_path: Path) -> None:
        log = log_of(
            tmp_path,
            event("create", "incidents", "inc", user=f"{OPERATOR}gateway", code=201),
            event("patch", "incidents", "inc", user=f"{OPERATOR}coordinator", subresource="status"),
            event("create", "events", "inc.1f", user=f"{OPERATOR}coordinator", code=201),
            event("patch", "deployments", "web"),
        )
        cost = log.cost("shop", ["inc"], "incident-commander")
        assert [w.what for w in cost.stored] == [
            "gateway create incidents",
            "coordinator patch incidents/status",
            "coordinator create events",
            "executor patch deployments",
        ]
        assert [w.name for w in cost.to_workloads()] == ["web"]

    def test_a_dry_run_is_no_write(self, tmp_path: Path) -> None:
        log = log_of(tmp_path, event("patch", "deployments", "web", query="?dryRun=All&fieldManager=x"))
        cost = log.cost("shop", ["inc"], "incident-commander")
        assert (len(cost.stored), len(cost.dry_runs)) == (0, 1)

    def test_a_refused_write_is_not_stored(self, tmp_path: Path) -> None:
        log = log_of(tmp_path, event("patch", "incidents", "inc", code=409))
        cost = log.cost("shop", ["inc"], "incident-commander")
        assert (len(cost.stored), len(cost.refused)) == (0, 1)

    def test_people_count_where_they_write_to_the_incident(self, tmp_path: Path) -> None:
        log = log_of(
            tmp_path,
            event("patch", "incidents", "inc", user="ada@example.com"),
            event("patch", "deployments", "web", user="ada@example.com"),
        )
        assert [w.user for w in log.cost("shop", ["inc"], "incident-commander").stored] == ["ada@example.com"]

    def test_reads_other_namespaces_and_other_incidents_cost_nothing(self, tmp_path: Path) -> None:
        log = log_of(
            tmp_path,
            event("get", "deployments", "web"),
            event("patch", "deployments", "web", namespace="other"),
            event("patch", "incidents", "inc-2", user="ada@example.com"),
        )
        assert not log.cost("shop", ["inc"], "incident-commander").stored

    def test_what_is_written_to_a_node_and_elsewhere_counts_for_an_incident_of_the_operators_namespace(
        self, tmp_path: Path
    ) -> None:
        home = "incident-commander"
        log = log_of(
            tmp_path,
            event("patch", "incidents", "inc", namespace=home, subresource="status"),
            event("patch", "leases", "executor", namespace=home),
            event("patch", "nodes", "sick", namespace=""),
            event("patch", "nodes", "well", namespace=""),
            event("create", "pods", "web-1", subresource="eviction", code=201),
            event("create", "pods", "web-1", subresource="eviction", code=201, namespace="other"),
        )
        cost = log.cost("shop", ["inc"], "incident-commander", home=home, nodes=["sick"])
        assert [f"{w.resource} {w.name}" for w in cost.stored] == [
            "incidents/status inc",
            "nodes sick",
            "pods/eviction web-1",
        ]
