"""A registry that answers, and has no image: so that a missing tag is "not found" also where no registry is reached."""

from __future__ import annotations

from types import TracebackType

from aiohttp import web


class EmptyRegistry:
    """The distribution API on loopback (which container runtimes ask over plain HTTP). ``async with`` serves it."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def __aenter__(self) -> EmptyRegistry:
        app = web.Application()
        app.router.add_get("/v2/", _here)
        app.router.add_get("/v2/{rest:.+}", _unknown)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


async def _here(request: web.Request) -> web.Response:
    return web.json_response({})


async def _unknown(request: web.Request) -> web.Response:
    errors = [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]
    return web.json_response({"errors": errors}, status=404)
