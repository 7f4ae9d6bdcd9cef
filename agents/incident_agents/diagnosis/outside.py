"""What lies outside of the cluster: hosts that logs name, and how calls to them fail."""

from __future__ import annotations

import enum
import ipaddress
import re

from incident_agents.diagnosis.addresses import NO_ADDRESS, hosts, is_ip
from incident_agents.diagnosis.case import Case
from incident_agents.diagnosis.listening import Words
from incident_commander.api import kinds
from incident_commander.evidence import fields

_GENERIC = frozenset({"com", "net", "org", "io", "dev", "ai", "app", "co", "cloud", "eu", "example", "gov", "edu"})
_INSIDE = frozenset({"svc", "local", "localdomain", "localhost", "cluster", "consul", "test", "pod", "arpa"})
_NODES = ("compute.internal", "ec2.internal", "c.internal")
_TOP = re.compile(r"[a-z]{2,12}|xn--[a-z0-9-]{2,59}")
_READ_MORE = re.compile(
    r"\b(?:see|visit|refer(?: to)?|read|docs?|documentation|more (?:info(?:rmation)?|details|help)|help)\b:?"
    r"(?: (?:at|the|also|on|docs?|documentation|here|for))*:? *\(?https?://\S+",
    re.IGNORECASE,
)
_UPSTREAM = re.compile(r"upstream: \"(?P<url>[^\"]{1,300})\"")
"""nginx tells the host that it was asked for as well: its own."""
_CLUSTER = re.compile(r"outbound\|(?P<port>\d{1,5})\|[^|]*\|(?P<host>[a-zA-Z0-9.-]{1,253})")
"""Envoy's name of whom it passes a request on to, where Istio configures it."""
_CLIENT = re.compile(
    r"\b(?:client|from|peer|by|remote(?:[_ -]?(?:addr|ip))?|(?:x-)?forwarded-for|ip)[\"']?[=: ]+[\"'\[(]?"
    r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?",
    re.IGNORECASE,
)
"""Who asks, not who is asked."""
_SERVED = re.compile(r"\"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) \S{0,2000} HTTP/[\d.]+\" \d{3}\b")
TELEMETRY = re.compile(
    r"\bexport(?:er|ing)?\b.{0,60}\b(?:spans?|traces?|metrics|logs)\b|\b(?:send|flush|report)(?:ing)? spans?\b"
    r"|\bspans? (?:were|was) dropped|jaeger|zipkin|otlp|opentelemetry|\bsentry\b|telemetry|statsd"
    r"|usage report|update check|check(?:ing)? for updates",
    re.IGNORECASE,
)
"""Whoever cannot report on himself still serves."""


class Failing(enum.StrEnum):
    """How calls fail. The values are those of the fact ``reason``."""

    LIMITED = "RateLimited"
    BROKEN = "CircuitBreakerOpen"
    UNRESOLVED = "NameNotResolved"
    ERRORS = "ServerErrors"
    UNREACHED = "NotReached"
    LATE = "TimedOut"

    @property
    def slow(self) -> bool:
        """Whether the other side is there, and lets its callers wait."""
        return self in (Failing.LIMITED, Failing.LATE)


def _words(pattern: str, pieces: str) -> Words:
    return Words(re.compile(pattern, re.IGNORECASE), tuple(pieces.split("|")))


