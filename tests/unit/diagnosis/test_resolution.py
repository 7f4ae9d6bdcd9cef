"""Names that do not resolve: told from Services that are slow, and one cause however many suffer from it."""

import pytest

from incident_agents.diagnosis.addresses import addresses
from incident_agents.diagnosis.quoting import own_words
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import log, told
from tests.unit.diagnosis.shop import shop

TIMEOUT = (
    'ERROR Post "http://orders:8080/v1": dial tcp: lookup orders on 10.96.0.10:53: '
    "read udp 10.244.1.7:40211->10.96.0.10:53: i/o timeout"
)
MISBEHAVING = "ERROR dial tcp: lookup orders on 10.96.0.10:53: server misbehaving"


@pytest.mark.parametrize("line", [TIMEOUT, MISBEHAVING])
def test_what_several_cannot_resolve_has_one_cause(line: str) -> None:
    made = shop()
    made.logs += [log(made.pods[who], *[line] * 4, container=who) for who in ("web", "db")]
    found = made.diagnose()
    confident = [h.cause for h in found.hypotheses if h.confidence >= BAR]
    assert confident == [Cause.DNS_RESOLUTION_FAILURE], told(found)
    assert str(found.hypotheses[0].object) == "Service/kube-system/kube-dns"


def test_a_lookup_that_times_out_is_no_slow_service() -> None:
    made = shop()
    made.logs.append(log(made.pods["web"], *[TIMEOUT] * 4, container="web"))
    found = made.diagnose()
    assert found.hypotheses[0].cause is Cause.DNS_RESOLUTION_FAILURE, told(found)
    assert Cause.DEPENDENCY_SLOW not in {h.cause for h in found.hypotheses}


class TestQuotations:
    """What users write is no complaint of the program that logs it."""

    @pytest.mark.parametrize(
        "line",
        [
            '2026-09-14T10:00:00Z INFO chat message: "UnknownHostException: ordes"',
            '2026-09-14T10:00:00Z INFO ticket created id=5 subject="dial tcp: lookup ordes: no such host"',
        ],
    )
    def test_at_info_they_say_nothing_about_the_program(self, line: str) -> None:
        made = shop()
        made.logs.append(log(made.pods["web"], *[line] * 4, container="web"))
        found = made.diagnose()
        assert all(h.confidence < BAR for h in found.hypotheses), told(found)

    def test_nor_about_a_store(self) -> None:
        made = shop()
        line = 'INFO ticket created id=5 subject="ERROR 1040 (HY000): Too many connections to db"'
        made.logs.append(log(made.pods["web"], *[line] * 4, container="web"))
        assert Cause.DATABASE_CONNECTIONS_EXHAUSTED not in {h.cause for h in made.diagnose().hypotheses}

    @pytest.mark.parametrize(
        "line",
        [
            'level=info msg="dial tcp: lookup orders: no such host"',
            '{"level":"info","msg":"dial tcp: lookup orders: no such host"}',
            'INFO retrying after Post "http://orders:8080/v1": connection refused',
            'ERROR failed: "dial tcp: lookup orders: no such host"',
        ],
    )
    def test_but_a_programs_own_message_counts_at_any_level(self, line: str) -> None:
        assert [a.host for a in addresses(line)] == ["orders"]

    def test_only_quotations_are_left_out(self) -> None:
        assert own_words('INFO said "too many clients" twice').split() == ["INFO", "said", "twice"]


class TestSearchDomains:
    """A name with few dots is tried with every search domain of the cluster first."""

    @pytest.mark.parametrize(
        "line",
        [
            "dial tcp: lookup api.paygate.example.shop.svc.cluster.local on 10.96.0.10:53: read udp "
            "10.244.1.7:40211->10.96.0.10:53: i/o timeout",
            "Error: getaddrinfo EAI_AGAIN api.paygate.example.shop.svc.cluster.local",
            "java.net.UnknownHostException: api.paygate.example.shop.svc.cluster.local",
        ],
    )
    def test_outside_names_with_one_behind_them_are_told(self, line: str) -> None:
        made = shop()
        made.logs.append(log(made.pods["web"], *[line] * 4, container="web"))
        top = made.diagnose().hypotheses[0]
        assert (top.cause, top.facts["reason"]) == (Cause.DNS_RESOLUTION_FAILURE, "SearchDomains")

    @pytest.mark.parametrize(
        "line",
        [
            "dial tcp: lookup orders.shop.svc.cluster.local on 10.96.0.10:53: i/o timeout",
            "INFO resolved api.paygate.example.shop.svc.cluster.local in 2 ms",
        ],
    )
    def test_names_of_services_and_lookups_that_work_are_not(self, line: str) -> None:
        made = shop()
        made.logs.append(log(made.pods["web"], *[line] * 4, container="web"))
        found = made.diagnose().hypotheses
        assert "SearchDomains" not in {h.facts.get("reason") for h in found if h.confidence >= BAR}
