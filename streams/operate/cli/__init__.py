"""The tieout command line, one module per command group.

Invariant: a group's module is imported only when one of its commands is called, so that ``tieout --help`` and every
small command start in a fraction of a second; exit statuses are those of ``exits``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tieout.streams.operate.cli.exits import Exit, epilog

GROUPS = {
    "broker": "Start, stop and look at the embedded Kafka broker.",
    "tryton": "Start, stop and look at a Tryton ERP on PostgreSQL.",
    "topics": "Plan and apply the topics that tieout needs.",
    "worker": "Run agents.",
    "posting": "Look at what is posted to the ERP, and what is not yet.",
    "demo": "Watch a day of events flow through two workers, one of them killed, and tie out.",
    "produce": "Publish business events from a JSON Lines file.",
    "generate": "Generate events of a scenario, from a seed.",
    "scenario": "Play business events from a YAML file through the contract agent, and compare the books.",
    "ingest": "Read a source system's export.",
    "reference": "Publish and activate reference data.",
    "close": "Close a period in every partition.",
    "soft-close": "Close a period for one sub-ledger alone, the agent's own journals say, in every partition.",
    "reopen": "Undo the close, or soft close, of a period and of all behind it.",
    "run-revenue": "Recognise revenue up to a day, in every partition.",
    "schema": "List the event language and check its compatibility.",
    "config": "Show and check the settings.",
    "state": "Add up stored state, and rebuild it from the changelog.",
    "standin": "Serve a stand-in ERP that can be slow and wrong, for tests and the demo.",
    "stats": "Serve the stats page of the cluster.",
    "doctor": "Say what is wrong, and what to do next.",
}
"""Command or command group -> its line in ``tieout --help``; the module has the name with underscores."""


class _LazyGroup(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(GROUPS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in GROUPS:
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        command.help = command.help or GROUPS[cmd_name]
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(GROUPS.items()))


app = typer.Typer(
    cls=_LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=epilog(),
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tieout {importlib.metadata.version('tieout')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Keeps CRM, billing and ERP telling the same story."""


def main() -> None:
    """Entry point of the ``tieout`` command."""
    # What Kafka's client has to say about a failure is in the command's own message; a worker sets up its own logs.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        app(prog_name="tieout")
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
