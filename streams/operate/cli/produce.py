"""``tieout produce``: business events of a JSON Lines file into the inbox, all of them or none.

Invariant: nothing is sent before the last line has been read, and without --skip-bad nothing is sent when one line is
bad; a bad line is a failure either way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import AsJson, Bootstrap

if TYPE_CHECKING:
    from tieout.streams.edges.files import BadLine
    from tieout.streams.edges.spool import Spool

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_BAD_LINES_SHOWN = 20
_PROGRESS_EVERY = 1_000


@dataclass
class Outcome:
    """What became of the file."""

    lines: int = 0
    types: Counter[str] = field(default_factory=Counter)
    bad: list[BadLine] = field(default_factory=list)
    bad_count: int = 0
    published: int = 0

    def as_json(self, file: Path, topic: str, dry_run: bool) -> dict[str, Any]:
        """The figures of ``--json``."""
        return {
            "file": str(file),
            "topic": topic,
            "dry_run": dry_run,
            "lines": self.lines,
            "valid": self.lines - self.bad_count,
            "skipped": self.bad_count,
            "published": self.published,
            "types": dict(sorted(self.types.items())),
            "bad_lines": [
                {"line": bad.line, "field": bad.field, "what": bad.what, "remedy": bad.remedy}
                for bad in self.bad
            ],
        }


@app.command(epilog=epilog(Exit.FAILURE, *ASKS_BROKER))
def produce(
    file: Annotated[Path, typer.Argument(help="One JSON event per line; docs/events.md has the fields.")],
    bootstrap: Bootstrap = None,
    topic: Annotated[str | None, typer.Option(help="Another topic than the inbox.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate only; needs no broker.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Publish the valid lines all the same.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Validate a file of business events and publish it to the inbox."""
    from tieout.streams.edges.spool import Spool
    from tieout.streams.topics import CONTRACT_EVENTS

    target = topic or CONTRACT_EVENTS
    with Spool() as spool:
        outcome = _validate(file, spool)
        if spool.count and not dry_run and (skip_bad or not outcome.bad_count):
            outcome.published = _publish(bootstrap, target, spool)
    _tell(outcome, file, target, dry_run=dry_run, as_json=as_json)
    if outcome.bad_count:
        raise typer.Exit(Exit.FAILURE)


def _validate(file: Path, spool: Spool) -> Outcome:
    from tieout.avro.codec import Codec
    from tieout.streams.edges.files import BadLine, read_events

    outcome = Outcome()
    try:
        with _progress("validated", None) as advance:
            for line in read_events(file, Codec.load()):
                outcome.lines += 1
                if isinstance(line, BadLine):
                    outcome.bad_count += 1
                    if outcome.bad_count <= _BAD_LINES_SHOWN:
                        outcome.bad.append(line)
                else:
                    outcome.types[line.event.EVENT_TYPE] += 1
                    spool.put(line.key, line.value, line.headers)
                if outcome.lines % _PROGRESS_EVERY == 0:
                    advance(outcome.lines)
    except OSError as error:
        leave(f"{file} cannot be read: {error.strerror}; name a readable file", Exit.USAGE)
    return outcome


def _publish(bootstrap: str | None, topic: str, spool: Spool) -> int:
    from tieout.streams.edges.producing import produce_events
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        with _progress("published", spool.count) as advance:
            return asyncio.run(produce_events(settings.bootstrap, spool, topic, advance))
    except KafkaRefusedError as error:
        leave(error)


def _tell(outcome: Outcome, file: Path, topic: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        import orjson

        typer.echo(orjson.dumps(outcome.as_json(file, topic, dry_run)).decode())
        return
    for bad in outcome.bad:
        typer.echo(str(bad), err=True)
    if outcome.bad_count > len(outcome.bad):
        typer.echo(f"... and {outcome.bad_count - len(outcome.bad)} more bad lines", err=True)
    for name, count in sorted(outcome.types.items()):
        typer.echo(f"{count:>9} {name}")
    valid = outcome.lines - outcome.bad_count
    if dry_run:
        typer.echo(f"{valid} of {outcome.lines} lines are valid events; nothing was sent (--dry-run)")
    elif outcome.published or not outcome.bad_count:
        skipped = f", {outcome.bad_count} bad lines skipped" if outcome.bad_count else ""
        typer.echo(f"{outcome.published} events published to {topic}{skipped}")
    else:
        typer.echo(
            f"{outcome.bad_count} of {outcome.lines} lines are bad: nothing was sent. Correct them, or publish the"
            " others with --skip-bad",
            err=True,
        )


class _Quiet:
    """Progress where nobody watches."""

    def __enter__(self) -> Any:
        return lambda _count: None

    def __exit__(self, *_: object) -> None:
        return None


def _progress(verb: str, total: int | None) -> Any:
    """A context manager that gives ``advance(count so far)``: a bar on a terminal, silent elsewhere."""
    import sys

    if not sys.stderr.isatty():
        return _Quiet()
    from tieout.streams.operate.cli.progress_bar import Bar

    return Bar(verb, total)
