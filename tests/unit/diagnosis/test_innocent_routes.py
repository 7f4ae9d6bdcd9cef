"""Routes that are right as they stand in the files of widely used gateways, beside one that is crossed in each."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import told
from tests.unit.diagnosis.fleet import GATEWAY, fleet, routed_by

_NGINX = """
server {
  location /healthz { return 200 'ok'; }
  location /api/notify { content_by_lua_file notify.lua; }
  location /stations/ { return 301 https://maps.example.com; }
  location /tickets/ { proxy_pass http://fleet-ticket:8080; }
  location /tickets/print { proxy_pass http://fleet-notify:8080; }
  location /seats/map { proxy_pass http://fleet-station:8080; }
  location /wallet { proxy_pass http://fleet-wallet:8080; }
}
"""
_TRAEFIK = """
http:
  routers:
    one: {rule: "PathPrefix(`/tickets`)", service: one}
    two: {rule: "PathPrefix(`/seats`)", service: two}
    three: {rule: "PathPrefix(`/stations`)", service: three}
    four: {rule: "PathPrefix(`/prices`)", service: four}
  services:
    one:
      loadBalancer:
        servers:
        - url: http://fleet-ticket:8080
    two:
      loadBalancer:
        servers:
        - url: http://fleet-seat:8080
    three:
      loadBalancer:
        servers:
        - url: http://fleet-station:8080
"""
_KONG = """
services:
- name: tickets
  url: http://fleet-ticket:8080
  routes:
  - name: tickets
- name: me
  url: http://fleet-wallet:8080
  routes:
  - name: seat-stations
- name: seat-prices
  url: http://fleet-price:8080
- name: ticket-notes
  url: http://fleet-notify:8080
"""
_SPRING = """
spring:
  cloud:
    gateway:
      default-filters:
      - name: CircuitBreaker
      routes:
      - id: tickets
        uri: lb://fleet-ticket
        predicates:
        - Path=/api/ticket/**
      - id: seats
        uri: lb://fleet-seat
        predicates:
        - Path=/api/seat/**
      - id: seats-of-stations
        uri: lb://fleet-seat
        predicates:
        - Path=/api/stations/*/seats
"""


@pytest.mark.parametrize("text", [_NGINX, _TRAEFIK, _KONG, _SPRING], ids=["nginx", "traefik", "kong", "spring"])
def test_nobody_is_blamed_for_paths_that_are_answered_elsewhere(text: str) -> None:
    made = fleet()
    routed_by(made, text)
    found = made.diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


@pytest.mark.parametrize(
    ("text", "right", "wrong", "expected"),
    [
        (_NGINX, "/wallet { proxy_pass http://fleet-wallet", "/wallet { proxy_pass http://fleet-price", "fleet-wallet"),
        (
            _KONG,
            "- name: tickets\n  url: http://fleet-ticket",
            "- name: tickets\n  url: http://fleet-seat",
            "fleet-ticket",
        ),
        (_SPRING, "uri: lb://fleet-ticket", "uri: lb://fleet-wallet", "fleet-ticket"),
    ],
    ids=["nginx", "kong", "spring"],
)
def test_a_crossed_route_among_them_is_found(text: str, right: str, wrong: str, expected: str) -> None:
    made = fleet()
    assert right in text
    routed_by(made, text.replace(right, wrong))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80, top.facts["expected"]) == (Cause.GATEWAY_MISROUTED, True, expected), told(
        found
    )
    assert top.object is not None
    assert top.object.name == GATEWAY


def test_two_routes_that_are_swapped_are_found_though_both_services_are_reached() -> None:
    made = fleet()
    swapped = _SPRING.replace("lb://fleet-ticket\n", "lb://other\n").replace(
        "lb://fleet-seat\n", "lb://fleet-ticket\n", 1
    )
    routed_by(made, swapped.replace("lb://other", "lb://fleet-seat"))
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.confidence >= 80, top.facts["expected"]) == (
        Cause.GATEWAY_MISROUTED,
        True,
        "fleet-ticket",
    ), told(found)
