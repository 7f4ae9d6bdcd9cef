"""Ways in which what a program needs fails it."""

from __future__ import annotations

import enum


class FailureKind(enum.StrEnum):
    """Kinds that call for different fixes."""

    REFUSED = "ConnectionRefused"
    TIMEOUT = "Timeout"
    DNS = "DNSFailure"
    TLS = "TLSFailure"
    UNREACHABLE = "NetworkUnreachable"
    DISCONNECTED = "ConnectionLost"
    """Reset, broken pipe, closed by the other side."""
    UNAVAILABLE = "Unavailable"
    """It answers, and says that it cannot serve: no healthy upstream, starting up, gRPC UNAVAILABLE."""
    UPSTREAM_5XX = "Upstream5xx"
    OVERLOADED = "Overloaded"
    """Rate limits, full queues, open circuit breakers, gRPC RESOURCE_EXHAUSTED."""
    AUTH = "AuthenticationFailed"
    PERMISSION = "PermissionDenied"
    READ_ONLY = "ReadOnly"
    TOO_MANY_CONNECTIONS = "TooManyConnections"
    """At the server, or in the client's own pool."""
    DEADLOCK = "Deadlock"
    LOCKED = "LockTimeout"
    MISSING = "NotThere"
    """The database, table, queue or topic that is asked for does not exist."""
    OUT_OF_MEMORY = "OutOfMemory"
    DISK_FULL = "DiskFull"
    TOO_MANY_FILES = "TooManyOpenFiles"
    ADDRESS_IN_USE = "AddressInUse"

    @property
    def remote(self) -> bool:
        """Whether it is, or may be, about somebody else than the program that writes the line."""
        return self not in (FailureKind.ADDRESS_IN_USE, FailureKind.TOO_MANY_FILES)
