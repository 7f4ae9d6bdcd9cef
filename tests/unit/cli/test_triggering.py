"""trigger: an Incident by hand, of the same shape as the gateway's."""

import pytest

from incident_commander import errors
from incident_commander.api.incident import Incident, Phase
from incident_commander.api.names import LABEL_TARGET_HASH
from incident_commander.intake.naming import target_hash
from tests.unit.cli.stage import FakeCluster, Stage, incident, words
from tests.unit.consensus.council import WEB

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"namespace": "shop", "name": "web", "uid": "web-uid"},
}
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "n1-uid"}}


def stage() -> Stage:
    return Stage(FakeCluster(DEPLOYMENT, NODE))


def created(of: Stage) -> Incident:
    (found,) = (Incident.model_validate(o) for o in of.cluster.objects.values() if o["kind"] == "Incident")
    return found


@pytest.mark.parametrize(
    "target", ["deployment/web", "deploy/web", "deployments/web", "Deployment/web", "deployments.apps/web"]
)
def test_the_target_is_named_as_kubectl_names_it(target: str) -> None:
    where = stage()
    ran = where.run("trigger", target, "--reason", "checkout is slow", "--severity", "Critical")
    assert ran.code == 0
    made = created(where)
    assert str(made.spec.target_ref) == "Deployment/shop/web"
    assert made.spec.target_ref is not None
    assert made.spec.target_ref.uid == "web-uid"
    assert made.spec.severity == "Critical"
    assert made.spec.description == "Opened by jane@example.com: checkout is slow"
    assert made.metadata.labels[LABEL_TARGET_HASH] == target_hash(WEB)
    assert f"show {made.metadata.name} -n shop" in words(ran.out)


def test_a_node_gets_its_incident_in_the_namespace_of_the_operator() -> None:
    where = stage()
    assert where.run("trigger", "node/n1").code == 0
    assert created(where).metadata.namespace == "incident-commander"


def test_a_target_that_does_not_exist_is_not_found() -> None:
    where = stage()
    ran = where.run("trigger", "deploy/nope")
    assert ran.code == 3
    assert "cannot read Deployment nope in namespace shop" in words(ran.err)


@pytest.mark.parametrize("target", ["deploy", "deploy/", "deploy/a/b", "secret/x", "", "/"])
def test_what_names_no_target_is_refused_with_how_to_write_it(target: str) -> None:
    where = stage()
    ran = where.run("trigger", target)
    assert ran.code == 2
    assert "/NAME" in ran.err or "as in deployment/web" in words(ran.err)


def test_an_open_incident_of_the_same_target_is_named_instead() -> None:
    where = stage()
    for phase, code in ((Phase.VOTING, 1), (Phase.RESOLVED, 0)):
        base = incident(phase).to_json()
        base["metadata"]["labels"] = {LABEL_TARGET_HASH: target_hash(WEB)}
        where.cluster.objects[("incidents.incidentcommander.io", "shop", "web-crash")] = base
        ran = where.run("trigger", "deploy/web")
        assert ran.code == code
        assert ("web-crash" in ran.err) == (code == 1)
        if code:
            assert words(ran.err).startswith("error: cannot open a second Incident for Deployment/shop/web")


def test_an_unknown_severity_is_a_wrong_command_line() -> None:
    assert stage().run("trigger", "deploy/web", "--severity", "Awful").code == 2


def test_who_may_not_create_incidents_is_told_so() -> None:
    where = stage()
    where.cluster.refuse[("create", "incidents.incidentcommander.io")] = errors.Forbidden("jane may not")
    ran = where.run("trigger", "deploy/web")
    assert ran.code == 4
    assert "cannot create an Incident for Deployment/shop/web" in words(ran.err)


@pytest.mark.parametrize(
    ("target", "said"),
    [("deplyment/web", "did you mean deployment/web?"), ("web", "write KIND/NAME, for example deployment/web")],
)
def test_a_target_that_is_misspelt_is_put_right(target: str, said: str) -> None:
    assert said in words(Stage.of().run("trigger", target).err)