_SAID = r"(?:status(?:[ _]?code)?|HTTP(?:/[\d.]+)?|returned|responded(?: with)?|response(?: code)?|code|error|got|with)"
LIMITED = _words(
    rf"too many requests|rate[ _-]?limit(?:ed|s)?[ _-]?(?:exceeded|reached|hit|error)|exceeded .{{0,40}}rate limit"
    rf"|rate ?limited|request(?:s)? (?:was|were) (?:throttled|rate)|RateLimitError|rate_limit_exceeded"
    rf"|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|Throttling: Rate exceeded|SlowDown\b"
    rf"|quota exceeded for quota metric|{_SAID}\"?[ :=\[(\"']{{0,3}}429\b|\b429 (?:client error|too many)",
    "too many requests|rate|throttl|requestlimit|slowdown|429|toomanyrequests|quota",
)
BREAKER = _words(
    r"CallNotPermittedException|CircuitBreaker '[^']{1,100}' is (?:OPEN|HALF_OPEN)"
    r"|circuit ?breaker(?: \S{1,100})? is (?:now )?open|BrokenCircuitException|The circuit is now open"
    r"|short-circuited and|Hystrix circuit short-circuited|CircuitBreakerOpenException|CircuitBreakerError"
    r"|hystrix: circuit open|Breaker is open|OpenCircuitError|\bcircuit (?:is )?open\b"
    r"|upstream_reset_before_response_started\{overflow\}|[\" ]5\d\d UO\b|reset reason: overflow",
    "circuit|callnotpermitted|breaker|overflow| uo ",
)
UNRESOLVED = _words(
    rf"{NO_ADDRESS}|could ?n[o']t resolve",
    "no such host|enotfound|eai_again|not known|resol|unknown|servname|nxdomain|servfail|misbehaving|getaddrinfo",
)
ERRORS = _words(
    rf"{_SAID}\"?[ :=\[(\"']{{0,3}}5(?:0[0-4]|2[0-6])\b|\b50[0-4] (?:server error|internal|bad gateway|service|gateway)"
    r"|InternalServerError: |ServiceUnavailable: |BadGateway: |HttpServerErrorException",
    "50|52|servererror|serviceunavailable|badgateway",
)
LATE = _words(
    r"deadline exceeded|timed? ?out|timeout|ETIMEDOUT|ESOCKETTIMEDOUT|took too long|request aborted.{0,20}ECONNABORTED",
    "deadline|timed|time out|timeout|took too long|econnaborted",
)
UNREACHED = _words(
    r"connection refused|ECONNREFUSED|actively refused|connection reset|ECONNRESET|socket hang up|no route to host"
    r"|EHOSTUNREACH|ENETUNREACH|network is unreachable|connection was forcibly closed|connection aborted"
    r"|(?:failed|unable|could not) to connect|connection closed before|server disconnected|unexpected EOF|: EOF\b"
    r"|remote end closed|os error 1(?:04|1[013])|upstream connect error|no healthy upstream|PoolTimeout|ConnectError",
    "refused|reset|hang up|no route|unreach|forcibly|aborted|connect|eof|remote end|os error|upstream",
)
_KINDS = (
    (Failing.LIMITED, LIMITED),
    (Failing.BROKEN, BREAKER),
    (Failing.UNRESOLVED, UNRESOLVED),
    (Failing.LATE, LATE),
    (Failing.ERRORS, ERRORS),
    (Failing.UNREACHED, UNREACHED),
)
"""In the order in which they decide, where a line says several: 504 is late before it is an error."""
PIECES = tuple(dict.fromkeys(piece for _, words in _KINDS for piece in words.pieces))


def failing(line: str, low: str) -> Failing | None:
    """How a call fails that a line tells of; None where it tells of none, or of a report on the program itself.

    ``low`` is the line in lower case.
    """
    if TELEMETRY.search(line):
        return None
    return next(
        (kind for kind, words in _KINDS if any(p in low for p in words.pieces) and words.match(line) is not None),
        None,
    )


def called(line: str) -> list[str]:
    """The hosts that a line tells of calls to (lower case). Whom a server answered is none of them."""
    if cluster := _CLUSTER.search(line):
        return [cluster["host"].lower()]
    if upstream := _UPSTREAM.search(line):
        line = f"connect to {upstream['url']}"
    elif _SERVED.search(line):
        return []
    found = (address.host for address in hosts(_CLIENT.sub(" ", _READ_MORE.sub(" ", line))))
    return [host for host in found if host in line]  # with capitals it is the name of a class


def is_outside(case: Case, host: str) -> bool:
    """Whether a host is not of this cluster: a public address, or a name with a domain that nobody here has."""
    if is_ip(host):
        return _public(host)
    labels = host.split(".")
    own = case.once("names of the cluster itself", lambda: _own(case))
    if (
        len(labels) < 2
        or set(labels) & _INSIDE
        or host.endswith(_NODES)
        or host in own
        or not _TOP.fullmatch(labels[-1])
    ):
        return False
    if len(labels) == 2:
        return labels[-1] in _GENERIC and labels[-1] not in own
    return not (labels[1] in own and labels[2] in ("svc", "cluster"))


def _public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _own(case: Case) -> frozenset[str]:
    """Names of nodes and namespaces, and hosts that requests from outside come in for."""
    found = {fields.name(n) for kind in (kinds.NODE, kinds.NAMESPACE) for n in case.evidence.of(kind)}
    found |= {fields.namespace(s) for s in case.evidence.of(kinds.SERVICE)}
    for ingress in case.evidence.of(kinds.INGRESS):
        found |= {fields.text(rule, "host").lower() for rule in fields.items(ingress, "spec", "rules")}
    for route in case.evidence.of(kinds.HTTP_ROUTE):
        found |= {host.lower() for host in fields.words(route, "spec", "hostnames")}
    for node in case.evidence.of(kinds.NODE):
        found |= {fields.text(a, "address").lower() for a in fields.items(node, "status", "addresses")}
    return frozenset(found - {""})
