"""Whether a bearer token may post alerts: asked of the API server, which knows all tokens and all rights."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from incident_commander.api.kinds import INCIDENT, SUBJECT_ACCESS_REVIEW, TOKEN_REVIEW
from incident_commander.gateway.remembered import Remembered
from incident_commander.gateway.settings import GatewaySettings
from incident_commander.ports import Clock, Cluster

_TOKENS = 256
_ACCESSES = 2048
_LONGEST_MEMORY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class User:
    """Whom a token stands for. ``key`` identifies the token (its hash) and is never shown."""

    name: str
    key: str
    review: Mapping[str, Any] = field(default_factory=dict)
    """``status.user`` of the TokenReview."""


class Reviewer(Protocol):
    """Decides who may post. Raises a ``ClusterError`` when that cannot be found out."""

    async def authenticate(self, token: str) -> User | None:
        """The user, or None when the token is not valid."""
        ...

    async def may_create(self, user: User, namespace: str) -> bool:
        """Whether the user may create Incidents there."""
        ...


class ClusterReviewer:
    """TokenReview and SubjectAccessReview. Only a yes is remembered, for at most 10 s; tokens by their SHA-256."""

    def __init__(self, cluster: Cluster, clock: Clock, settings: GatewaySettings) -> None:
        self._cluster = cluster
        self._audiences = list(settings.audiences)
        self._slots = asyncio.Semaphore(settings.api_concurrency)
        seconds = min(settings.token_seconds, _LONGEST_MEMORY_SECONDS)
        self._users: Remembered[str, User | None] = Remembered(
            clock, _TOKENS, lambda user: seconds if user is not None else 0.0
        )
        self._access: Remembered[tuple[str, str], bool] = Remembered(
            clock, _ACCESSES, lambda allowed: seconds if allowed else 0.0
        )

    async def authenticate(self, token: str) -> User | None:
        """See ``Reviewer``."""
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return await self._users.get(key, lambda: self._review_token(token, key))

    async def may_create(self, user: User, namespace: str) -> bool:
        """See ``Reviewer``."""
        return await self._access.get((user.key, namespace), lambda: self._review_access(user, namespace))

    async def _review_token(self, token: str, key: str) -> User | None:
        spec: dict[str, Any] = {"token": token}
        if self._audiences:
            spec["audiences"] = self._audiences
        body = {"apiVersion": TOKEN_REVIEW.api_version, "kind": TOKEN_REVIEW.kind, "spec": spec}
        async with self._slots:
            status = (await self._cluster.create(TOKEN_REVIEW, None, body)).get("status") or {}
        if status.get("authenticated") is not True:
            return None
        if self._audiences and not set(self._audiences) & set(status.get("audiences") or ()):
            return None
        user = status.get("user") or {}
        return User(str(user.get("username", "")), key, user)

    async def _review_access(self, user: User, namespace: str) -> bool:
        spec = {
            "resourceAttributes": {
                "group": INCIDENT.group,
                "version": INCIDENT.version,
                "resource": INCIDENT.plural,
                "verb": "create",
                "namespace": namespace,
            },
            "user": user.name,
            **{name: user.review[name] for name in ("uid", "groups", "extra") if user.review.get(name)},
        }
        body = {"apiVersion": SUBJECT_ACCESS_REVIEW.api_version, "kind": SUBJECT_ACCESS_REVIEW.kind, "spec": spec}
        async with self._slots:
            status = (await self._cluster.create(SUBJECT_ACCESS_REVIEW, None, body)).get("status") or {}
        return status.get("allowed") is True
