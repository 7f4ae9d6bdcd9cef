"""Requests that arrive at a workload which does not know their path, and another one does."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from tests.unit.diagnosis.builders import told
from tests.unit.diagnosis.fleet import GATEWAY, at, fleet, has_env, routed_by, speaks
from tests.unit.diagnosis.shop import Shop

ROUTES = """
server {
    location /api/invoices/ { proxy_pass http://%s:8080; }
    location /api/parking/ { proxy_pass http://fleet-seat:8080; }
}
"""
SERVED = at("InvoiceController : /invoices/4711 handled in 12 ms")


def _routing(to: str) -> Shop:
    """Invoices are served by wallet, which no name tells."""
    made = fleet()
    routed_by(made, ROUTES % to)
    speaks(made, "fleet-wallet", SERVED)
    return made


def _nobody_is_blamed(made: Shop) -> None:
    found = made.diagnose()
    assert all(h.confidence < BAR for h in found.hypotheses), told(found)


@pytest.mark.parametrize(
    "line",
    [
        at("o.s.web.servlet.PageNotFound : No mapping for GET /invoices/1111"),
        at("NoResourceFoundException: No static resource invoices/1111."),
        "Error: Cannot GET /invoices/1111",
        'ActionController::RoutingError (No route matches [GET] "/invoices/1111"):',
        "WARNING django.request: Not Found: /invoices/1111",
        '10.244.1.7 - - [03/Mar/2026:11:59:01 +0000] "GET /invoices/1111 HTTP/1.1" 404 153 "-" "okhttp/4.12"',
        '[GIN] 2026/03/03 - 11:59:01 | 404 |     1.2ms |   10.244.1.7 | GET      "/api/invoices/1111"',
    ],
)
def test_a_path_that_arrives_where_nobody_knows_it_was_sent_astray(line: str) -> None:
    made = _routing("fleet-price")
    speaks(made, "fleet-price", line)
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (Cause.GATEWAY_MISROUTED, GATEWAY), top
    assert (top.facts["route"], top.facts["backend"]) == ("/invoices", "http://fleet-price:8080")
    assert top.facts["expected"] == "fleet-wallet"
    assert top.confidence >= 85


def test_a_variable_may_be_what_sends_it_there() -> None:
    made = _routing("fleet-wallet")
    has_env(made, GATEWAY, ROUTES_8_URI="http://fleet-price:8080")
    speaks(made, "fleet-price", at("PageNotFound : No mapping for GET /invoices/1111"))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["backend"]) == (Cause.GATEWAY_MISROUTED, "fleet-price:8080"), told(made.diagnose())


def test_something_that_is_not_there_under_a_path_that_is_served_is_no_misroute() -> None:
    made = _routing("fleet-wallet")
    speaks(made, "fleet-wallet", SERVED, '"GET /invoices/9999 HTTP/1.1" 404 12')
    _nobody_is_blamed(made)


@pytest.mark.parametrize("path", ["/wp-login.php", "/favicon.ico", "/.env", "/actuator/health", "/metrics", "/health"])
def test_what_scanners_browsers_and_probes_ask_everybody_for_is_no_misroute(path: str) -> None:
    made = _routing("fleet-price")
    for name in ("fleet-wallet", "fleet-seat"):
        speaks(made, name, f'"GET {path} HTTP/1.1" 200 12')
    speaks(made, "fleet-price", f'"GET {path} HTTP/1.1" 404 12')
    _nobody_is_blamed(made)


def test_a_path_that_nobody_serves_is_no_misroute() -> None:
    made = _routing("fleet-wallet")
    speaks(made, "fleet-seat", at("PageNotFound : No mapping for GET /coupons/7"))
    _nobody_is_blamed(made)


def test_who_calls_one_service_only_does_not_route() -> None:
    made = fleet()
    speaks(made, "fleet-wallet", SERVED)
    has_env(made, "fleet-basket", PRICES_URL="http://fleet-price:8080")
    speaks(made, "fleet-price", at("PageNotFound : No mapping for GET /invoices/1111"))
    _nobody_is_blamed(made)


def test_one_request_that_went_astray_is_an_accident() -> None:
    made = _routing("fleet-price")
    speaks(made, "fleet-price", at("PageNotFound : No mapping for GET /invoices/1111"), times=1)
    _nobody_is_blamed(made)
