"""``tieout demo``: a day of events through real workers on a real Kafka, judged at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tieout.streams.operate.cli.exits import Exit, epilog
from tieout.streams.operate.cli.options import Scenario

if TYPE_CHECKING:
    from tieout.streams.operate.demo.run import Oracle

Erp = Literal["standin", "tryton", "none"]


def demo_app(oracle: Oracle | None = None) -> typer.Typer:
    """The command; a project that has an oracle of its own hands it in."""
    made = typer.Typer(add_completion=False, rich_markup_mode=None)

    @made.command(epilog=epilog(Exit.FAILURE, Exit.CONFIG, Exit.BROKER, Exit.MISMATCH))
    def demo(
        scenario: Scenario = "day",
        erp: Annotated[
            Erp,
            typer.Option(help="Where the commands are posted: a stand-in ERP, a real Tryton, or nowhere."),
        ] = "standin",
        contracts: Annotated[
            int | None,
            typer.Option(
                min=1, help="Contracts; each has about ten events. Default: 20,000; with Tryton 200."
            ),
        ] = None,
        workers: Annotated[int, typer.Option(min=1, max=16, help="Worker processes.")] = 2,
        kills: Annotated[int, typer.Option(min=0, max=50, help="Workers killed (SIGKILL) on the way.")] = 1,
        partitions: Annotated[int, typer.Option(min=1, max=64, help="Partitions of the inbox.")] = 8,
        seed: Annotated[int, typer.Option(help="Seed of the generated events.")] = 1,
        json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to a file.")] = None,
        serve: Annotated[bool, typer.Option(help="Keep everything up at the end, to look around.")] = False,
        keep_dir: Annotated[Path | None, typer.Option(help="Keep logs and state in this directory.")] = None,
        quiet: Annotated[bool, typer.Option(help="Print nothing but errors.")] = False,
    ) -> None:
        """Watch a day of events flow through two workers, one of them killed, into an ERP, and tie out.

        An installed demo judges itself by control totals, ids and the ERP's books; ``make demo`` adds an independent oracle.
        """
        from tieout.streams.operate.demo.options import CONTRACTS, DemoOptions
        from tieout.streams.operate.demo.run import run_demo

        options = DemoOptions(
            scenario=scenario,
            erp=erp,
            contracts=contracts or CONTRACTS[erp],
            workers=workers,
            kills=kills,
            partitions=partitions,
            seed=seed,
            json_file=json_file,
            serve=serve,
            keep_dir=keep_dir,
            quiet=quiet,
        )
        raise typer.Exit(run_demo(options, oracle))

    return made


app = demo_app()
