"""Faults in an application of another make: what its Secrets hide has to be told from what its parts say."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import container, crash_looping, event, is_healthy, log
from tests.unit.diagnosis.fleet import (
    GATEWAY,
    LINK_FAILURE,
    SERVICES,
    STORE,
    at,
    cannot_be_set_up,
    crashes,
    fleet,
    has_env,
    listens_no_more,
    routed_by,
    scaled_to_zero,
    speaks,
    specified,
)
from tests.unit.diagnosis.shop import Shop

TICKET, SEAT = "fleet-ticket", "fleet-seat"
NO_LINK = tuple(at(line) for line in LINK_FAILURE)


def found(made: Shop, cause: Cause, object_: str) -> dict[str, str]:
    """The facts of the first hypothesis, which is that cause of that object."""
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (cause, object_), top
    assert top.confidence >= BAR
    return dict(top.facts)


def test_the_application_in_good_health_has_no_hypothesis_for_all_the_noise_of_its_start() -> None:
    assert is_healthy(fleet().diagnose())


class TestDatabaseLogins:
    @pytest.mark.parametrize(
        "line",
        [
            "java.sql.SQLException: Access denied for user 'ticket'@'10.244.1.24' (using password: YES)",
            "(pymysql.err.OperationalError) (1045, \"Access denied for user 'ticket'@'10.1.1.1'\")",
            "ER_ACCESS_DENIED_ERROR: no",
            "Error 1044 (42000): Access denied for user 'ticket'@'%' to database 'tickets'",
            'Database(MySqlDatabaseError { code: Some("28000"), number: 1045, message: "Access denied for user" })',
        ],
    )
    @pytest.mark.parametrize("fails", [crashes, listens_no_more, lambda made, name: None])
    def test_a_refused_login_is_the_callers(self, line: str, fails: Callable[[Shop, str], None]) -> None:
        made = fleet()
        speaks(made, TICKET, at(line))
        fails(made, TICKET)
        found(made, Cause.DATABASE_CREDENTIALS_INVALID, TICKET)

    def test_the_store_alone_tells_who_it_turned_away_by_address(self) -> None:
        made = fleet()
        address = made.pods[TICKET]["status"]["podIP"]
        speaks(made, STORE, f"[Note] [Server] Access denied for user 'ticket'@'{address}' (using password: YES)")
        crashes(made, TICKET)
        assert found(made, Cause.DATABASE_CREDENTIALS_INVALID, TICKET)["user"] == "ticket"


class TestDatabasePorts:
    @pytest.mark.parametrize("fails", [crashes, listens_no_more, lambda made, name: None])
    def test_who_alone_does_not_reach_the_database_asks_the_wrong_port(
        self, fails: Callable[[Shop, str], None]
    ) -> None:
        made = fleet()
        speaks(made, TICKET, *NO_LINK)
        fails(made, TICKET)
        facts = found(made, Cause.DEPENDENCY_ADDRESS_WRONG, TICKET)
        assert (facts["problem"], facts["protocol"]) == ("Port", "mysql")

    @pytest.mark.parametrize(
        "env",
        [
            {"TICKET_MYSQL_HOST": f"{STORE}-leader", "TICKET_MYSQL_PORT": "3307"},
            {"SPRING_DATASOURCE_URL": f"jdbc:mysql://{STORE}-leader:13306/tickets?useSSL=false"},
            {"DSN": f"ticket:secret@tcp({STORE}-leader:3307)/tickets"},
            {"CONNECTION": f"Server={STORE}-leader;Port=3307;Database=tickets"},
            {"DATABASE": f"host={STORE}-leader port=3307 dbname=tickets"},
        ],
    )
    def test_a_port_in_the_environment_is_compared_with_the_service(self, env: dict[str, str]) -> None:
        made = fleet()
        has_env(made, TICKET, **env)
        listens_no_more(made, TICKET)
        speaks(made, TICKET, *NO_LINK)
        facts = found(made, Cause.DEPENDENCY_ADDRESS_WRONG, TICKET)
        assert (facts["problem"], facts["protocol"]) == ("Port", "mysql")

    def test_when_the_database_is_gone_its_callers_are_not_accused(self) -> None:
        made = fleet()
        scaled_to_zero(made, STORE)
        words = "Scaled down replica set core-mysql-6d4b75cb6d to 0 from 1"
        made.more.append(event(made.deployments[STORE], "ScalingReplicaSet", words, kind="Normal"))
        for name in SERVICES:
            speaks(made, f"fleet-{name}", *NO_LINK)
        found(made, Cause.SCALED_TO_ZERO, STORE)


class TestStores:
    def test_callers_that_are_refused_a_connection_point_to_the_database(self) -> None:
        made = fleet()
        for name in SERVICES[:4]:
            speaks(made, f"fleet-{name}", at('message from server: "Too many connections"'))
        found(made, Cause.DATABASE_CONNECTIONS_EXHAUSTED, STORE)

    def test_the_probe_of_the_database_hears_it_as_well(self) -> None:
        made = fleet()
        listens_no_more(made, STORE)
        made.more[-1] = event(
            made.pods[STORE],
            "Unhealthy",
            "Readiness probe failed: mysqladmin: connect to 'localhost' failed\nerror: 'Too many connections'",
            container="mysql",
        )
        found(made, Cause.DATABASE_CONNECTIONS_EXHAUSTED, STORE)

    def test_pools_that_are_empty_everywhere_point_to_the_database_and_one_alone_to_its_caller(self) -> None:
        words = at("HikariPool-1 - Connection is not available, request timed out after 30000ms (total=10, waiting=12)")
        made = fleet()
        speaks(made, TICKET, words)
        found(made, Cause.DATABASE_CONNECTIONS_EXHAUSTED, TICKET)
        speaks(made, SEAT, words)
        found(made, Cause.DATABASE_CONNECTIONS_EXHAUSTED, STORE)

    @pytest.mark.parametrize(
        "line",
        [
            "The MySQL server is running with the --read-only option so it cannot execute this statement",
            "Error 1836 (HY000): Running in read-only mode",
            "Error 1792 (25006): Cannot execute statement in a READ ONLY transaction.",
        ],
    )
    def test_a_database_that_takes_no_writes_says_so_to_its_callers(self, line: str) -> None:
        made = fleet()
        speaks(made, TICKET, at(line))
        found(made, Cause.DATABASE_READ_ONLY, STORE)

    def test_a_deadlock_now_and_then_is_no_incident(self) -> None:
        made = fleet()
        speaks(made, TICKET, at("Deadlock found when trying to get lock; try restarting transaction"), times=1)
        assert made.diagnose().hypotheses[0].confidence < BAR


class TestScaledToZero:
    def test_a_service_without_replicas_is_the_cause_of_what_its_gateway_meets(self) -> None:
        made = fleet()
        scaled_to_zero(made, TICKET)
        speaks(made, GATEWAY, at("AnnotatedConnectException: Connection refused: fleet-ticket/10.96.0.4:8080"))
        found(made, Cause.SCALED_TO_ZERO, TICKET)

    def test_a_registry_without_instances_is_a_complaint_as_well(self) -> None:
        made = fleet()
        scaled_to_zero(made, TICKET)
        speaks(made, GATEWAY, at("No servers available for service: fleet-ticket"))
        top = made.diagnose().hypotheses[0]
        assert top.cause is Cause.SCALED_TO_ZERO
        assert any("No servers available" in c.value for c in top.evidence)


class TestSecrets:
    @pytest.mark.parametrize(
        "message", ['secret "ticket-settings" not found', "couldn't find key a in Secret shop/ticket-settings", ""]
    )
    def test_a_missing_secret_is_named_by_the_kubelet_or_by_the_spec(self, message: str) -> None:
        made = fleet()
        cannot_be_set_up(made, TICKET, message)
        for name in (*SERVICES, GATEWAY):
            if name != "ticket":
                made.has_secret(f"{name}-settings")
        assert found(made, Cause.CONFIG_MISSING, TICKET)["secret"] == "ticket-settings"


class TestPorts:
    @pytest.mark.parametrize(
        "line",
        [
            "nginx: [emerg] bind() to 0.0.0.0:8080 failed (98: Address already in use)",
            "Error: listen EADDRINUSE: address already in use :::8080",
            'Os { code: 98, kind: AddrInUse, message: "Address in use" }',
            "Web server failed to start. Port 8080 was already in use.",
            "",
        ],
    )
    def test_a_sidecar_that_wants_the_port_of_the_application_cannot_start(self, line: str) -> None:
        made = fleet()
        sidecar = container("sidecar", "harbor.example.org/agent:1", ports=[{"containerPort": 8080}])
        for spec in (made.pods[TICKET]["spec"], made.deployments[TICKET]["spec"]["template"]["spec"]):
            spec["containers"].append(copy.deepcopy(sidecar))
        crashes(made, TICKET)
        made.pods[TICKET]["status"]["containerStatuses"] = [
            {**made.pods[SEAT]["status"]["containerStatuses"][0], "name": "ticket"},
            crash_looping("sidecar"),
        ]
        if line:
            made.logs.append(log(made.pods[TICKET], line, container="sidecar"))
        assert found(made, Cause.PORT_CONFLICT, TICKET)["otherContainer"] == "ticket"


class TestNames:
    @pytest.mark.parametrize(
        "line",
        [
            "java.net.UnknownHostException: fleet-seat: Temporary failure in name resolution",
            "dial tcp: lookup fleet-seat on 10.96.0.10:53: no such host",
            "Error: getaddrinfo EAI_AGAIN fleet-seat",
            "HttpRequestException: Name or service not known (fleet-seat:8080)",
            "dns error: failed to look up address: Name or service not known (http://fleet-seat:8080/)",
            "NameResolutionError(\"Failed to resolve 'fleet-seat' ([Errno -2] Name or service not known)\")",
            "SearchDomainUnknownHostException: Failed to resolve 'fleet-seat' [A(1)]",
            "DNS resolution failed for fleet-seat:8080: C-ares status is not ARES_SUCCESS",
            "php_network_getaddresses: getaddrinfo for fleet-seat failed: Name or service not known",
        ],
    )
    def test_a_name_that_does_not_resolve_in_one_pod(self, line: str) -> None:
        made = fleet()
        speaks(made, TICKET, line)
        assert found(made, Cause.DNS_RESOLUTION_FAILURE, TICKET)["host"] == SEAT

    def test_a_pod_that_asks_somebody_elses_resolver_needs_no_words_of_its_own(self) -> None:
        made = fleet()
        specified(made, TICKET, dnsPolicy="None", dnsConfig={"nameservers": ["203.0.113.9"]})
        assert is_healthy(made.diagnose()) or made.diagnose().hypotheses[0].confidence < BAR
        crashes(made, TICKET)
        made.logs.clear()
        causes = [h.cause for h in made.diagnose().hypotheses[:2]]
        assert Cause.DNS_RESOLUTION_FAILURE in causes

    def test_a_hosts_file_that_gives_a_service_another_address(self) -> None:
        made = fleet()
        specified(made, TICKET, hostAliases=[{"ip": "203.0.113.9", "hostnames": [SEAT]}])
        speaks(made, TICKET, at("Connect to fleet-seat:8080 [fleet-seat/203.0.113.9] failed: connect timed out"))
        assert found(made, Cause.DNS_RESOLUTION_FAILURE, TICKET)["host"] == SEAT

    def test_a_service_that_was_deleted(self) -> None:
        made = fleet()
        del made.services[SEAT]
        speaks(made, TICKET, at("java.net.UnknownHostException: fleet-seat"))
        assert found(made, Cause.DNS_RESOLUTION_FAILURE, SEAT)["reason"] == "ServiceMissing"

    def test_a_name_with_a_slip_in_it(self) -> None:
        made = fleet()
        speaks(made, TICKET, at("java.net.UnknownHostException: fleet-saet"))
        assert found(made, Cause.DEPENDENCY_ADDRESS_WRONG, TICKET)["expected"] == SEAT


def spring(**elsewhere: str) -> str:
    """Routes of Spring Cloud Gateway."""
    entries = [
        f"- id: {name}\n  uri: http://{elsewhere.get(name, f'fleet-{name}:8080')}\n  predicates:\n"
        f"  - Path=/api/v1/{name}/**\n"
        for name in SERVICES
    ]
    return "".join(entries)


def nginx(**elsewhere: str) -> str:
    """The same for nginx."""
    return "\n".join(
        f"location /api/v1/{name} {{ proxy_pass http://{elsewhere.get(name, f'fleet-{name}:8080')}; }}"
        for name in SERVICES
    )


class TestGateways:
    @pytest.mark.parametrize("written", [spring, nginx])
    @pytest.mark.parametrize("mounted", [True, False])
    @pytest.mark.parametrize("backend", ["fleet-seat:8080", "fleet-tickets:8080", "fleet-ticket:9999"])
    def test_a_route_to_another_service_to_none_or_to_a_port_that_nobody_offers(
        self, written: Callable[..., str], mounted: bool, backend: str
    ) -> None:
        made = fleet()
        routed_by(made, written(ticket=backend), mounted=mounted)
        assert backend in found(made, Cause.GATEWAY_MISROUTED, GATEWAY)["backend"]

    @pytest.mark.parametrize("written", [spring, nginx])
    def test_routes_as_they_should_be_are_no_finding(self, written: Callable[..., str]) -> None:
        made = fleet()
        routed_by(made, written())
        assert is_healthy(made.diagnose())

    @pytest.mark.parametrize(
        "line",
        [
            "java.net.UnknownHostException: fleet-tickets",
            "Connection refused: fleet-ticket/10.96.0.4:9999",
            'org.springframework.web.server: 503 SERVICE_UNAVAILABLE "Unable to find instance for fleet-tickets"',
        ],
    )
    def test_where_the_routes_are_not_to_be_seen_the_gateway_says_where_it_goes(self, line: str) -> None:
        made = fleet()
        speaks(made, GATEWAY, at(line))
        found(made, Cause.GATEWAY_MISROUTED, GATEWAY)
