"""Dependencies outside of the cluster, and circuit breakers, in the words of client libraries."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.outside import called, is_outside
from incident_agents.diagnosis.ranking import BAR
from incident_commander.api.causes import Cause
from incident_commander.api.statement import Diagnosis
from tests.unit.diagnosis.builders import NOW, ended, log, meta, told, waiting
from tests.unit.diagnosis.shop import Shop, shop

HOST = "api.paygate.example"
LATE = (
    f'ERROR charge failed: Post "https://{HOST}/v1/charges": context deadline exceeded (Client.Timeout exceeded while '
    "awaiting headers)",
    f'org.springframework.web.client.ResourceAccessException: I/O error on POST request for "https://{HOST}/v1": '
    "Read timed out",
    f"requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='{HOST}', port=443): Read timed out. (read timeout=5)",
    f"AxiosError: timeout of 5000ms exceeded POST https://{HOST}/v1/charges code ECONNABORTED",
    f"urllib.error.HTTPError: 504 Server Error: Gateway Timeout for url: https://{HOST}/v1/charges",
    "Error: connect ETIMEDOUT 52.29.14.3:443",
)
LIMITED = (
    f"requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: https://{HOST}/v1/charges",
    "org.springframework.web.reactive.function.client.WebClientResponseException$TooManyRequests: "
    f"429 Too Many Requests from POST https://{HOST}/v1/charges",
    f'time=2026-03-03T11:59:00Z level=ERROR msg="unexpected status code 429" url=https://{HOST}/v1/charges',
    f"openai.RateLimitError: Error code: 429 - rate limit exceeded, url https://{HOST}/v1/chat",
)
DOWN = (
    f"feign.FeignException$ServiceUnavailable: [503 Service Unavailable] during [POST] to [https://{HOST}/v1/charges]",
    f"System.Net.Http.HttpRequestException: Connection refused ({HOST}:443)",
    f'dial tcp: lookup {HOST} on 10.96.0.10:53: no such host: Get "https://{HOST}/v1"',
    f"requests.exceptions.HTTPError: 502 Server Error: Bad Gateway for url: https://{HOST}/v1/charges",
    f'[2026-03-03T11:59:00Z] "POST /v1/charges HTTP/1.1" 503 UO upstream_reset_before_response_started{{overflow}} - '
    f'"-" 0 81 0 - "-" "go" "6a" "{HOST}" "-" outbound|443||{HOST}',
)


def says(made: Shop, app: str, lines: Sequence[str], *, times: int = 8, calm: int = 40) -> None:
    quiet = [f"INFO request {n} served" for n in range(calm)]
    made.logs.append(log(made.pods[app], *quiet, *(list(lines) * times), container=app))


def confident(found: Diagnosis) -> list[tuple[Cause, str]]:
    return [(h.cause, h.facts.get("dependency", "")) for h in found.hypotheses if h.confidence >= BAR]


class TestOutsideOfTheCluster:
    @pytest.mark.parametrize("line", LATE)
    def test_who_does_not_answer_in_time_is_named(self, line: str) -> None:
        made = shop()
        says(made, "orders", [line])
        top = made.diagnose().hypotheses[0]
        host = HOST if HOST in line else "52.29.14.3"
        assert (top.cause, top.object, top.facts["dependency"]) == (Cause.DEPENDENCY_SLOW, None, host)
        assert top.facts["reason"] == "TimedOut"
        assert top.evidence[0].value == line

    @pytest.mark.parametrize("line", LIMITED)
    def test_who_limits_requests_is_named(self, line: str) -> None:
        made = shop()
        says(made, "orders", [line])
        top = made.diagnose().hypotheses[0]
        assert (top.cause, top.facts["dependency"]) == (Cause.DEPENDENCY_SLOW, HOST)
        assert top.facts["reason"] == "RateLimited"

    @pytest.mark.parametrize("line", DOWN)
    def test_who_fails_is_named(self, line: str) -> None:
        made = shop()
        says(made, "orders", [line])
        assert confident(made.diagnose())[0] == (Cause.DEPENDENCY_DOWN, HOST)

    def test_it_stands_above_what_it_causes_inside(self) -> None:
        made = shop()
        says(made, "orders", [LATE[1]])
        says(made, "web", ["Get http://orders:8080/list: connect: i/o timeout (Client.Timeout exceeded)"])
        found = made.diagnose().hypotheses
        assert [(h.cause, h.facts["dependency"]) for h in found[:2]] == [
            (Cause.DEPENDENCY_SLOW, HOST),
            (Cause.DEPENDENCY_SLOW, "orders"),
        ]
        assert found[0].confidence - found[1].confidence >= 12

    def test_several_callers_make_one_finding(self) -> None:
        made = shop()
        says(made, "orders", [LATE[0]])
        says(made, "web", [LATE[2]])
        found = made.diagnose()
        assert confident(found) == [(Cause.DEPENDENCY_SLOW, HOST)]
        assert "Deployment/shop/orders" in found.hypotheses[0].summary
        assert "Deployment/shop/web" in found.hypotheses[0].summary

    def test_who_reaches_nobody_has_a_trouble_of_his_own(self) -> None:
        made = shop()
        says(made, "orders", [LATE[0], "dial tcp: connect to db:3306: i/o timeout"])
        assert (Cause.DEPENDENCY_SLOW, HOST) not in confident(made.diagnose())


class TestWhatIsNobodysIncident:
    @pytest.mark.parametrize(
        "line",
        [
            '10.244.0.7 - - [03/Mar/2026:11:59:00 +0000] "GET /x HTTP/1.1" 503 12 "https://www.search.example/" "M"',
            "WARN request timed out, for more information see https://docs.library.example/errors#timeout",
            "ERROR Failed to export spans: deadline exceeded: https://telemetry.vendor.example:4317",
            "WARN 429 too many requests from client 203.0.113.9:51234, slowing it down",
            f"INFO called https://{HOST}/v1/charges: 200 OK in 431 ms",
            'upstream timed out (110) while reading, host: "www.shop.example", upstream: "http://10.244.1.22:8080/x"',
            f'INFO ticket received subject="https://{HOST} timed out"',
            "ERROR com.acme.shop.client.RetryHandler:429 - request timed out",
            "ERROR o.a.k.c.NetworkClient:503 - Connection to node -1 timed out",
        ],
    )
    def test_lines_that_only_look_like_it(self, line: str) -> None:
        made = shop()
        says(made, "orders", [line])
        assert confident(made.diagnose()) == []

    def test_a_public_name_of_the_application_itself_is_not_outside(self) -> None:
        made = shop()
        made.more.append(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": meta("web"),
                "spec": {"rules": [{"host": "www.shop.example"}]},
            }
        )
        case = Case(made.evidence(), None, NOW)
        assert not is_outside(case, "www.shop.example")
        assert is_outside(case, HOST)

    @pytest.mark.parametrize(
        "host",
        [
            "orders",
            "orders.shop",
            "orders.shop.svc",
            "orders.shop.svc.cluster.local",
            "10.244.1.22",
            "node-a",
            "ip-10-0-1-2.eu-west-1.compute.internal",
            "169.254.169.254",
        ],
    )
    def test_names_and_addresses_of_the_cluster_are_not_outside(self, host: str) -> None:
        assert not is_outside(Case(shop().evidence(), None, NOW), host)

    def test_now_and_then_among_thousands_of_requests_is_everyday_life(self) -> None:
        made = shop()
        quiet = [f"INFO request {n} served" for n in range(2000)]
        lines = [line for n in range(2000) for line in ([quiet[n]] + ([LATE[0]] if n % 400 == 399 else []))]
        made.logs.append(log(made.pods["orders"], *lines, container="orders"))
        assert confident(made.diagnose()) == []

    def test_a_call_that_is_tried_again_now_and_then_has_not_failed(self) -> None:
        made = shop()
        line = (
            "WARNING Retrying (Retry(total=2)) after connection broken by "
            f"\"ReadTimeoutError(HTTPSConnectionPool(host='{HOST}', port=443): Read timed out.)\": /3.0/lists"
        )
        says(made, "orders", [line], times=3, calm=100)
        assert confident(made.diagnose()) == []
        given_up = f"requests.exceptions.ReadTimeout: HTTPSConnectionPool(host='{HOST}', port=443): Read timed out."
        says(made, "orders", [given_up], times=3, calm=100)
        assert confident(made.diagnose()) == [(Cause.DEPENDENCY_SLOW, HOST)]

    def test_a_sender_to_whatever_its_users_name_has_no_dependency(self) -> None:
        made = shop()
        lines = [f"webhook to https://hooks.customer{c}.example/in failed: timed out after 5s" for c in "abcdefgh"]
        says(made, "orders", lines)
        assert confident(made.diagnose()) == []

    def test_what_is_over_is_over(self) -> None:
        made = shop()
        lines = [LATE[0]] * 5 + [f"INFO request {n} served" for n in range(60)]
        made.logs.append(log(made.pods["orders"], *lines, container="orders"))
        assert confident(made.diagnose()) == []

    def test_hosts_are_those_that_are_called(self) -> None:
        assert called(f"see https://docs.x.example/a then https://{HOST}/b timed out") == [HOST]


class TestCircuitBreakers:
    @pytest.mark.parametrize(
        "line",
        [
            "io.github.resilience4j.circuitbreaker.CallNotPermittedException: CircuitBreaker 'ordersService' is OPEN "
            "and does not permit further calls",
            "ERROR call to http://orders:8080/list failed: circuit breaker is open",
            "Polly.CircuitBreaker.BrokenCircuitException: The circuit is now open and is not allowing calls. "
            "http://orders:8080/",
            "HystrixRuntimeException: OrdersCommand short-circuited and fallback failed.",
            '"GET /list HTTP/1.1" 503 UO upstream_reset_before_response_started{overflow} - "-" 0 81 0 - "-" "go" "6a" '
            '"orders:8080" "-" outbound|8080||orders.shop.svc.cluster.local',
        ],
    )
    def test_the_dependency_behind_an_open_one_is_named(self, line: str) -> None:
        made = shop()
        says(made, "web", [line])
        top = made.diagnose().hypotheses[0]
        assert (top.cause, top.facts["dependency"], top.facts["reason"]) == (
            Cause.DEPENDENCY_DOWN,
            "orders",
            "CircuitBreakerOpen",
        )
        assert top.object is not None
        assert top.object.name == "orders"

    def test_what_is_wrong_with_the_dependency_stands_above_it(self) -> None:
        made = shop()
        made.restarts("orders", state=waiting("CrashLoopBackOff")["state"], lastState=ended(1, "Error"))
        says(
            made,
            "web",
            ["CallNotPermittedException: CircuitBreaker 'orders' is OPEN and does not permit further calls"],
        )
        found = made.diagnose()
        assert found.hypotheses[0].cause is Cause.CRASH_LOOP, told(found)

    def test_a_breaker_that_closed_again_is_no_finding(self) -> None:
        made = shop()
        says(made, "web", ["INFO CircuitBreaker 'orders' changed state from HALF_OPEN to CLOSED"])
        assert confident(made.diagnose()) == []
