"""breaker: seen by everybody, closed by a person under the person's own name."""

from incident_commander.errors import Forbidden, NotFound
from incident_commander.surroundings import BREAKER_CONFIG_MAP, read_breaker
from tests.unit.cli.stage import HOSTILE, FakeCluster, Stage, words

NAMESPACE = "incident-commander"


def stage(**data: str) -> Stage:
    item = {"kind": "ConfigMap", "metadata": {"namespace": NAMESPACE, "name": BREAKER_CONFIG_MAP}, "data": data}
    return Stage(FakeCluster(item))


def tripped(reason: str = "3 of the last 5 attempts failed") -> Stage:
    return stage(state="Tripped", reason=reason, trippedAt="2026-03-01T11:00:00.000Z")


def test_a_breaker_that_never_tripped_is_closed() -> None:
    ran = Stage().run("breaker", "status")
    assert (ran.code, "closed" in ran.out) == (0, True)


def test_a_tripped_one_says_since_when_why_and_how_to_reset_it() -> None:
    out = words(tripped().run("breaker", "status").out)
    for part in ("TRIPPED since 2026-03-01T11:00", "3 of the last 5 attempts failed", "breaker reset"):
        assert part in out


def test_reset_asks_and_records_who_when_and_why() -> None:
    where = tripped()
    assert where.run("breaker", "reset", "--reason", "registry is back", answer="y\n").code == 0
    ((resource, name, body),) = where.cluster.patches
    assert (resource, name) == ("configmaps", BREAKER_CONFIG_MAP)
    assert body["data"] == {
        "state": "Closed",
        "reason": "",
        "resetAt": "2026-03-01T12:00:00.000Z",
        "resetBy": "jane@example.com",
        "resetReason": "registry is back",
    }


async def test_the_executor_reads_what_was_written() -> None:
    where = tripped()
    item = where.cluster.objects[("configmaps", NAMESPACE, BREAKER_CONFIG_MAP)]
    item["data"] = {"state": "Closed", "reason": "", "resetAt": "2026-03-01T12:00:00.000Z"}
    breaker, reset_at = await read_breaker(where.cluster, NAMESPACE)
    assert not breaker.tripped
    assert reset_at == where.now


def test_without_a_yes_it_stays_tripped() -> None:
    where = tripped()
    assert where.run("breaker", "reset", answer="n\n").code == 1
    assert where.cluster.patches == []


def test_a_closed_one_is_not_reset() -> None:
    where = stage(state="Closed")
    assert where.run("breaker", "reset", "-y").code == 1
    assert where.cluster.patches == []


def test_a_hostile_reason_stays_text() -> None:
    where = tripped(HOSTILE)
    for command in ("status", "reset"):
        assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(where.run("breaker", command, answer="y\n").out)


def test_without_the_resources_it_is_not_said_to_be_closed() -> None:
    where = Stage()
    where.cluster.refuse[("list", "remediationpolicies.incidentcommander.io")] = NotFound("no such resource")
    ran = where.run("breaker", "status")
    assert (ran.code, ran.out) == (3, "")
    assert "it is not installed" in words(ran.err)
    assert "install the chart" in words(ran.err)


def test_who_may_not_read_policies_is_told_of_the_breaker_all_the_same() -> None:
    where = Stage()
    where.cluster.refuse[("list", "remediationpolicies.incidentcommander.io")] = Forbidden("no")
    assert "closed" in where.run("breaker", "status").out
