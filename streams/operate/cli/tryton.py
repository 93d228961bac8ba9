"""``tieout tryton``: a real ERP on this machine, to post to."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.streams.operate.cli.exits import Exit, epilog
from tieout.streams.operate.cli.options import AsJson
from tieout.streams.operate.cli.owning import errors_told, signals_interrupt

if TYPE_CHECKING:
    from tieout.streams.operate.tryton.directory import RunningErp

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

STATUSES = epilog(Exit.FAILURE, Exit.CONFIG)
_LOOK_S = 0.5

DataDir = Annotated[Path, typer.Option(help="Directory of the ERP: its database, its address, its logs.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of Tryton; 0 takes a free one.")]
Year = Annotated[
    int | None,
    typer.Option(
        min=1970, max=2100, help="Fiscal year; the one before and after exist, too. Default: this one."
    ),
]

_DATA_DIR = Path(".tieout/tryton")


@app.callback()
def tryton() -> None:
    """Start, stop and look at a Tryton ERP on PostgreSQL, filled with the companies of the generated reference data."""


@app.command(epilog=STATUSES)
def start(data_dir: DataDir = _DATA_DIR, port: Port = 0, year: Year = None, as_json: AsJson = False) -> None:
    """Start the ERP in the background and return when it works; the first time installs and fills it (two minutes)."""
    from tieout.streams.operate.tryton.detached import launch

    with errors_told():
        options = ["--port", str(port), *(["--year", str(year)] if year else [])]
        _show(launch(data_dir, options), data_dir, as_json)


@app.command(epilog=STATUSES)
def run(
    data_dir: DataDir = _DATA_DIR,
    port: Port = 0,
    year: Year = None,
    as_json: AsJson = False,
    outlive_parent: Annotated[bool, typer.Option("--outlive-parent", hidden=True)] = False,
) -> None:
    """Run the ERP in the foreground until a signal comes or the process that started this one ends."""
    from tieout.streams.operate.tryton.embedded import EmbeddedTryton
    from tieout.streams.operate.tryton.master_data import generated

    parent = None if outlive_parent else os.getppid()
    middle = year or datetime.now(UTC).year
    erp = EmbeddedTryton(data_dir, generated(middle - 1, middle + 1), port=port or None, stops_on_signal=True)
    with errors_told():
        signals_interrupt()
        with erp:
            _show(erp.running, data_dir, as_json)
            with suppress(KeyboardInterrupt):
                while parent in (None, os.getppid()):
                    time.sleep(_LOOK_S)
                    erp.check_alive()


@app.command(epilog=STATUSES)
def stop(data_dir: DataDir = _DATA_DIR, as_json: AsJson = False) -> None:
    """Stop the ERP of a data directory and wait until it is gone. Fine when none runs."""
    from tieout.streams.operate.tryton import detached

    with errors_told():
        stopped = detached.stop(data_dir)
    if as_json:
        typer.echo(
            json.dumps({"state": "stopped", "was_running": stopped, "data_dir": str(data_dir.resolve())})
        )
    else:
        typer.echo("stopped" if stopped else f"no ERP was running in {data_dir}")


@app.command(epilog=STATUSES)
def status(data_dir: DataDir = _DATA_DIR, as_json: AsJson = False) -> None:
    """Say whether the ERP runs, and where; ends with 1 when not."""
    from tieout.streams.operate.tryton import detached

    running = detached.status(data_dir)
    _show(running, data_dir, as_json)
    if running is None:
        raise typer.Exit(Exit.FAILURE)


def _show(running: RunningErp | None, data_dir: Path, as_json: bool) -> None:
    state = "running" if running else "stopped"
    home = data_dir.resolve()
    if as_json:
        document: dict[str, object] = {"state": state, "data_dir": str(home)}
        if running is not None:
            document |= {"url": running.url, "pid": running.pid, "companies": running.companies}
        typer.echo(json.dumps(document))
    elif running is None:
        typer.echo(f"{state}: {home}")
    else:
        companies = ", ".join(running.companies)
        typer.echo(
            f"{state}: Tryton at {running.url}, companies {companies}, process {running.pid}; keys in {home / 'erp.json'}"
        )
