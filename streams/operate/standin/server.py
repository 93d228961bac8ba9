"""The stand-in as a server: one process, one event loop, one folder.

Invariant: it binds this machine's loopback address alone, because ``/admin`` asks nobody who he is.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from aiohttp import web

from tieout.streams.operate.standin import admin, business_central, native, netsuite
from tieout.streams.operate.standin.ledger import Ledger
from tieout.streams.operate.standin.script import Script
from tieout.streams.operate.standin.turnstile import turnstile

HOST = "127.0.0.1"
BODY_BYTES_MAX = 64 << 20


class FolderInUse(RuntimeError):  # noqa: N818 - read aloud: the folder is in use
    """Another stand-in keeps its journal there."""


def application(ledger: Ledger) -> web.Application:
    """Every dialect of the stand-in behind one turnstile."""
    app = web.Application(middlewares=[turnstile(ledger)], client_max_size=BODY_BYTES_MAX)
    for dialect in (native, netsuite, business_central, admin):
        app.router.add_routes(dialect.routes(ledger))
    return app


async def serve(folder: Path, script: Script, port: int, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` gets the URL once it answers.

    Raises FolderInUse, JournalDamaged, and OSError where the port cannot be bound.
    """
    with _sole_user(folder):
        ledger = Ledger(folder, script)
        with ledger.file:
            runner = web.AppRunner(application(ledger), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            try:
                await web.TCPSite(runner, HOST, port, backlog=1024).start()
                announce(f"http://{HOST}:{runner.addresses[0][1]}")
                await _told_to_stop()
            finally:
                await runner.cleanup()


@contextlib.contextmanager
def _sole_user(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise FolderInUse(
                f"another stand-in ERP works in {folder}; stop it, or choose another --dir"
            ) from taken
        yield


async def _told_to_stop() -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stopping.set)
    await stopping.wait()
