"""``tieout state``: add up what is stored, beside the digest written with it, and rebuild it from the changelog.

Invariant: a digest command changes nothing but RocksDB's own files, and a rebuild refuses a worker that lives. What
does not add up ends with the exit status of corrupt state, whatever else was fine.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import AsJson, Bootstrap, SettingsFile

if TYPE_CHECKING:
    from tieout.streams.engine.kafka_log import KafkaLog
    from tieout.streams.engine.status import RestoreProgress
    from tieout.streams.operate.stored_state import Look, Rebuilt
    from tieout.streams.settings import Settings

T = TypeVar("T")

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

STATUSES = epilog(Exit.FAILURE, Exit.STATE, *ASKS_BROKER)
Agent = Annotated[str, typer.Option(help="Agent whose state is meant.")]
Partitions = Annotated[
    list[int] | None,
    typer.Option("--partition", min=0, help="Partition; may be repeated. All when left out."),
]
StateDir = Annotated[Path | None, typer.Option(help="Where the worker keeps its rows; else the setting.")]


@app.callback()
def state() -> None:
    """Add up stored state, and rebuild it from the changelog."""


@app.command(epilog=STATUSES)
def digest(
    agent: Agent = "contracts",
    partition: Partitions = None,
    bootstrap: Bootstrap = None,
    state_dir: StateDir = None,
    local: Annotated[
        bool, typer.Option("--local", help="Look at the rows on this disk only; asks no broker.")
    ] = False,
    file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Add up the rows of each partition, in the changelog and on this disk, beside the digest written with them."""
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(file, bootstrap=bootstrap, state_dir=state_dir)
    if local:
        found = _on_disk(settings, agent, partition)
        if not found:
            leave(f"there are no rows of {agent} under {settings.state_dir}; name the worker's --state-dir")
    else:
        found = _asking(settings, lambda log: _on_both(settings, log, agent, partition))
    looks = [found[partition] for partition in sorted(found)]
    said = {"agent": agent, "partitions": [_document(look) for look in looks]}
    typer.echo(json.dumps(said) if as_json else _table(agent, looks))
    if any(look.problems for look in looks):
        raise typer.Exit(Exit.STATE)
    if local and any(look.not_read for look in looks):
        raise typer.Exit(Exit.FAILURE)


@app.command(epilog=STATUSES)
def rebuild(
    agent: Agent = "contracts",
    partition: Partitions = None,
    bootstrap: Bootstrap = None,
    state_dir: StateDir = None,
    worker_id: Annotated[
        str | None, typer.Option(help="Name of the stopped worker; else the setting.")
    ] = None,
    file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Throw the rows of a stopped worker away and build them anew from the changelog: those on this disk, or as named."""
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(file, bootstrap=bootstrap, state_dir=state_dir, worker_id=worker_id)
    done = _asking(settings, lambda log: _rebuild(settings, log, agent, partition))
    if as_json:
        typer.echo(json.dumps({"agent": agent, "partitions": [asdict(one) for one in done]}))
        return
    for one in done:
        pace = one.records / one.seconds if one.seconds else 0.0
        typer.echo(
            f"{agent}/{one.partition} rebuilt in {one.seconds:.2f} s: {one.records:,} records ({pace:,.0f}/s), "
            f"{one.rows:,} rows, digest {one.digest}"
        )


def _asking(settings: Settings, work: Callable[[KafkaLog], Awaitable[T]]) -> T:
    """Run what needs a broker; each of its failures ends the command with its status."""
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.engine.errors import EngineError, Halt
    from tieout.streams.engine.kafka_log import KafkaLog
    from tieout.streams.engine.limits import EngineSettings
    from tieout.streams.operate.stored_state import RowsUnavailable

    async def run() -> T:
        log = KafkaLog(settings.bootstrap, EngineSettings())
        try:
            return await work(log)
        finally:
            await log.close()

    try:
        return asyncio.run(run())
    except Halt as halt:
        leave(halt, Exit.STATE if halt.code == "changelog_damaged" else Exit.FAILURE)
    except (KafkaRefusedError, EngineError) as error:
        leave(error)
    except RowsUnavailable as held:
        leave(held, Exit.FAILURE)


def _on_disk(settings: Settings, agent: str, chosen: Sequence[int] | None) -> dict[int, Look]:
    from tieout.streams.operate.stored_state import look_here, partitions_on_disk

    here = partitions_on_disk(settings.state_dir, agent)
    return {
        partition: look_here(settings.state_dir, agent, partition)
        for partition in here
        if not chosen or partition in chosen
    }


async def _on_both(
    settings: Settings, log: KafkaLog, agent: str, chosen: Sequence[int] | None
) -> dict[int, Look]:
    from tieout.streams.operate.stored_state import Look, look_at_changelog

    topic, partitions = await _meant(settings, agent, chosen)
    looks = _on_disk(settings, agent, chosen)
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    for partition in partitions:
        with (
            tempfile.TemporaryDirectory(prefix="digest-", dir=settings.state_dir) as scratch,
            _watching(f"{topic}/{partition}") as watch,
        ):
            found = await look_at_changelog(log, topic, partition, Path(scratch) / "rows", watch)
        looks[partition] = replace(looks.get(partition) or Look(partition=partition), changelog=found)
    return looks


async def _rebuild(
    settings: Settings, log: KafkaLog, agent: str, chosen: Sequence[int] | None
) -> list[Rebuilt]:
    from tieout.streams.operate.stored_state import partitions_on_disk, rebuild, rows_directory
    from tieout.streams.twin import refuse_living_twin

    topic, _ = await _meant(settings, agent, chosen)
    await refuse_living_twin(settings.bootstrap, settings.worker_id)
    meant = chosen or partitions_on_disk(settings.state_dir, agent)
    if not meant:
        leave(
            f"there are no rows of {agent} under {settings.state_dir}; name the worker's --state-dir, or the"
            " --partition to build"
        )
    done = []
    for partition in meant:
        with _watching(f"{agent}/{partition}") as watch:
            directory = rows_directory(settings.state_dir, agent, partition)
            done.append(await rebuild(log, topic, partition, directory, watch))
    return done


async def _meant(settings: Settings, agent: str, chosen: Sequence[int] | None) -> tuple[str, Sequence[int]]:
    """The changelog, and the partitions that are asked for."""
    from tieout.streams.operate.stored_state import changelog_partitions
    from tieout.streams.topic_table import changelog_of

    topic = changelog_of(agent)
    count = await changelog_partitions(settings.bootstrap, topic)
    if chosen and max(chosen) >= count:
        leave(f"{topic} has {count} partitions, there is no {max(chosen)}", Exit.USAGE)
    return topic, chosen or range(count)


@contextmanager
def _watching(what: str) -> Iterator[Callable[[RestoreProgress], None]]:
    """A bar on standard error, in offsets of the changelog."""
    from tieout.streams.operate.cli.progress_bar import Bar

    with Bar(what, None) as advance:
        yield lambda progress: advance(progress.position - progress.start)


def _document(look: Look) -> dict[str, Any]:
    return {**asdict(look), "problems": look.problems}


def _table(agent: str, looks: Sequence[Look]) -> str:
    lines = []
    for look in looks:
        lines.append(f"{agent}/{look.partition}: {look.verdict}")
        for name, found in (("changelog", look.changelog), ("this disk", look.disk)):
            if found is not None and found.upto >= 0:
                lines.append(
                    f"  {name}  up to {found.upto:<10,} {found.rows:>10,} rows  written {found.written or '-'}"
                    f"  computed {found.computed or '-'}"
                )
    return "\n".join(lines)
