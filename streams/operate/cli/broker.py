"""``tieout broker``: a real Kafka on this machine, from its published jars."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.streams.operate.cli.exits import Exit, epilog
from tieout.streams.operate.cli.options import AsJson
from tieout.streams.operate.cli.owning import errors_told, signals_interrupt

if TYPE_CHECKING:
    from tieout.streams.operate.broker.detached import Status

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

STATUSES = epilog(Exit.FAILURE, Exit.CONFIG, Exit.BROKER)
_LOOK_S = 0.5

DataDir = Annotated[Path, typer.Option(help="Directory of the broker: records, settings, logs.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of the first node; 0 takes a free one.")]
Nodes = Annotated[int, typer.Option(help="1, or 3 for a cluster that survives the loss of a node.")]
HeapMb = Annotated[int, typer.Option(min=128, help="Java heap of each node in MiB.")]

_DATA_DIR = Path(".tieout/kafka")
_PORT = 9092
_HEAP_MB = 512


@app.callback()
def broker() -> None:
    """Start, stop and look at the embedded Kafka broker."""


@app.command(epilog=STATUSES)
def start(
    data_dir: DataDir = _DATA_DIR,
    port: Port = _PORT,
    nodes: Nodes = 1,
    heap_mb: HeapMb = _HEAP_MB,
    as_json: AsJson = False,
) -> None:
    """Start a broker in the background and return when it works. Stop it with ``tieout broker stop``."""
    from tieout.streams.operate.broker.detached import launch

    _require_size(nodes)
    with errors_told():
        _fetch_if_missing()
        options = ["--port", str(port), "--nodes", str(nodes), "--heap-mb", str(heap_mb)]
        _show(launch(data_dir, options), as_json)


@app.command(epilog=STATUSES)
def run(
    data_dir: DataDir = _DATA_DIR,
    port: Port = _PORT,
    nodes: Nodes = 1,
    heap_mb: HeapMb = _HEAP_MB,
    as_json: AsJson = False,
    outlive_parent: Annotated[bool, typer.Option("--outlive-parent", hidden=True)] = False,
) -> None:
    """Run a broker in the foreground until a signal comes or the process that started this one ends."""
    from tieout.streams.operate.broker.detached import Status
    from tieout.streams.operate.broker.embedded import EmbeddedBroker
    from tieout.streams.operate.broker.storage import DataDirectory

    _require_size(nodes)
    parent = None if outlive_parent else os.getppid()
    embedded = EmbeddedBroker(
        data_dir,
        nodes=nodes,
        heap_mb=heap_mb,
        port=port or None,
        short_lived=False,
        stops_on_signal=True,
    )
    with errors_told():
        signals_interrupt()
        _fetch_if_missing()
        with embedded:
            directory = DataDirectory.at(data_dir)
            _show(Status("running", directory.path, directory.running()), as_json)
            with suppress(KeyboardInterrupt):
                while parent in (None, os.getppid()):
                    time.sleep(_LOOK_S)
                    embedded.check_alive()


@app.command(epilog=STATUSES)
def stop(data_dir: DataDir = _DATA_DIR, as_json: AsJson = False) -> None:
    """Stop the broker of a data directory and wait until it is gone. Fine when none runs."""
    from tieout.streams.operate.broker import detached

    with errors_told():
        stopped = detached.stop(data_dir)
    if as_json:
        typer.echo(
            json.dumps({"state": "stopped", "was_running": stopped, "data_dir": str(data_dir.resolve())})
        )
    else:
        typer.echo("stopped" if stopped else f"no broker was running in {data_dir}")


@app.command(epilog=STATUSES)
def status(data_dir: DataDir = _DATA_DIR, as_json: AsJson = False) -> None:
    """Say whether the broker runs and answers; ends with 4 when not."""
    from tieout.streams.operate.broker import detached

    found = detached.status(data_dir)
    _show(found, as_json)
    if found.state != "running":
        raise typer.Exit(Exit.BROKER)


def _show(found: Status, as_json: bool) -> None:
    running = found.running
    if as_json:
        document: dict[str, Any] = {"state": found.state, "data_dir": str(found.data_dir)}
        if running is not None:
            document |= {
                "bootstrap": running.bootstrap,
                "pid": running.pid,
                "nodes": running.nodes,
                "kafka_version": running.kafka_version,
                "heap_mb": running.heap_mb,
                "started_at_ms": running.started_at_ms,
            }
        typer.echo(json.dumps(document))
    elif running is None:
        typer.echo(f"{found.state}: {found.data_dir}")
    else:
        typer.echo(
            f"{found.state}: Kafka {running.kafka_version} at {running.bootstrap}, {running.nodes} node(s),"
            f" process {running.pid}, in {found.data_dir}"
        )


def _require_size(nodes: int) -> None:
    from tieout.streams.operate.broker.embedded import SIZES

    if nodes not in SIZES:
        raise typer.BadParameter(f"a cluster has 1 or 3 nodes, not {nodes}", param_hint="--nodes")


def _fetch_if_missing() -> None:
    """Fetch Kafka with a word to the user, because it takes a while; quick when it is there."""
    from tieout.streams.operate.broker.fetch import download
    from tieout.streams.operate.broker.jars import ensure_jars, jar_directory, read_lock

    lock = read_lock()
    if not jar_directory(lock).is_dir():
        size_mb = sum(jar.size_bytes for jar in lock.jars) >> 20
        typer.echo(f"fetching Apache Kafka {lock.kafka_version} once ({size_mb} MiB) ...", err=True)
        ensure_jars(download)
