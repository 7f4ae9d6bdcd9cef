"""Addresses in text: in log lines about connections that failed, and in configuration values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from incident_agents.diagnosis.quoting import own_words
from incident_commander.evidence.evidence import Log

_TROUBLE = re.compile(
    r"connection refused|ECONNREFUSED|no such host|ENOTFOUND|EAI_AGAIN|name or service not known|could not resolve"
    r"|name resolution|no route to host|EHOSTUNREACH|i/o timeout|connect(ion)? timed? ?out|ETIMEDOUT|connection reset"
    r"|ECONNRESET|could not connect|can'?t connect|cannot connect|failed to connect|unable ?to ?connect"
    r"|connection failed|connect error|unreachable|communications link failure|server closed the connection"
    r"|name does not resolve|unknown ?host|getaddrinfo|nodename nor servname|unavailable|connect: network"
    r"|lookup [^ ]+ on |Connection to .{1,80} failed|connection to server at|failed to resolve|name resolver error"
    r"|DNS resolution (?:failed|error)|\(os error 1(?:04|1[0-3])\)|target machine actively refused"
    r"|(?:no|find|contain an) (?:servers?|instances?)(?: available)? for|no healthy upstream|upstream connect error"
    r"|could not translate host name",
    re.IGNORECASE,
)
TROUBLED = (
    "connect", "refused", "econn", "host", "enotfound", "eai_again", "not known", "resol", "timed", "timeout",
    "unreach", "link failure", "getaddrinfo", "servname", "unavailable", "lookup ", "os error", "servers", "instances",
    "server", "instance", "upstream",
)  # fmt: skip
"""Pieces of which every line about a failed connection has one."""
_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62}[a-zA-Z0-9])?){0,8}"
_NO_WORD = r"(?!(?:names?|not|is|was|for|to|could|cannot|has|by|and|or|the|an?|of|in|unreachable|unknown)\b(?![.:-]))"
"""What follows the word host in a sentence, and is none."""
_HOSTS = (
    re.compile(
        rf"[a-z][a-z0-9+.-]{{1,15}}://(?:[^@\s/]{{1,128}}@)?(?P<host>{_NAME})(?::(?P<port>\d{{1,5}}))?", re.IGNORECASE
    ),
    re.compile(rf"(?<![\w./-])(?P<host>{_NAME})/\d{{1,3}}(?:\.\d{{1,3}}){{3}}:(?P<port>\d{{2,5}})\b"),
    re.compile(rf"lookup (?P<host>{_NAME})"),
    re.compile(rf"(?:failed to resolve|resolution failed for|getaddrinfo for) ['\"]?(?P<host>{_NAME})", re.IGNORECASE),
    re.compile(
        rf"(?:servers?|instances?)(?: available)? for(?: the)?(?: service)?:? ['\"]?(?P<host>{_NAME})", re.IGNORECASE
    ),
    re.compile(rf"translate host name ['\"](?P<host>{_NAME})['\"]", re.IGNORECASE),
    re.compile(rf"unknown ?host(?:exception)?:? (?P<host>{_NAME})", re.IGNORECASE),
    re.compile(
        rf"(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|resolve host:?|host(?:name)?[ =:]\"?)\s*'?{_NO_WORD}(?P<host>{_NAME})"
        r"(?::(?P<port>\d{1,5}))?"
    ),
    re.compile(rf"(?<![\w./-])(?P<host>{_NAME}):(?P<port>\d{{2,5}})(?!\w|[:.]\w)"),
    re.compile(
        rf"(?:connect(?:ing|ion)? (?:to|on)|server at|host)(?: server)?(?: at)? [\"'`]?"
        rf"{_NO_WORD}(?P<host>{_NAME})[\"'`]?",
        re.IGNORECASE,
    ),
)
_RESOLVER = re.compile(r" on \d{1,3}(?:\.\d{1,3}){3}:53")
_OWN_SIDE = re.compile(r"\S+:\d+->")
_LOCAL = re.compile(r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1")
_SOURCE_FILE = re.compile(r".*\.(c|cc|cpp|cs|ex|go|h|java|js|jsx|kt|lua|mjs|php|pl|py|rb|rs|scala|swift|ts|tsx)")
_IP = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


NO_ADDRESS = (
    r"no such host|ENOTFOUND|EAI_AGAIN|name or service not known|name resolution"
    r"|unknown ?host|nodename nor servname|name does not resolve|NXDOMAIN|SERVFAIL|server misbehaving"
    r"|failed to resolve|name resolver error|DNS resolution (?:failed|error)|getaddrinfo failed"
)
"""What resolvers and client libraries say of a name that has none; to be matched whatever the case of the letters."""

_UNRESOLVED = re.compile(
    rf"{NO_ADDRESS}|could not resolve|couldn'?t resolve"
    r"|(?:no|find|contain an) (?:servers?|instances?)(?: available)? for"
    r"|lookup [^ ]+(?: on [^ ]+:53:|: i/o timeout)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Address:
    """A host as written, and the port when there was one."""

    host: str
    port: int | None


@dataclass(frozen=True)
class Complaint:
    """A log line about a connection that failed."""

    address: Address
    log: Log
    line: str
    at: float = 1.0
    """How late in the log it stands (``Listened.recency``): 1 is the end."""

    @cached_property
    def of_name(self) -> bool:
        """Whether the name did not resolve (and not the connection that failed)."""
        return _UNRESOLVED.search(self.line) is not None


def addresses(line: str) -> list[Address]:
    """Hosts in a line about a failed connection; none for other lines, and for lines that quote such words."""
    if not _TROUBLE.search(line) or not _TROUBLE.search(own_words(line)):
        return []
    return hosts(line)


def hosts(line: str) -> list[Address]:
    """Every host in a line, but for the writer's own side of a connection and names of source files."""
    text = _OWN_SIDE.sub("", _RESOLVER.sub("", line[:1000]))
    found: dict[str, Address] = {}
    for pattern in _HOSTS:
        for match in pattern.finditer(text):
            host = match["host"].lower().rstrip(".")
            port = match.groupdict().get("port")
            known = found.get(host)
            if (
                _LOCAL.fullmatch(host)
                or _SOURCE_FILE.fullmatch(host)
                or host.isdigit()
                or (known is not None and known.port is not None)
            ):
                continue
            found[host] = Address(host, int(port) if port else None)
    return list(found.values())


