"""``tieout worker``: run agents until told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog
from tieout.streams.operate.cli.options import Bootstrap, SettingsFile

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=epilog(Exit.FAILURE, *ASKS_BROKER, Exit.STUCK))
def worker(
    agents: Annotated[
        str | None, typer.Option(help="Agents to run, comma separated: contracts,control.")
    ] = None,
    bootstrap: Bootstrap = None,
    worker_id: Annotated[str | None, typer.Option(help="Name of this worker, stable over restarts.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where RocksDB rows are kept.")] = None,
    web_port: Annotated[
        int | None, typer.Option(help="Port of probes, metrics and page; 0 takes a free one.")
    ] = None,
    start_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AGENT=OFFSET",
            help="Where partitions without a position begin although their log starts later.",
        ),
    ] = None,
    file: SettingsFile = None,
) -> None:
    """Run agents. Every option is also a setting; see ``tieout config show``."""
    from tieout.streams.operate.cli.config import settings_or_exit

    offsets = _offsets(start_at or [])
    settings = settings_or_exit(
        file, agents=agents, bootstrap=bootstrap, worker_id=worker_id, state_dir=state_dir, web_port=web_port
    )
    from tieout.streams.app import run

    raise typer.Exit(run(settings, offsets))


def _offsets(stated: list[str]) -> dict[str, int]:
    """AGENT=OFFSET pairs; a usage error where one is not."""
    found: dict[str, int] = {}
    for pair in stated:
        agent, equals, offset = pair.partition("=")
        if not (agent and equals and offset.isdigit()):
            raise typer.BadParameter(
                f"{pair!r} is not AGENT=OFFSET; write contracts=1200", param_hint="--start-at"
            )
        found[agent] = int(offset)
    return found
