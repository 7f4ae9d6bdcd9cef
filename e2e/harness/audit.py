"""What an incident cost: the mutating requests about it in the API server's audit log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.harness.grants import Right, asked

_MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class Write:
    """One mutating request that the API server carried out or refused."""

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    dry_run: bool
    status: int

    @property
    def what(self) -> str:
        """Who did what, without names of objects."""
        return f"{self.user.rsplit(':', 1)[-1]} {self.verb} {self.resource}"


@dataclass(frozen=True)
class Cost:
    """The requests about one incident."""

    stored: tuple[Write, ...]
    dry_runs: tuple[Write, ...]
    refused: tuple[Write, ...]

    def to_workloads(self) -> list[Write]:
        """Stored writes to anything but the Incident and its Events."""
        return [w for w in self.stored if not w.resource.startswith(("incidents", "events"))]

    def counted(self) -> list[tuple[str, int]]:
        """Stored writes by who and what, the most frequent first."""
        return Counter(w.what for w in self.stored).most_common()


class AuditLog:
    """The part of the log that is written from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = path.stat().st_size

    def rights(self, accounts_of: str) -> Iterator[tuple[Right, bool]]:
        """What the operator's ServiceAccounts have asked for, and whether RBAC allowed it."""
        return asked(self._path, self._start, accounts_of)

    def cost(
        self, namespace: str, incidents: Sequence[str], accounts_of: str, *, home: str = "", nodes: Sequence[str] = ()
    ) -> Cost:
        """Of these Incidents: they, their Events, and what the operator's ServiceAccounts wrote beside them.

        ``home``: where the Incidents are, if not in ``namespace``; ``nodes``: objects of no namespace that count, too.
        """
        stored, dry_runs, refused = [], [], []
        operator = f"system:serviceaccount:{accounts_of}:"
        home = home or namespace
        for write in self._writes([namespace, *incidents, *nodes]):
            about = write.resource.startswith("incidents") and write.name in incidents
            about |= write.resource == "events" and any(write.name.startswith(f"{name}.") for name in incidents)
            beside = write.namespace == namespace or (write.resource == "nodes" and write.name in nodes)
            if not (about and write.namespace == home) and not (beside and write.user.startswith(operator)):
                continue
            if write.dry_run:
                dry_runs.append(write)
            elif write.status >= 400:
                refused.append(write)
            else:
                stored.append(write)
        return Cost(tuple(stored), tuple(dry_runs), tuple(refused))

    def _writes(self, named: Sequence[str]) -> Iterator[Write]:
        """Those in whose lines at least one of these words stands: most are not worth parsing."""
        words = [word.encode() for word in named]
        with self._path.open("rb") as log:
            log.seek(self._start)
            for line in log:
                if not any(word in line for word in words):
                    continue
                event: dict[str, Any] = json.loads(line)
                target = event.get("objectRef") or {}
                if event["verb"] not in _MUTATING:
                    continue
                part = f"/{target['subresource']}" if target.get("subresource") else ""
                yield Write(
                    user=(event.get("impersonatedUser") or event["user"])["username"],
                    verb=event["verb"],
                    resource=target.get("resource", "") + part,
                    namespace=target.get("namespace", ""),
                    name=target.get("name", ""),
                    dry_run="dryRun=" in event["requestURI"],
                    status=(event.get("responseStatus") or {}).get("code", 0),
                )
