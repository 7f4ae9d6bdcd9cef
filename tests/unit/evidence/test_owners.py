"""Who owns what."""

from incident_commander.api import kinds
from incident_commander.api.kinds import Kind
from incident_commander.errors import NotFound
from incident_commander.evidence.owners import chain, climb, owns, pods_of, top_controller
from incident_commander.evidence.revisions import in_newest, revisions
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import deployment, meta, pod, replica_set, service
from tests.unit.evidence.fakes import FakeCluster

WEB = deployment(revision=2)
OLD, NEW = replica_set(WEB, "6d4b75cb6d", revision=1, age=7000), replica_set(WEB, "7f9c8d5b44", revision=2, age=300)
FIRST, SECOND = pod(OLD, "abcde"), pod(NEW, "fghij")
OBJECTS = {
    kinds.DEPLOYMENT.resource: [WEB],
    kinds.REPLICA_SET.resource: [OLD, NEW],
    kinds.POD.resource: [FIRST, SECOND],
}


def test_a_pod_is_climbed_from_to_its_deployment() -> None:
    assert [o["kind"] for o in chain(FIRST, OBJECTS)] == ["Pod", "ReplicaSet", "Deployment"]
    assert top_controller(FIRST, OBJECTS) is WEB


def test_an_owner_of_the_same_name_with_another_uid_is_not_the_owner() -> None:
    impostor = {**OLD, "metadata": {**OLD["metadata"], "uid": "another"}}
    assert owns(OLD, FIRST)
    assert not owns(impostor, FIRST)


def test_objects_without_uids_are_matched_by_kind_and_name() -> None:
    nameless = {**OLD, "metadata": {k: v for k, v in OLD["metadata"].items() if k != "uid"}}
    assert owns(nameless, FIRST)


def test_an_owner_cycle_ends() -> None:
    one = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("a")}
    two = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta("b", owner=one)}
    one["metadata"] = meta("a", owner=two)
    assert len(chain(one, {kinds.REPLICA_SET.resource: [one, two]})) <= 8


def test_pods_of_a_deployment_are_found_even_when_its_replica_sets_could_not_be_read() -> None:
    without = {k: v for k, v in OBJECTS.items() if k != kinds.REPLICA_SET.resource}
    assert pods_of(WEB, OBJECTS) == [FIRST, SECOND]
    assert pods_of(WEB, without) == [FIRST, SECOND]


def test_a_service_stands_for_what_it_selects_and_one_without_selector_for_nothing() -> None:
    assert pods_of(service("web", {"app": "web"}), OBJECTS) == [FIRST, SECOND]
    assert pods_of(service("web", {}), OBJECTS) == []


def test_revisions_are_newest_first_and_know_their_pods() -> None:
    known = revisions(WEB, OBJECTS)
    assert [r.number for r in known] == [2, 1]
    assert (in_newest(FIRST, WEB, known), in_newest(SECOND, WEB, known)) == (False, True)
    assert in_newest(FIRST, WEB, []) is None


def test_after_a_rollback_the_older_replica_set_is_the_newest_revision_since_the_rollback() -> None:
    again = {**OLD, "metadata": {**OLD["metadata"], "annotations": {"deployment.kubernetes.io/revision": "3"}}}
    known = revisions(WEB, {**OBJECTS, kinds.REPLICA_SET.resource: [again, NEW]})
    assert (known[0].name, known[0].since is not None) == (OLD["metadata"]["name"], True)
    assert str(known[0].since).startswith("2026-03-02")  # when the Deployment last progressed


class Refusing(FakeCluster):
    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        if kind == kinds.DEPLOYMENT:
            raise NotFound("deployments.apps web not found")
        return await super().get(kind, namespace, name)


async def test_climbing_through_the_api_server_ends_where_an_owner_cannot_be_read() -> None:
    assert (await climb(FakeCluster(WEB, OLD, NEW, FIRST), FIRST))["kind"] == "Deployment"
    assert (await climb(Refusing(WEB, OLD, NEW, FIRST), FIRST))["kind"] == "ReplicaSet"
