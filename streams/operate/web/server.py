"""The stats server: a thread of its own with a loop of its own, so that no request waits for a batch and no batch for
a request.

Invariant: handlers only read values that others have finished making (``Sources``); nothing here can change anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from tieout.streams.engine.errors import StartRefused
from tieout.streams.operate import logs
from tieout.streams.operate.metrics import CONTENT_TYPE
from tieout.streams.operate.verdict import judge
from tieout.streams.operate.web.guard import OPEN_PATHS, guard, harden
from tieout.streams.operate.web.page import page
from tieout.streams.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from tieout.streams.operate.health import Health
    from tieout.streams.operate.snapshot import ClusterSnapshot

START_SECONDS = 10.0
STOP_SECONDS = 5.0
AGAIN_SECONDS = 1.0

log = logs.logger(__name__)


class WebRefused(StartRefused):
    """The stats server cannot be started; says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the answers come from. Called in the web thread; they must return at once."""

    cluster: Callable[[], ClusterSnapshot]
    metrics: Callable[[], bytes]
    live: Callable[[], Health]
    ready: Callable[[], Health]


class StatsServer:
    """``start`` returns the URL. ``beside`` are endless coroutines that run in the same thread (heartbeats)."""

    def __init__(
        self,
        sources: Sources,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        beside: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        if not is_loopback(host) and token is None:
            raise WebRefused(
                f"{host} can be reached from other machines and there is no token; set TIEOUT_WEB_TOKEN, or bind"
                " 127.0.0.1"
            )
        self._sources = sources
        self._host = host
        self._port = port
        self._token = token
        self._beside = tuple(beside)
        self._started: Future[str] = Future()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="tieout-stats", daemon=True)

    def start(self) -> str:
        """Bind and serve.

        Raises:
            WebRefused: the address cannot be bound.

        """
        self._thread.start()
        try:
            return self._started.result(START_SECONDS)
        except OSError as refused:
            raise WebRefused(
                f"cannot serve stats on {self._host} port {self._port}: {refused.strerror or refused}; choose another"
                " with TIEOUT_WEB_PORT (0 takes a free one) or TIEOUT_WEB_HOST"
            ) from refused

    def stop(self) -> None:
        """End the thread; waits at most ``STOP_SECONDS``."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as failed:
            if self._started.done():
                log.exception("stats_server_failed", reason=str(failed))
            else:
                self._started.set_exception(failed)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        tasks: list[asyncio.Task[None]] = []
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            tasks = [asyncio.create_task(_for_ever(run)) for run in self._beside]
            self._started.set_result(_url(self._host, runner.addresses[0][1]))
            await self._stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[guard(self._token)], client_max_size=1024)
        app.on_response_prepare.append(harden)
        app.router.add_get("/", self._page)
        app.router.add_get("/style.css", self._style)
        app.router.add_get("/favicon.ico", self._icon)
        app.router.add_get("/api/stats", self._stats)
        app.router.add_get("/metrics", self._metrics)
        for path, source in zip(sorted(OPEN_PATHS), (self._sources.live, self._sources.ready), strict=True):
            app.router.add_get(path, self._probe(source))
        return app

    async def _page(self, request: web.Request) -> web.Response:
        text = page(self._sources.cluster(), refresh=request.query.get("refresh") != "0")
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    async def _style(self, _request: web.Request) -> web.Response:
        text = files("tieout.streams.operate.web").joinpath("style.css").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/css", charset="utf-8")

    async def _icon(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _stats(self, _request: web.Request) -> web.Response:
        now = self._sources.cluster()
        level, sentence = judge(now)
        body = {"status": level, "sentence": sentence, **msgspec.structs.asdict(now)}
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._sources.metrics(), headers={"Content-Type": CONTENT_TYPE})

    def _probe(self, source: Callable[[], Health]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_request: web.Request) -> web.Response:
            found = source()
            told = found if self._token is None else {"ok": found.ok, "failing": found.failing}
            return web.Response(
                status=200 if found.ok else 503,
                body=msgspec.json.encode(told),
                content_type="application/json",
            )

        return answer


async def _for_ever(run: Callable[[], Awaitable[None]]) -> None:
    """Start ``run`` again when it fails: what it feeds goes stale meanwhile, and the page says so."""
    while True:
        try:
            await run()
        except Exception as failed:  # noqa: BLE001 - whatever it is, the page must stay up to show the silence
            log.warning("heartbeats_interrupted", reason=f"{type(failed).__name__}: {failed}")
        await asyncio.sleep(AGAIN_SECONDS)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
