"""``tieout generate``: a scenario's events as JSON Lines, in the order in which they arrive.

Invariant: the file appears under its name only once it is whole.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from tieout.streams.operate.cli.exits import Exit, epilog, leave
from tieout.streams.operate.cli.options import DEFAULT_TENANT, Scenario, Tenant, iso_day

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tieout.streams.operate.generate import Generation
    from tieout.streams.operate.generate.arrival import Arrival

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=epilog(Exit.FAILURE))
def generate(
    scenario: Scenario = "day",
    contracts: Annotated[int, typer.Option(min=1, help="How many contracts; about ten events each.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    tenant: Tenant = DEFAULT_TENANT,
    start: Annotated[
        str, typer.Option(callback=iso_day, help="First day of the twelve months, a first of a month.")
    ] = "2025-01-01",
    out: Annotated[Path | None, typer.Option(help="The file to write; else standard output.")] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Only the figures as one JSON object; events go to --out, if given."),
    ] = False,
) -> None:
    """Generate the events of a scenario, with all that goes wrong on the way, for ``tieout produce``."""
    generation = _generation(scenario, contracts, seed, tenant, start)
    try:
        if out is not None:
            with _whole(out) as file:
                figures = _write(generation.arrivals(), file)
        else:
            figures = _write(generation.arrivals(), None if as_json else sys.stdout)
    except OSError as error:
        leave(
            f"{out or 'standard output'} cannot be written: {error.strerror}; name another file", Exit.USAGE
        )
    figures |= {"scenario": scenario, "contracts": contracts, "seed": seed, "file": str(out) if out else None}
    if as_json:
        import orjson

        typer.echo(orjson.dumps(figures).decode())
    else:
        _tell(figures)


def _generation(scenario: str, contracts: int, seed: int, tenant: str, start: str) -> Generation:
    from tieout.streams.operate.generate import generate as generate_scenario

    try:
        return generate_scenario(scenario, contracts, seed, tenant=tenant, start=dt.date.fromisoformat(start))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--start") from None


@contextmanager
def _whole(out: Path) -> Iterator[IO[str]]:
    """A file that takes its name when it is complete, and vanishes when it is not."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _write(arrivals: Iterable[Arrival], file: IO[str] | None) -> dict[str, Any]:
    """Write each event on a line of its own; returns how many there are by type and by fate."""
    from tieout.agents.sources.canonical_json import dump

    types: Counter[str] = Counter()
    fates: Counter[str] = Counter()
    for arrival in arrivals:
        types[arrival.event.EVENT_TYPE] += 1
        fates[arrival.fate.value] += 1
        if file is not None:
            file.write(dump(arrival.event) + "\n")
    return {
        "events": fates.total(),
        "types": dict(sorted(types.items())),
        "fates": dict(sorted(fates.items())),
    }


def _tell(figures: dict[str, Any]) -> None:
    """The figures on standard error, so that standard output may carry the events."""
    for name, count in figures["types"].items():
        typer.echo(f"{count:>9} {name}", err=True)
    fates = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in figures["fates"].items())
    where = f" written to {figures['file']}" if figures["file"] else ""
    typer.echo(f"{figures['events']} events{where}; they end as {fates}", err=True)
