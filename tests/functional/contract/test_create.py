"""``create``: what is filled in, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander import errors
from incident_commander.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
)
from tests.functional.contract.sides import Side, config_map, deployment


class TestCreating:
    async def test_gives_identity_version_and_first_generation(self, side: Side) -> None:
        made = await side.deploy()

        meta = made["metadata"]
        assert meta["uid"]
        assert meta["resourceVersion"]
        assert meta["creationTimestamp"].endswith("Z")
        assert meta["generation"] == 1
        assert (made["apiVersion"], made["kind"]) == ("apps/v1", "Deployment")

    async def test_fills_in_the_defaults_that_plans_may_meet(self, side: Side) -> None:
        spec = (await side.deploy(replicas=0))["spec"]

        assert spec["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        }
        assert spec["revisionHistoryLimit"] == 10
        assert spec["progressDeadlineSeconds"] == 600
        container = spec["template"]["spec"]["containers"][0]
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert container["resources"] == {"limits": {"memory": "128Mi"}}
        assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30

    async def test_a_name_that_is_taken_is_refused(self, side: Side) -> None:
        await side.deploy()

        with pytest.raises(errors.AlreadyExists, match=r'deployments.apps "web" already exists'):
            await side.deploy()

    async def test_in_a_namespace_that_does_not_exist_is_refused(self, side: Side) -> None:
        with pytest.raises(errors.NotFound, match=r'namespaces "nowhere" not found'):
            await side.cluster.create(DEPLOYMENT, "nowhere", deployment())

    async def test_a_generated_name_begins_as_asked(self, side: Side) -> None:
        body = config_map("unused")
        body["metadata"] = {"generateName": "made-"}

        made = await side.cluster.create(CONFIG_MAP, side.namespace, body)

        assert made["metadata"]["name"].startswith("made-")
        assert len(made["metadata"]["name"]) == len("made-") + 5

    async def test_ignores_a_status_that_comes_along(self, side: Side) -> None:
        made = await side.cluster.create(DEPLOYMENT, side.namespace, deployment() | {"status": {"replicas": 7}})

        assert made.get("status", {}).get("replicas", 0) == 0

    async def test_dry_run_stores_nothing(self, side: Side) -> None:
        answer = await side.cluster.create(DEPLOYMENT, side.namespace, deployment(), dry_run=True)

        assert answer["metadata"]["uid"]
        with pytest.raises(errors.NotFound):
            await side.cluster.get(DEPLOYMENT, side.namespace, "web")

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ({"selector": {"matchLabels": {"app": "other"}}}, "`selector` does not match template `labels`"),
            ({"replicas": -1}, "spec.replicas"),
        ],
    )
    async def test_an_impossible_deployment_is_refused(self, side: Side, spec: dict[str, Any], message: str) -> None:
        with pytest.raises(errors.Invalid, match=message):
            await side.deploy(**spec)

    async def test_a_name_that_is_no_dns_name_is_refused(self, side: Side) -> None:
        with pytest.raises(errors.Invalid, match=r"metadata\.name"):
            await side.cluster.create(CONFIG_MAP, side.namespace, config_map("Not_A_Name"))
