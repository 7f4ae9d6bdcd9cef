"""Settings of the processes: from the environment (``INCIDENT_COMMANDER_*``), overridden by command-line options."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from incident_commander.api.names import OPERATOR_NAMESPACE
from incident_commander.api.plan import ActionName
from incident_commander.errors import ConfigurationError
from incident_commander.log_level import LogLevel

PREFIX = "INCIDENT_COMMANDER_"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, setting: str) -> Address:
        """``host:port`` or ``:port`` (all addresses). Raises ``ConfigurationError``."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:
            raise ConfigurationError(f"{PREFIX}{setting} is {text!r}; it must be HOST:PORT, for example 0.0.0.0:8080")
        return cls(host.strip("[]") or "0.0.0.0", int(port))


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them, with the defaults that suit a pod of the chart; each is documented where it is read from."""

    kubeconfig: str | None = None
    """KUBECONFIG: File with the API server's address; without it ``$KUBECONFIG``, the pod's ServiceAccount, or
    ``~/.kube/config``."""
    context: str | None = None
    """CONTEXT: Context of the kubeconfig; without it the current one."""
    namespace: str = OPERATOR_NAMESPACE
    """NAMESPACE: Where the operator lives: its Leases, and Incidents about cluster-level objects."""
    prometheus_url: str | None = None
    """PROMETHEUS_URL: Of the coordinator and the agents. Without it metrics and alert states are gaps in the
    evidence."""
    prometheus_token_file: Path | None = None
    """PROMETHEUS_TOKEN_FILE: Of the same: bearer token for Prometheus, read for each request."""
    prometheus_ca_file: Path | None = None
    """PROMETHEUS_CA_FILE: Of the same: the CA (PEM) that signed Prometheus' certificate; without it the public ones
    count."""
    agent_name: str | None = None
    """AGENT_NAME: Name of the Agent resource that an agent speaks as; without it its role."""
    key_file: Path | None = None
    """KEY_FILE: The agent's signing key (PEM)."""
    keys_dir: Path | None = None
    """KEYS_DIR: For ``run --all``: a folder with one ``<agent>.pem`` for each agent."""
    disabled_actions: frozenset[ActionName] = frozenset()
    """DISABLED_ACTIONS: Actions that are never proposed and never done, separated by commas: told to the coordinator,
    the executor and the agents alike. The chart sets it for those that its ``actions`` do not enable."""
    gateway_bind: Address = Address("127.0.0.1", 8080)
    """GATEWAY_BIND: Where alerts are received; ``0.0.0.0:8080`` in a pod. Serves the gateway's own health and
    metrics, too."""
    gateway_tls_cert_file: Path | None = None
    """GATEWAY_TLS_CERT_FILE: Of the gateway: certificate chain (PEM); alerts are then received by HTTPS. Read again
    when it changes."""
    gateway_tls_key_file: Path | None = None
    """GATEWAY_TLS_KEY_FILE: Its private key (PEM)."""
    gateway_tokens: bool = True
    """GATEWAY_AUTHENTICATION: ``TokenReview``, or ``None``, which takes alerts from everybody (on a loopback address
    only)."""
    notify_url: str | None = None
    """NOTIFY_URL: Of the coordinator: a webhook that is POSTed to when a plan waits for approval, and when an
    Incident ends as Escalated or Recommended. At most once; ``incident_commander_notifications_total`` counts
    what could not be sent."""
    notify_url_file: Path | None = None
    """NOTIFY_URL_FILE: File that holds that address, where it is a secret; read for each message."""
    notify_format: str = "JSON"
    """NOTIFY_FORMAT: ``JSON``, or ``Slack`` for Slack-compatible incoming webhooks."""
    notify_token_file: Path | None = None
    """NOTIFY_TOKEN_FILE: Bearer token for that webhook, read for each message."""
    health_bind: Address = Address("0.0.0.0", 8081)
    """HEALTH_BIND: ``/healthz``, ``/readyz`` and ``/metrics`` of every process but the gateway, which has its own.
    One each where processes share a host."""
    log_level: LogLevel = LogLevel.INFO
    """LOG_LEVEL: How much is logged: ``debug``, ``info``, ``warning`` or ``error``."""
    workers: int = 8
    """WORKERS: Incidents that one component works on at the same time."""
    identity: str = ""
    """IDENTITY: Holder in Leases; without it the host's name, which is the pod's."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises ``ConfigurationError`` that names the setting, what was found, and what would do."""

        def text(name: str) -> str | None:
            return environment.get(PREFIX + name) or None

        def path(name: str) -> Path | None:
            found = text(name)
            return Path(found) if found is not None else None

        level = text("LOG_LEVEL") or LogLevel.INFO.value
        if level.lower() not in list(LogLevel):
            raise ConfigurationError(f"{PREFIX}LOG_LEVEL is {level!r}; it must be one of {', '.join(LogLevel)}")
        workers = text("WORKERS") or "8"
        if not workers.isdigit() or not 1 <= int(workers) <= 256:
            raise ConfigurationError(f"{PREFIX}WORKERS is {workers!r}; it must be a number from 1 to 256")
        authentication = text("GATEWAY_AUTHENTICATION") or "TokenReview"
        if authentication not in ("TokenReview", "None"):
            raise ConfigurationError(
                f"{PREFIX}GATEWAY_AUTHENTICATION is {authentication!r}; it must be TokenReview or None"
            )
        if (text("GATEWAY_TLS_CERT_FILE") is None) != (text("GATEWAY_TLS_KEY_FILE") is None):
            raise ConfigurationError(
                f"{PREFIX}GATEWAY_TLS_CERT_FILE and {PREFIX}GATEWAY_TLS_KEY_FILE: one of them is set; set both, or none"
            )
        notify = text("NOTIFY_FORMAT") or "JSON"
        if notify not in ("JSON", "Slack"):
            raise ConfigurationError(f"{PREFIX}NOTIFY_FORMAT is {notify!r}; it must be JSON or Slack")
        if text("NOTIFY_URL") and text("NOTIFY_URL_FILE"):
            raise ConfigurationError(f"{PREFIX}NOTIFY_URL and {PREFIX}NOTIFY_URL_FILE are both set; set one of them")
        return cls(
            kubeconfig=text("KUBECONFIG"),
            context=text("CONTEXT"),
            namespace=text("NAMESPACE") or OPERATOR_NAMESPACE,
            prometheus_url=text("PROMETHEUS_URL"),
            prometheus_token_file=path("PROMETHEUS_TOKEN_FILE"),
            prometheus_ca_file=path("PROMETHEUS_CA_FILE"),
            agent_name=text("AGENT_NAME"),
            key_file=path("KEY_FILE"),
            keys_dir=path("KEYS_DIR"),
            disabled_actions=_actions(text("DISABLED_ACTIONS") or ""),
            gateway_bind=Address.parse(text("GATEWAY_BIND") or "127.0.0.1:8080", "GATEWAY_BIND"),
            gateway_tls_cert_file=path("GATEWAY_TLS_CERT_FILE"),
            gateway_tls_key_file=path("GATEWAY_TLS_KEY_FILE"),
            gateway_tokens=authentication == "TokenReview",
            notify_url=text("NOTIFY_URL"),
            notify_url_file=path("NOTIFY_URL_FILE"),
            notify_format=notify,
            notify_token_file=path("NOTIFY_TOKEN_FILE"),
            health_bind=Address.parse(text("HEALTH_BIND") or "0.0.0.0:8081", "HEALTH_BIND"),
            log_level=LogLevel(level.lower()),
            workers=int(workers),
            identity=text("IDENTITY") or socket.gethostname(),
        )


def _actions(listed: str) -> frozenset[ActionName]:
    """Names of the catalogue. A misspelt one would switch nothing off. Raises ``ConfigurationError``."""
    names = [name.strip() for name in listed.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(ActionName)]
    if unknown:
        raise ConfigurationError(
            f"{PREFIX}DISABLED_ACTIONS names {', '.join(unknown)}; actions are {', '.join(ActionName)}"
        )
    return frozenset(ActionName(name) for name in names)
