"""Where the doctor looks for the gateway when nobody says: at its Service, in the way that it was installed."""

from __future__ import annotations

from typing import Any

import pytest

from incident_commander.cli.doctor.facts import Unread
from incident_commander.cli.doctor.gather import gateway_url

NOT_ALLOWED = Unread("forbidden")


def gateway(**env: str) -> dict[str, Any]:
    variables = [{"name": f"INCIDENT_COMMANDER_{name}", "value": value} for name, value in env.items()]
    return {"spec": {"template": {"spec": {"containers": [{"env": variables}]}}}}


def service(port: int) -> dict[str, Any]:
    return {"spec": {"ports": [{"name": "http", "port": port}]}}


@pytest.mark.parametrize(
    ("deployments", "found", "expected"),
    [
        ([gateway()], service(8080), "http://gateway.ic.svc:8080"),
        ([gateway(GATEWAY_TLS_CERT_FILE="/tls/tls.crt")], service(8080), "https://gateway.ic.svc:8080"),
        ([gateway(GATEWAY_TLS_CERT_FILE="/tls/tls.crt")], service(443), "https://gateway.ic.svc:443"),
        (NOT_ALLOWED, NOT_ALLOWED, "http://gateway.ic.svc:8080"),
        ([], {"spec": {}}, "http://gateway.ic.svc:8080"),
    ],
)
def test_scheme_and_port_are_those_of_the_installation(deployments: Any, found: Any, expected: str) -> None:
    assert gateway_url("ic", deployments, found) == expected
