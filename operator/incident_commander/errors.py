"""The tree of exceptions that cross a module boundary.

``IncidentCommanderError`` is the root; everything below it is expected and handled by name.
An exception outside of this tree is a defect.
"""

from __future__ import annotations


class IncidentCommanderError(Exception):
    """Root of every error that the project raises on purpose."""


class ClusterError(IncidentCommanderError):
    """The API server (real or rehearsed) refused or failed a request.

    ``status`` is the HTTP status (0 when no answer came); ``reason`` is the Kubernetes
    ``Status.reason`` ("NotFound", "Conflict", ...).
    """

    status: int = 0
    reason: str = "Unknown"

    def __init__(self, message: str, *, status: int | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        if status is not None:
            self.status = status
        if reason is not None:
            self.reason = reason


class NotFound(ClusterError):
    """The object, or its resource, does not exist (404)."""

    status, reason = 404, "NotFound"


class NotRecorded(ClusterError):
    """A recording has nothing of this kind: whoever made it did not ask for it."""

    reason = "NotRecorded"


class AlreadyExists(ClusterError):
    """An object of that name exists already (409 on create)."""

    status, reason = 409, "AlreadyExists"


class Conflict(ClusterError):
    """A precondition (resourceVersion, UID, or a JSON Patch ``test``) no longer holds."""

    status, reason = 409, "Conflict"


class Forbidden(ClusterError):
    """RBAC or an admission policy refused the request (401 or 403)."""

    status, reason = 403, "Forbidden"


class Invalid(ClusterError):
    """The API server's validation refused the object (400 or 422)."""

    status, reason = 422, "Invalid"


class Throttled(ClusterError):
    """The API server asks to come back later (429, or 503 with Retry-After).

    ``retry_after`` is in seconds.
    """

    status, reason = 429, "TooManyRequests"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DisruptionRefused(ClusterError):
    """A PodDisruptionBudget does not allow an eviction now (429 with the cause DisruptionBudget)."""

    status, reason = 429, "DisruptionBudget"


class Unavailable(ClusterError):
    """No usable answer: connection refused, time-out, or a 5xx."""

    status, reason = 503, "ServiceUnavailable"


class MetricsUnavailable(IncidentCommanderError):
    """Prometheus could not be asked, or answered with an error. Never means "no data"."""


class QueryRefused(MetricsUnavailable):
    """Prometheus answered that the query is no PromQL: asking again does not help."""


class LogsUnavailable(IncidentCommanderError):
    """A container's log could not be read; the message says why."""


class BundleError(IncidentCommanderError):
    """A folder is no incident bundle, or a bundle cannot be written; the message says why."""


class Refusal(IncidentCommanderError):
    """A well-formed request that must not be carried out.

    ``reason`` is a CamelCase constant that is also used in conditions and Events.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidStatement(Refusal):
    """An agent's statement or vote that does not count; ``reason`` says why."""


class InvalidCertificate(Refusal):
    """A certificate that does not prove a quorum; ``reason`` says why."""


class TooFewAgents(Refusal):
    """Fewer members than tolerate one Byzantine fault: no round is opened."""

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            "TooFewAgents",
            f"{found} agents have a key that counts now, at least {needed} are needed: "
            "install more agents, or renew the keys in Agent.spec.publicKeys",
        )


class InvalidPayload(IncidentCommanderError):
    """External input that does not have the documented shape.

    ``path`` is the place inside of the input, for example ``alerts[2].startsAt``.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class ConfigurationError(IncidentCommanderError):
    """A setting is missing or contradictory; the message names the setting and the mend."""


class PartEnded(IncidentCommanderError):
    """A part of a process, such as its watch, ended without being asked to."""
