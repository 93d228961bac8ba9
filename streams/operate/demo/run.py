"""Runs a demo for the command line: directory, progress, verdict, exit status.

Invariant: a demo that was carried through ends with 0 where it tied out and with 8 where it did not.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from tieout.streams.edges.reaching import KafkaRefusedError
from tieout.streams.operate.cli.exits import Exit, status_of
from tieout.streams.operate.demo.erp import ErpFailedError
from tieout.streams.operate.demo.journey import travel
from tieout.streams.operate.demo.logbook import DemoFailedError, Journey
from tieout.streams.operate.demo.options import DemoOptions
from tieout.streams.operate.demo.report import show
from tieout.streams.operate.demo.verdict import OracleFinding, Verdict, judge
from tieout.streams.operate.servers.errors import ServerError
from tieout.streams.topics import TopicsUnreachableError

_PIPE_COLUMNS = 110
_NOT_CARRIED_THROUGH = (
    DemoFailedError,
    ServerError,
    ErpFailedError,
    KafkaRefusedError,
    TopicsUnreachableError,
)


class Oracle(Protocol):
    """Judges the outputs of a run against a truth of its own."""

    def take(self, message: msgspec.Struct) -> None:
        """One committed output."""
        ...

    def find(self, journey: Journey) -> OracleFinding:
        """What differs."""
        ...


def run_demo(options: DemoOptions, oracle: Oracle | None = None, console: Console | None = None) -> int:
    """Run it and print what came of it; the exit status."""
    screen = console or _console()
    directory = options.keep_dir or Path(tempfile.mkdtemp(prefix="tieout-demo-"))
    directory.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []

    def arrived(journey: Journey) -> None:
        verdict = judge(journey, oracle.find(journey) if oracle is not None else None)
        verdicts.append(verdict)
        if not options.quiet:
            show(verdict, screen)
        if options.json_file is not None:
            options.json_file.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2))

    try:
        _travel(options, directory, oracle, screen, arrived)
    except KeyboardInterrupt:
        screen.print("interrupted; everything that was started has been stopped")
        return Exit.INTERRUPTED
    except _NOT_CARRIED_THROUGH as error:
        screen.print(
            "[bold red]the demo could not be carried through:[/]", error, highlight=False, markup=True
        )
        return error.exit_code if isinstance(error, ServerError) else status_of(error)
    finally:
        if options.keep_dir is None:
            shutil.rmtree(directory, ignore_errors=True)
    return Exit.OK if verdicts[0].tied_out else Exit.MISMATCH


def _console() -> Console:
    """The terminal as it is; in a pipe or a log as wide as the tables need."""
    found = Console()
    return found if found.is_terminal else Console(width=_PIPE_COLUMNS)


def _travel(
    options: DemoOptions,
    directory: Path,
    oracle: Oracle | None,
    screen: Console,
    arrived: Callable[[Journey], None],
) -> None:
    take = oracle.take if oracle is not None else _ignore
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=screen,
        disable=options.quiet or not screen.is_terminal,
    ) as progress:
        bar = progress.add_task("starting", total=None)
        said: list[str] = []

        def say(step: str, done: int, total: int) -> None:
            progress.update(bar, description=step, completed=done, total=total or None)
            if not screen.is_terminal and not options.quiet and said[-1:] != [step]:
                said.append(step)
                screen.print(step)

        asyncio.run(travel(options, directory, take, say, arrived))


def _ignore(message: msgspec.Struct) -> None:
    del message
