"""Reading a request's body: bounded in size and in time, whether its length is told or not."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from incident_commander.gateway.admission import Ticket
from incident_commander.gateway.refusal import HttpRefusal

_DISCARDED = 4
"""A body of up to so many times the limit is read to its end and thrown away: whoever is still sending when the
connection is closed never gets to see the answer.
"""


async def read_body(request: Request, ticket: Ticket, *, limit: int, seconds: float) -> bytes:
    """The body. Raises ``HttpRefusal``: 413 too large, 408 too slow, 415 not JSON, 503 no room."""
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, ticket, limit)
    except TimeoutError:
        raise HttpRefusal(408, f"the body did not arrive within {seconds:g} s", close=True) from None
    except ClientDisconnect:
        raise HttpRefusal(400, "the connection was closed before the body was complete", close=True) from None


async def _read(request: Request, ticket: Ticket, limit: int) -> bytes:
    told = request.headers.get("content-length", "")
    declared = int(told[:20]) if told.isascii() and told.isdigit() else 0
    _check_type(request)
    if declared > limit * _DISCARDED:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit * _DISCARDED:
            break
        if max(size, declared) <= limit:
            ticket.grow(len(chunk))
            chunks.append(chunk)
    if max(size, declared) > limit:
        raise _too_large(limit)
    return b"".join(chunks)


def _check_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if media_type != "application/json":
        found = f"it is {media_type!r}" if media_type else "there is none"
        raise HttpRefusal(415, f"Content-Type must be application/json; {found}", close=True)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise HttpRefusal(415, f"Content-Encoding {encoding!r} is not taken; send the JSON as it is", close=True)


def _too_large(limit: int) -> HttpRefusal:
    return HttpRefusal(
        413, f"the body is larger than {limit} bytes; set max_alerts in Alertmanager's webhook_configs", close=True
    )
