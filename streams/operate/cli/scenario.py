"""``tieout scenario``: play business events from a YAML file through the contract agent, and compare the books.

Invariant: needs no broker; exit 0 only when every named value of every scenario matches, and the results are written
whatever they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tieout.streams.operate.cli.exits import Exit, epilog, leave

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tieout.streams.operate.scenario.loading import Scenario
    from tieout.streams.operate.scenario.places import ScenarioWrong
    from tieout.streams.operate.scenario.running import Result

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Paths = Annotated[
    list[Path], typer.Argument(help="Files, or folders of *.yaml files.", metavar="FILE|DIR...")
]
File = Annotated[Path, typer.Argument(help="A file of scenarios.", metavar="FILE")]
Only = Annotated[str | None, typer.Option(help="The one scenario of this name.")]
Json = Annotated[
    Path | None,
    typer.Option("--json", help="Write name, file, passed and differences of each scenario to this file."),
]
Runs = Annotated[
    int, typer.Option(min=1, help="Orders of arrival to try where more than six events are free.")
]
Seed = Annotated[int, typer.Option(help="The same seed tries the same orders.")]


@app.callback()
def scenario() -> None:
    """Play business events from a YAML file through the contract agent, and compare the books."""


@app.command("run", epilog=epilog(Exit.CONFIG, Exit.MISMATCH))
def run(
    paths: Paths,
    only: Only = None,
    json_file: Json = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how each figure comes about, in the words of ASC 606.")
    ] = False,
    runs: Runs = 500,
    seed: Seed = 1,
) -> None:
    """Play scenarios and say, value by value, where the books are not as expected."""
    from tieout.streams.operate.scenario import running
    from tieout.streams.operate.scenario.explaining import explained
    from tieout.streams.operate.scenario.shuffling import Tries

    results = (running.run(each, tries=Tries(runs, seed)) for each in _read(paths, only))
    finished = []
    for result in results:
        finished.append(result)
        _say(result.lines())
        if explain and result.figures is not None:
            _say(explained(result.name, result.figures))
    _end(finished, json_file)


@app.command("shuffle", epilog=epilog(Exit.CONFIG, Exit.MISMATCH))
def shuffle(file: File, only: Only = None, json_file: Json = None, runs: Runs = 500, seed: Seed = 1) -> None:
    """Play each scenario in many orders of arrival and every event twice: all must end alike."""
    from tieout.streams.operate.scenario import running
    from tieout.streams.operate.scenario.shuffling import Tries

    finished = []
    for each in _read([file], only):
        result = running.shuffle(each, tries=Tries(runs, seed))
        finished.append(result)
        _say(result.lines())
    _end(finished, json_file)


@app.command("format", epilog=epilog())
def format_of_scenarios() -> None:
    """Print every key that a scenario may have, as docs/scenarios.md lists them."""
    from tieout.streams.operate.scenario.describing import described

    _say(described())


def _read(paths: Sequence[Path], only: str | None) -> list[Scenario | ScenarioWrong]:
    """Scenarios of the paths; ``only`` keeps the one of that name."""
    from tieout.streams.operate.scenario.loading import YamlMissing, read_paths

    try:
        found = read_paths(paths)
    except YamlMissing as missing:
        leave(missing, Exit.CONFIG)
    if only is None:
        return found
    named = [each for each in found if _name(each) == only]
    unread = [each for each in found if not _name(each)]
    if not named and not unread:
        names = ", ".join(_name(each) for each in found) or "none"
        raise typer.BadParameter(f"no scenario {only!r} here; there are {names}", param_hint="--only")
    return named or unread


def _name(read: Scenario | ScenarioWrong) -> str:
    """Of a scenario, or of one that is wrong; a file that cannot be read has none."""
    from tieout.streams.operate.scenario.loading import Scenario

    return read.name if isinstance(read, Scenario) else read.spot.scenario


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _end(results: Sequence[Result], json_file: Path | None) -> NoReturn:
    """The count of the passed ones, the file, and the status: wrong files before wrong figures."""
    passed = sum(result.passed for result in results)
    typer.echo(f"{passed} of {len(results)} scenarios passed")
    if json_file is not None:
        _write(json_file, results)
    if any(result.wrong for result in results):
        raise typer.Exit(Exit.USAGE)
    raise typer.Exit(Exit.OK if passed == len(results) else Exit.MISMATCH)


def _write(file: Path, results: Sequence[Result]) -> None:
    import orjson

    rows = [result.as_json() for result in results]
    try:
        file.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        leave(f"{file} cannot be written: {error.strerror}; name another file with --json", Exit.USAGE)
