"""Addresses and routes whose names sound like another Service's, and that are right. And those that are not."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import container, meta, told
from tests.unit.diagnosis.fleet import GATEWAY, STORE, at, fleet, has_env, java, routed_by, speaks
from tests.unit.diagnosis.shop import Shop

GATEWAY_CONFIG = """
spring:
  application:
    name: edge-gateway
  cloud:
    gateway:
      routes:
      - id: tickets
        uri: http://ticket-desk:8080
        predicates:
        - Path=/api/tickets/**
        filters:
        - name: Retry
      - id: seats
        uri: http://fleet-seat:8080
        predicates:
        - Path=/api/seats/**
      - id: tickets-of-seats
        uri: http://ticket-desk:8080
        predicates:
        - Path=/api/seats/*/tickets
"""


def _fleet() -> Shop:
    """With a desk beside the others, and a database whose name says nothing of who uses it."""
    made = fleet()
    made.add("ticket-desk", java("ticket-desk"), 8080)
    store = container("mysql", "harbor.example.org/library/mysql:8.4", ports=[{"containerPort": 3306}])
    made.add("ledgers", store, 3306)
    return made


def _nobody_is_blamed(made: Shop) -> None:
    found = made.diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


def test_a_gateway_that_is_named_in_its_own_configuration_is_no_route() -> None:
    made = _fleet()
    routed_by(made, GATEWAY_CONFIG)
    _nobody_is_blamed(made)


def test_a_path_below_another_ones_is_no_misroute_while_that_one_is_reached() -> None:
    made = _fleet()
    routed_by(
        made,
        GATEWAY_CONFIG + "      - id: x\n        uri: http://fleet-wallet:8080\n        predicates:\n"
        "        - Path=/api/seats/*/payments\n",
    )
    _nobody_is_blamed(made)


@pytest.mark.parametrize(
    "names",
    [("DB_HOST", "DB_NAME"), ("MYSQL_HOST", "MYSQL_DATABASE"), ("SPRING_DATASOURCE_HOST", "SPRING_DATASOURCE_NAME")],
)
def test_a_database_that_is_named_after_its_user_is_not_the_users_address(names: tuple[str, str]) -> None:
    made = _fleet()
    for name in ("fleet-ticket", "fleet-seat"):
        has_env(made, name, **{names[0]: "ledgers", names[1]: name})
    _nobody_is_blamed(made)


@pytest.mark.parametrize("variable", ["SEAT_DB_HOST", "SEAT_MYSQL_HOST", "SEAT_JDBC_URL", "seat.datasource.db.host"])
def test_the_database_of_another_service_is_not_that_service(variable: str) -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", **{variable: "ledgers:3306"})
    _nobody_is_blamed(made)


def test_a_route_that_leaves_its_service_without_any_is_still_found() -> None:
    made = _fleet()
    routed_by(made, GATEWAY_CONFIG.replace("http://fleet-seat:8080", "http://fleet-wallet:8080"))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (Cause.GATEWAY_MISROUTED, GATEWAY), top
    assert (top.facts["backend"], top.facts["expected"]) == ("http://fleet-wallet:8080", "fleet-seat")


def test_a_variable_that_holds_another_services_address_is_still_found() -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", SEATS_URL="http://fleet-wallet:8080")
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["expected"]) == (Cause.DEPENDENCY_ADDRESS_WRONG, "fleet-seat"), top


@pytest.mark.parametrize("variable", ["SEAT_EVENTS_ENDPOINT", "SEAT_PORTAL_URL", "BASKET_IMAGES_URL", "TICKETDESK_URL"])
def test_what_belongs_to_a_service_may_be_at_another_one(variable: str) -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", **{variable: "http://ticket-desk:8080"})
    _nobody_is_blamed(made)


@pytest.mark.parametrize(
    "variable", ["SEAT_SERVICE_URL", "FLEET_SEAT_BASE_URL", "INTERNALURLS__SEATS", "SEAT_GRPC_ADDR"]
)
def test_words_that_every_address_has_do_not_make_it_another_things(variable: str) -> None:
    made = _fleet()
    others = {variable.replace("SEATS", "NOTIFY").replace("SEAT", "NOTIFY"): "http://fleet-notify:8080"}
    has_env(made, "fleet-ticket", **{variable: "http://ticket-desk:8080"}, **others)
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["expected"]) == (Cause.DEPENDENCY_ADDRESS_WRONG, "fleet-seat"), top


@pytest.mark.parametrize("variable", ["EVENTS_TARGET", "STORE_BACKEND", "QUEUE_SERVICE"])
def test_a_value_that_need_not_be_an_address_is_hardly_a_suspicion(variable: str) -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", **{variable: "fleet-seat-dlq"})
    assert all(h.confidence < 30 for h in made.diagnose().hypotheses)


def test_a_host_that_the_caller_does_not_find_is_named_in_the_words_of_its_driver() -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", DATABASE_HOST="ledger")
    words = 'could not translate host name "ledger" to address: Name or service not known'
    speaks(made, "fleet-ticket", at(words))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["expected"]) == (Cause.DEPENDENCY_ADDRESS_WRONG, "ledgers"), top


READ_ONLY = "java.sql.SQLException: The MySQL server is running with the --super-read-only option so it cannot execute"


def _one_calls_the_follower() -> Shop:
    made = _fleet()
    for name in ("fleet-ticket", "fleet-wallet"):
        has_env(made, name, DB_HOST=f"{STORE}-leader", DB_PORT="3306")
    has_env(made, "fleet-seat", DB_HOST=f"{STORE}-follower", DB_PORT="3306")
    return made


def test_a_caller_that_alone_was_given_the_follower_has_the_wrong_address_when_it_cannot_write() -> None:
    made = _one_calls_the_follower()
    speaks(made, "fleet-seat", at(READ_ONLY))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (Cause.DEPENDENCY_ADDRESS_WRONG, "fleet-seat"), top
    assert top.facts["expected"] == f"{STORE}-leader"
    assert all(h.confidence < BAR for h in found.hypotheses[1:]), told(found)


def test_a_caller_that_reads_from_a_follower_is_well() -> None:
    _nobody_is_blamed(_one_calls_the_follower())


def test_where_callers_of_the_leader_cannot_write_either_the_store_is_read_only() -> None:
    made = _one_calls_the_follower()
    for name in ("fleet-ticket", "fleet-wallet"):
        speaks(made, name, at(READ_ONLY))
    assert made.diagnose().hypotheses[0].cause is Cause.DATABASE_READ_ONLY, told(made.diagnose())


def test_where_traces_are_sent_is_nobodys_dependency_and_a_helper_makes_no_gateway() -> None:
    made = _fleet()
    helped = made.deployments["fleet-ticket"]["spec"]["template"]["spec"]["containers"]
    helped.append(container("web", "nginx:1.27", ports=[]))
    speaks(made, "fleet-ticket", at("Failed to flush spans in reporter: zipkin-agent: unknown host: zipkin-agent"))
    _nobody_is_blamed(made)
    speaks(made, "fleet-ticket", at("java.net.UnknownHostException: ledgerz: Name or service not known"))
    assert made.diagnose().hypotheses[0].cause is Cause.DEPENDENCY_ADDRESS_WRONG


def test_a_service_that_is_called_through_a_gateway_has_the_gateways_address() -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", SEAT_API_URL=f"http://{GATEWAY}:8080/api/seats")
    _nobody_is_blamed(made)


@pytest.mark.parametrize("variable", ["DB_USER", "SEAT_TOPIC", "SEAT_ROLE"])
def test_a_value_that_is_the_name_of_a_service_need_not_be_its_address(variable: str) -> None:
    made = _fleet()
    made.services["seat-db"] = made.services["ledgers"] | {"metadata": meta("user-db")}
    made.endpoints["seat-db"] = (True,)
    has_env(made, "fleet-ticket", **{variable: "fleet-wallet"})
    _nobody_is_blamed(made)


def test_a_second_port_of_what_is_reached_is_missed_by_nobody_until_somebody_says_so() -> None:
    made = _fleet()
    has_env(made, "fleet-ticket", SEAT_URL="http://fleet-seat:8080", SEAT_METRICS="fleet-seat:9187")
    _nobody_is_blamed(made)
    speaks(made, "fleet-ticket", at("java.net.ConnectException: fleet-seat:9187: Connection timed out"))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["address"]) == (Cause.DEPENDENCY_ADDRESS_WRONG, "fleet-seat:9187"), top
