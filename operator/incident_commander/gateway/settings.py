"""How the gateway is set up. Every default is meant for production, behind a Service of the cluster."""

from __future__ import annotations

import enum
import ipaddress
from dataclasses import dataclass, field

from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.errors import ConfigurationError
from incident_commander.intake.storm import StormLimits


class Authentication(enum.StrEnum):
    """Who may post alerts."""

    TOKEN_REVIEW = "TokenReview"
    """A bearer token whose user may create Incidents in the namespace (TokenReview, SubjectAccessReview)."""
    NONE = "None"
    """Everybody who can connect; only on a loopback address."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Sizes in bytes, times in seconds."""

    host: str = "127.0.0.1"
    """Address to bind to; ``0.0.0.0`` in a pod."""
    port: int = 8080
    authentication: Authentication = Authentication.TOKEN_REVIEW
    audiences: tuple[str, ...] = ()
    """Audiences that a token must be for; empty: the API server's own."""
    operator_namespace: str = OPERATOR_NAMESPACE
    """Where Incidents live whose alerts are about the cluster, or about a namespace that does not exist."""
    body_limit: int = 1024 * 1024
    body_seconds: float = 10.0
    """From the headers to the last byte of the body."""
    deadline_seconds: float = 25.0
    """From the headers to the answer. What is being stored then is still stored."""
    header_seconds: float = 10.0
    """From the connection, or the last answer's keep-alive, to the last byte of the headers."""
    requests_in_flight: int = 1024
    bytes_in_flight: int = 3 * 1024 * 1024
    """Bodies that are being read or stored. A storm is merged into few writes, so more would only wait longer."""
    retry_after_seconds: int = 5
    """Told with 503."""
    api_concurrency: int = 16
    """Requests to the API server at a time."""
    token_seconds: float = 10.0
    """How long an accepted token, and an allowed namespace, is not asked about again."""
    storm: StormLimits = field(default_factory=StormLimits)
    shutdown_seconds: int = 20
    """For POSTs that are in flight when the process is asked to end."""

    def check(self) -> None:
        """Raises ``ConfigurationError`` when the settings are unsafe or contradictory."""
        if self.authentication is Authentication.NONE and not is_loopback(self.host):
            raise ConfigurationError(
                f"gateway: authentication None is allowed on a loopback address only, and host is {self.host!r}; "
                "set host to 127.0.0.1, or authentication to TokenReview"
            )
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"gateway: port is {self.port}; set it to 1-65535")
        if self.bytes_in_flight < self.body_limit:
            raise ConfigurationError(
                f"gateway: bytes_in_flight ({self.bytes_in_flight}) is less than one body may have "
                f"({self.body_limit}); raise it, or lower body_limit"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address. A host name other than ``localhost`` never counts."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
