"""Addresses that lead nowhere, names that do not resolve, routes, and workloads at zero."""

import pytest

from incident_agents.diagnosis.ranking import BAR
from incident_commander.api import kinds
from incident_commander.api.causes import Cause
from incident_commander.evidence.trim import trim
from incident_commander.ports import Object
from tests.unit.diagnosis.builders import log, meta, told
from tests.unit.diagnosis.shop import Shop, shop


def given(made: Shop, who: str, **env: str) -> None:
    variables = made.pods[who]["spec"]["containers"][0]["env"]
    for variable in variables:
        variable["value"] = env.get(variable["name"], variable["value"])


def says(made: Shop, who: str, line: str) -> None:
    made.logs.append(log(made.pods[who], *["up"] * 5, *[line] * 5, container=who))


@pytest.mark.parametrize(
    ("env", "line", "problem", "address"),
    [
        (
            {"ORDERS_URL": "http://order:8080"},
            'Get "http://order:8080/": dial tcp: lookup order on 10.96.0.10:53: no such host',
            "Host",
            "order:8080",
        ),
        (
            {"ORDERS_URL": "http://orders:8081"},
            "java.net.ConnectException: Connection refused: orders/10.96.0.2:8081",
            "Port",
            "orders:8081",
        ),
    ],
)
def test_a_wrong_address_is_the_callers_trouble(env: dict[str, str], line: str, problem: str, address: str) -> None:
    made = shop()
    given(made, "web", **env)
    says(made, "web", line)
    top = made.diagnose().hypotheses[0]
    assert top.object is not None
    assert (top.cause, top.object.name, top.facts["problem"], top.facts["address"]) == (
        Cause.DEPENDENCY_ADDRESS_WRONG,
        "web",
        problem,
        address,
    )
    assert top.confidence >= 80


def test_a_database_port_is_told_with_its_protocol() -> None:
    made = shop()
    given(made, "orders", DB_PORT="3307")
    says(made, "orders", "Can't connect to MySQL server on 'db:3307' (111)")
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["problem"], top.facts["protocol"]) == (
        Cause.DEPENDENCY_ADDRESS_WRONG,
        "Port",
        "mysql",
    ), told(made.diagnose())


def test_a_port_that_is_only_in_the_log_is_found_as_well() -> None:
    made = shop()
    made.pods["orders"]["spec"]["containers"][0]["env"] = []
    says(made, "orders", "dial tcp 10.96.0.1:3307: connect: connection refused")
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["address"]) == (Cause.DEPENDENCY_ADDRESS_WRONG, "10.96.0.1:3307")


def test_a_variable_that_is_named_after_another_service_misroutes() -> None:
    made = shop()
    routes = [{"name": "ORDERS_URL", "value": "http://web:80"}]
    made.add("gateway", {"name": "gateway", "image": "nginx:1", "env": routes}, 80)
    top = made.diagnose().hypotheses[0]
    assert top.object is not None
    assert (top.cause, top.object.name, top.facts["expected"]) == (Cause.GATEWAY_MISROUTED, "gateway", "orders")


def test_an_ingress_to_a_service_that_does_not_exist_misroutes() -> None:
    made = shop()
    made.more.append(ingress("order", 8080))
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["route"], top.confidence >= 85) == (Cause.GATEWAY_MISROUTED, "shop.test/orders", True)


def test_an_ingress_that_leads_somewhere_is_well() -> None:
    made = shop()
    made.more.append(ingress("orders", 8080))
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)


def ingress(name: str, port: int) -> Object:
    backend = {"service": {"name": name, "port": {"number": port}}}
    path = {"path": "/orders", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta("front"),
        "spec": {"rules": [{"host": "shop.test", "http": {"paths": [path]}}]},
    }