def in_value(written: str) -> list[Address]:
    """The address that a configuration value is (or the host of the URL that it is); nothing for other values."""
    url = _HOSTS[0].search(written) or _DSN.search(written)
    plain = re.fullmatch(rf"(?P<host>{_NAME})(?::(?P<port>\d{{1,5}}))?/?", written.strip())
    pairs = _PAIRS.search(written) if url is None and plain is None else None
    match = url or plain or pairs
    if match is None:
        return []
    port = match["port"] if pairs is None or match["port"] else _pair_of_port(written)
    return [Address(match["host"].lower(), int(port) if port else None)]


_DSN = re.compile(rf"@tcp\((?P<host>{_NAME})(?::(?P<port>\d{{1,5}}))?\)")
"""Go's MySQL driver: user:password@tcp(host:port)/database."""
_PAIRS = re.compile(
    rf"(?:^|[;\s])(?:host|server|data source)\s*=\s*(?:tcp:)?(?P<host>{_NAME})(?:[,:](?P<port>\d{{1,5}}))?(?=[;\s]|$)",
    re.IGNORECASE,
)
"""libpq (host=db port=5432) and ADO.NET (Server=db,1433;Database=...)."""
_PORT_PAIR = re.compile(r"(?:^|[;\s])port\s*=\s*(?P<port>\d{1,5})(?=[;\s]|$)", re.IGNORECASE)


def _pair_of_port(written: str) -> str:
    found = _PORT_PAIR.search(written)
    return found["port"] if found is not None else ""


def is_ip(host: str) -> bool:
    """Whether a host is an IPv4 address."""
    return _IP.fullmatch(host) is not None
