"""Who may write what: the in-memory cluster refuses what RBAC and the admission policies refuse."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander import errors
from incident_commander.api.kinds import AGENT, DEPLOYMENT, INCIDENT, SECRET, Kind
from incident_commander.ports import PatchType
from incident_commander.rehearsal.behaviour import Behaviour
from incident_commander.rehearsal.cluster import RehearsedCluster
from incident_commander.rehearsal.identities import agent_account, service_account
from tests.unit.rehearsal.shop import Shop

OWN = "incidentcommander.io/diagnosis-statement"
FOREIGN = "incidentcommander.io/detection-vote"


@pytest.fixture
def shop() -> Shop:
    found = Shop({"1": Behaviour()})
    found.world.apply(INCIDENT, "shop", {"metadata": {"name": "inc"}, "spec": {"severity": "Warning"}})
    return found


async def write(
    cluster: RehearsedCluster,
    body: Any,
    *,
    kind: Kind = INCIDENT,
    name: str = "inc",
    subresource: str | None = None,
    dry_run: bool = False,
) -> None:
    await cluster.patch(kind, "shop", name, body, patch_type=PatchType.MERGE, subresource=subresource, dry_run=dry_run)


def annotated(*keys: str) -> dict[str, Any]:
    return {"metadata": {"annotations": dict.fromkeys(keys, "x")}}


class TestAgents:
    async def test_write_their_own_annotations(self, shop: Shop) -> None:
        await write(shop.world.cluster(agent_account("diagnosis")), annotated(OWN))

        assert OWN in shop.world.api.get(INCIDENT, "shop", "inc")["metadata"]["annotations"]

    @pytest.mark.parametrize(
        "body",
        [
            annotated(FOREIGN),
            annotated(OWN, FOREIGN),
            {"spec": {"severity": "Critical"}},
            {"metadata": {"labels": {"a": "b"}}},
        ],
    )
    async def test_write_nothing_else_of_an_incident(self, shop: Shop, body: Any) -> None:
        with pytest.raises(errors.Invalid):
            await write(shop.world.cluster(agent_account("diagnosis")), body)

    async def test_write_no_status(self, shop: Shop) -> None:
        with pytest.raises(errors.Forbidden):
            await write(
                shop.world.cluster(agent_account("diagnosis")), {"status": {"phase": "Resolved"}}, subresource="status"
            )

    async def test_never_read_secrets(self, shop: Shop) -> None:
        with pytest.raises(errors.Forbidden):
            await shop.world.cluster(agent_account("diagnosis")).list(SECRET, "shop")

    async def test_verification_may_only_try_a_patch(self, shop: Shop) -> None:
        cluster = shop.world.cluster(agent_account("verification"))
        body = {"spec": {"replicas": 1}}

        await write(cluster, body, kind=DEPLOYMENT, name="web", dry_run=True)
        with pytest.raises(errors.Forbidden):
            await write(cluster, body, kind=DEPLOYMENT, name="web")
        with pytest.raises(errors.Forbidden):
            await write(shop.world.cluster(agent_account("diagnosis")), body, kind=DEPLOYMENT, name="web", dry_run=True)


class TestOperator:
    async def test_the_coordinator_writes_status_but_neither_execution_nor_workloads(self, shop: Shop) -> None:
        cluster = shop.world.cluster(service_account("coordinator"))

        await write(cluster, {"status": {"phase": "Diagnosing"}}, subresource="status")
        with pytest.raises(errors.Invalid, match="executor only"):
            await write(cluster, {"status": {"execution": {"attempts": []}}}, subresource="status")
        with pytest.raises(errors.Forbidden):
            await write(cluster, {"spec": {"replicas": 1}}, kind=DEPLOYMENT, name="web")
        with pytest.raises(errors.Forbidden):
            await cluster.patch(AGENT, None, "diagnosis", {"spec": {}}, patch_type=PatchType.MERGE)

    async def test_the_executor_writes_execution_and_workloads_only(self, shop: Shop) -> None:
        cluster = shop.world.cluster(service_account("executor"))

        await write(cluster, {"status": {"execution": {"attempts": []}}}, subresource="status")
        await write(cluster, {"spec": {"replicas": 1}}, kind=DEPLOYMENT, name="web")
        with pytest.raises(errors.Invalid, match=r"status\.execution only"):
            await write(cluster, {"status": {"phase": "Resolved"}}, subresource="status")

    async def test_the_gateway_writes_no_vote(self, shop: Shop) -> None:
        with pytest.raises(errors.Invalid, match="agents only"):
            await write(shop.world.cluster(service_account("gateway")), annotated(FOREIGN))


class TestPeople:
    async def test_approve_in_their_own_name_only(self, shop: Shop) -> None:
        approval = {"planDigest": f"sha256:{'0' * 64}", "decision": "Approve", "approver": "alice"}

        with pytest.raises(errors.Invalid, match="must be mallory"):
            await write(shop.world.cluster("mallory"), {"spec": {"approval": approval}})
        await write(shop.world.cluster("alice"), {"spec": {"approval": approval}})


async def test_every_request_is_in_the_audit_with_who_made_it_and_how_it_was_answered(shop: Shop) -> None:
    cluster = shop.world.cluster(agent_account("diagnosis"))
    await write(cluster, annotated(OWN))
    await write(cluster, annotated(OWN), dry_run=True)
    with pytest.raises(errors.Invalid):
        await write(cluster, annotated(FOREIGN))

    user = agent_account("diagnosis")
    assert [e.code for e in shop.world.audit.entries if e.call.user == user] == [200, 200, 422]
    assert len(shop.world.audit.writes(user=user)) == 1
    assert len(shop.world.audit.writes(user=user, accepted=False)) == 2
