"""A release whose image cannot be pulled, from the alert to the end of its Incident."""

from __future__ import annotations

import itertools
from typing import Any

from incident_commander.api import kinds
from tests.controlplane.stub_prometheus import StubPrometheus
from tests.functional.house import House, alert, writes_to

ALERT = "KubeContainerWaiting"
ENDED = ("Resolved", "Escalated", "Closed")
_numbers = itertools.count()


class Case:
    """A release whose image cannot be pulled, in a namespace of its own."""

    def __init__(self, house: House, prometheus: StubPrometheus, **policy: Any) -> None:
        self.house, self.prometheus = house, prometheus
        self.namespace = f"case-{next(_numbers)}"
        house.namespace(self.namespace)
        house.policy(self.namespace, self.namespace, **policy)
        house.deploy(self.namespace, "web", replicas=2)
        house.wait("the first release is ready", self._ready)
        house.release(self.namespace, "web", "app:missing")
        house.wait("the bad release is seen", self._broken)
        self.since = house.plane.audit_position()

    def fire(self) -> dict[str, Any]:
        """Prometheus says that it fires, and Alertmanager sends it."""
        self.prometheus.firing.add((ALERT, self.namespace, "web"))
        return self.house.post([alert(ALERT, self.namespace, "web")], group_key=self.namespace)

    def await_phase(self, *phases: str, seconds: float = 90) -> dict[str, Any]:
        """The Incident as soon as it is in one of these phases."""

        def ask() -> dict[str, Any] | None:
            found = self.house.incident(self.namespace)
            return found if found and found.get("status", {}).get("phase") in phases else None

        incident: dict[str, Any] = self.house.wait(f"{self.namespace} in {phases}", ask, seconds=seconds)
        return incident

    def mend(self) -> None:
        """The alert resolves."""
        self.prometheus.firing.discard((ALERT, self.namespace, "web"))

    def end(self) -> dict[str, Any]:
        """The alert resolves as soon as the release is mended; let that be measured."""
        self.house.wait(f"{self.namespace} is patched", lambda: self.image() == "app:1" or self._ended(), seconds=120)
        self.mend()
        return self.await_phase(*ENDED)

    def _ended(self) -> bool:
        found = self.house.incident(self.namespace)
        return bool(found and found.get("status", {}).get("phase") in ENDED)

    def patches(self) -> int:
        """Writes of ours to the workload."""
        return len(list(writes_to(self.house.plane, self.namespace, "deployments", self.since)))

    def image(self) -> str:
        """What the Deployment runs."""
        found = self.house.plane.request("GET", kinds.DEPLOYMENT.path(self.namespace, "web"))
        image: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def _ready(self) -> bool:
        status = self.house.plane.request("GET", kinds.DEPLOYMENT.path(self.namespace, "web")).get("status", {})
        return bool(status.get("readyReplicas") == 2)

    def _broken(self) -> bool:
        pods = self.house.plane.request("GET", kinds.POD.path(self.namespace))["items"]
        statuses = [c for p in pods for c in p.get("status", {}).get("containerStatuses", [])]
        return any("waiting" in c["state"] for c in statuses)


def remedied_once(case: Case) -> None:
    """It ends Resolved by one rollback, and by no more than one."""
    incident = case.end()
    status = incident["status"]
    assert (status["phase"], status.get("outcome")) == ("Resolved", "Remediated"), status["message"]
    assert case.image() == "app:1"
    assert case.patches() == 1
