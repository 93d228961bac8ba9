"""``tieout stats``: the stats page on its own, for a cluster whose workers run elsewhere, and the metric reference.

The page reads heartbeats only: it can be started, stopped and doubled at any time, without a broker too, because to
show that no broker answers is its work.
"""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.streams.operate.cli.exits import Exit, epilog, leave
from tieout.streams.operate.cli.options import Bootstrap

if TYPE_CHECKING:
    from tieout.streams.operate.web.server import StatsServer
    from tieout.streams.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def stats() -> None:
    """Serve the stats page of the cluster."""


@app.command(epilog=epilog(Exit.CONFIG))
def serve(
    bootstrap: Bootstrap = None,
    host: Annotated[
        str | None, typer.Option(help="Address; any but loopback needs TIEOUT_WEB_TOKEN.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
) -> None:
    """Serve page, /api/stats and probes until interrupted; prints the URL. Without a broker it serves too, and says so."""
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(bootstrap=bootstrap, web_host=host, web_port=port)
    from tieout.streams.operate import logs
    from tieout.streams.operate.web.server import WebRefused

    logs.configure(settings.log_format, settings.log_level)
    told_to_stop = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: told_to_stop.set())
    try:
        server = cluster_server(settings)
        typer.echo(server.start())
    except WebRefused as refused:
        leave(refused, Exit.CONFIG)
    told_to_stop.wait()
    server.stop()


@app.command(epilog=epilog())
def metrics() -> None:
    """Print docs/metrics.md."""
    from tieout.streams.operate.metrics import reference

    typer.echo(reference(), nl=False)


def cluster_server(settings: Settings, topic: str | None = None) -> StatsServer:
    """A server that is no worker: its metrics are empty, its readiness is the broker's."""
    from tieout.streams.operate.health import broker_check, health
    from tieout.streams.operate.heartbeats import HeartbeatReader
    from tieout.streams.operate.web.server import Sources, StatsServer
    from tieout.streams.topics import WORKER_STATUS

    reader = HeartbeatReader(settings.bootstrap, topic or WORKER_STATUS)
    sources = Sources(
        cluster=reader.snapshot,
        metrics=lambda: b"",
        live=health,
        ready=lambda: health(broker_check(reader.answered.silent_seconds())),
    )
    token = settings.web_token.get_secret_value() if settings.web_token is not None else None
    return StatsServer(
        sources, host=settings.web_host, port=settings.web_port, token=token, beside=(reader.run,)
    )
