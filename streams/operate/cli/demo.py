"""``tieout demo``: a day of events through real workers on a real Kafka, judged at the end.

Exit status: 0 it tied out, 8 it did not, 1 it could not be carried through, 130 interrupted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def demo(
    scenario: Annotated[str, typer.Option(help="day, quarter-end, renewal-wave or usage-surge.")] = "day",
    contracts: Annotated[int, typer.Option(min=1, help="Contracts; each has about ten events.")] = 20_000,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Worker processes.")] = 2,
    kills: Annotated[int, typer.Option(min=0, max=50, help="Workers killed with SIGKILL on the way.")] = 1,
    partitions: Annotated[int, typer.Option(min=1, max=64, help="Partitions of the inbox.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the generated events.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    serve: Annotated[bool, typer.Option(help="Keep everything up at the end, for looking around.")] = False,
    keep_dir: Annotated[Path | None, typer.Option(help="Keep logs and state in this directory.")] = None,
    quiet: Annotated[bool, typer.Option(help="Print nothing but errors.")] = False,
) -> None:
    """Watch a day of events flow through two workers, one of them killed, and tie out.

    Judged by control totals and ids; the project's own ``make demo`` adds an independent oracle.
    """
    from tieout.streams.operate.demo.options import DemoOptions
    from tieout.streams.operate.demo.run import run_demo

    options = DemoOptions(
        scenario=scenario,
        contracts=contracts,
        workers=workers,
        kills=kills,
        partitions=partitions,
        seed=seed,
        json_file=json_file,
        serve=serve,
        keep_dir=keep_dir,
        quiet=quiet,
    )
    raise typer.Exit(run_demo(options))
