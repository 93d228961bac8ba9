"""``tieout standin``: the stand-in ERP as a process, for tests, load and the demo.

It prints its URL and serves until it is interrupted; what was posted is in its folder, and a start there goes on with it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from tieout.streams.operate.cli.exits import Exit, epilog, leave

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=epilog(Exit.FAILURE, Exit.STATE))
def standin(
    folder: Annotated[Path, typer.Option("--dir", help="Folder of its journal; made if need be.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)] = 0,
    script: Annotated[
        Path | None, typer.Option(help="TOML file of what it knows and does wrong (docs/erps.md).")
    ] = None,
) -> None:
    """Serve a stand-in ERP until interrupted; prints its URL."""
    from tieout.streams.operate.standin.journal_file import JournalDamaged
    from tieout.streams.operate.standin.script import Script, ScriptRefused
    from tieout.streams.operate.standin.server import FolderInUse, serve

    try:
        told = Script() if script is None else Script.load(script)
    except (OSError, ScriptRefused) as refused:
        leave(refused, Exit.USAGE)
    try:
        asyncio.run(serve(folder, told, port, typer.echo))
    except JournalDamaged as damaged:
        leave(damaged, Exit.STATE)
    except (FolderInUse, OSError) as refused:
        leave(refused, Exit.FAILURE)
