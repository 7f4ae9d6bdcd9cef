"""Kopf watches, and is asked for nothing that a container cannot give."""

from __future__ import annotations

import asyncio
import getpass
from typing import Any, cast

import pytest

from incident_commander.adapters.kube_transport import Credentials, Transport
from incident_commander.operators.watching import watch


class Nowhere:
    """A transport to an API server that is not there."""

    async def credentials(self) -> Credentials:
        return Credentials("http://127.0.0.1:9", "", None, True, None, None)


async def test_watching_needs_no_name_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the image the process runs as a number without an entry in /etc/passwd."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 65532")

    monkeypatch.setattr(getpass, "getuser", nameless)
    stop, ready = asyncio.Event(), asyncio.Event()
    stop.set()
    await asyncio.wait_for(watch(cast(Transport, Nowhere()), [], stop=stop, ready=ready), 20)


def test_kopf_would_ask_for_it() -> None:
    """So that this can go when Kopf does no longer."""
    from kopf._core.engines import peering

    source: Any = peering.detect_own_id
    assert "getuser" in source.__code__.co_names