def test_a_pod_that_asks_another_resolver_does_not_resolve() -> None:
    made = shop()
    made.pods["web"]["spec"] |= {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.1"]}}
    says(made, "web", "java.net.UnknownHostException: orders")
    top = made.diagnose().hypotheses[0]
    assert top.object is not None
    assert (top.cause, top.object.name, top.confidence >= 85) == (Cause.DNS_RESOLUTION_FAILURE, "web", True)


def test_a_workload_without_a_service_is_what_cannot_be_found() -> None:
    made = shop()
    del made.services["orders"]
    says(made, "web", "dial tcp: lookup orders on 10.96.0.10:53: no such host")
    top = made.diagnose().hypotheses[0]
    assert top.object is not None
    assert (top.cause, top.object.name) == (Cause.DNS_RESOLUTION_FAILURE, "orders")


def test_a_workload_at_zero_that_others_call_is_the_cause() -> None:
    made = shop()
    made.deployments["orders"]["spec"]["replicas"] = 0
    made.deployments["orders"]["status"] |= {"replicas": 0, "readyReplicas": 0}
    del made.pods["orders"]
    made.without_endpoints("orders")
    says(made, "web", 'Get "http://orders:8080/": dial tcp 10.96.0.2:8080: connect: connection refused')
    found = made.diagnose()
    top = found.hypotheses[0]
    assert (top.cause, top.object.name if top.object else "") == (Cause.SCALED_TO_ZERO, "orders"), told(found)
    assert top.confidence >= 85


def test_a_workload_at_zero_that_nobody_calls_is_a_decision() -> None:
    made = shop()
    made.deployments["web"]["spec"]["replicas"] = 0
    del made.pods["web"], made.services["web"]
    assert all(h.confidence < BAR for h in made.diagnose().hypotheses)


def test_a_route_of_a_gateway_is_judged_by_what_stands_beside_its_address() -> None:
    made = shop()
    routes = [
        {"name": "SPRING_CLOUD_GATEWAY_ROUTES_0_ID", "value": "orders"},
        {"name": "SPRING_CLOUD_GATEWAY_ROUTES_0_PREDICATES_0", "value": "Path=/api/orders/**"},
        {"name": "SPRING_CLOUD_GATEWAY_ROUTES_0_URI", "value": "http://web:80"},
    ]
    made.add("front-gateway", {"name": "gateway", "image": "registry.example.com/front:1", "env": routes}, 80)
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["backend"], top.facts["expected"]) == (Cause.GATEWAY_MISROUTED, "web:80", "orders")
    assert top.confidence >= BAR


def test_a_driver_that_hides_the_address_is_believed_when_nobody_else_complains() -> None:
    made = shop()
    says(made, "orders", "com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure")
    top = made.diagnose().hypotheses[0]
    assert (top.cause, top.facts["problem"], top.facts["protocol"]) == (
        Cause.DEPENDENCY_ADDRESS_WRONG,
        "Port",
        "mysql",
    )


NGINX = "location /orders/ {\n  proxy_pass http://web:80;\n}\nlocation /web/ {\n  proxy_pass http://web:80;\n}\n"
SPRING = "routes:\n- id: orders\n  uri: http://web:80\n  predicates:\n  - Path=/api/v1/orders/**\n- id: web\n  uri: http://web:80\n"


@pytest.mark.parametrize("text", [NGINX, SPRING])
def test_a_gateways_own_configuration_is_read(text: str) -> None:
    def told_of(written: str) -> list[tuple[Cause, str]]:
        made = shop()
        volumes = [{"name": "conf", "configMap": {"name": "routes"}}]
        made.add("entry", {"name": "entry", "image": "nginx:1"}, 80, volumes=volumes)
        whole: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("routes"), "data": {"f": written}}
        made.more.append(trim(kinds.CONFIG_MAP, whole, ["orders", "web"]))
        found = made.diagnose().hypotheses
        wrong = [h for h in found if h.cause is Cause.GATEWAY_MISROUTED]
        cited.extend((c.ref, c.path, c.value, c.resource_version) for h in wrong for c in h.evidence)
        return [(h.cause, h.facts.get("expected", "")) for h in found if h.confidence >= BAR]

    cited: list[tuple[str, str, str, str | None]] = []
    assert told_of(text) == [(Cause.GATEWAY_MISROUTED, "orders")]
    assert cited[0] == ("ConfigMap/shop/routes", "data.f", "http://web:80", None)
    assert told_of(text.replace("web:80", "orders:8080", 1)) == []
