"""Reading a request's body: bounded in size and in time, whether its length is told or not."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from incident_commander.gateway.admission import Ticket
from incident_commander.gateway.refusal import HttpRefusal


async def read_body(request: Request, ticket: Ticket, *, limit: int, seconds: float) -> bytes:
    """The body. Raises ``HttpRefusal``: 411/400 bad length, 413 too large, 408 too slow, 415 not JSON, 503 no room."""
    _check_headers(request, limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                ticket.grow(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise HttpRefusal(408, f"the body did not arrive within {seconds:g} s", close=True) from None
    except ClientDisconnect:
        raise HttpRefusal(400, "the connection was closed before the body was complete", close=True) from None
    return b"".join(chunks)


def _check_headers(request: Request, limit: int) -> None:
    told = request.headers.get("content-length")
    if told is not None and told.isascii() and told.isdigit() and int(told[:20]) > limit:
        raise _too_large(limit)
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
