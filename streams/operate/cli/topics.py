"""``tieout topics``: what the topics should be, what differs, and making it so.

Exit status: 0 done (or, with ``plan --check``, nothing to do), 1 the plan holds a refusal or ``--check`` found
differences, 3 settings refused, 4 broker unreachable.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tieout.streams.topics import Plan

app = typer.Typer(no_args_is_help=True, help="Plan and apply the topics that tieout needs.")

EXIT_DIFFERENT = 1
EXIT_UNREACHABLE = 4

Bootstrap = Annotated[str | None, typer.Option(help="Kafka, host:port; else TIEOUT_BOOTSTRAP.")]
Partitions = Annotated[int | None, typer.Option(help="Partitions of the inbox; else the setting.")]
Replication = Annotated[int | None, typer.Option(help="Copies of each topic; else the setting.")]
ErpAccounts = Annotated[int, typer.Option(min=1, help="ERP accounts that are posted to, one partition each.")]
File = Annotated[Path | None, typer.Option("--file", help="TOML file with settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of text.")]


@app.command()
def plan(
    bootstrap: Bootstrap = None,
    partitions: Partitions = None,
    replication_factor: Replication = None,
    erp_accounts: ErpAccounts = 1,
    file: File = None,
    as_json: AsJson = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when there is anything to do.")] = False,
) -> None:
    """Show what apply would do, and change nothing."""
    _, found = _planned(bootstrap, partitions, replication_factor, erp_accounts, file)
    _show(found, as_json)
    if found.refused or (check and not found.is_empty):
        raise typer.Exit(EXIT_DIFFERENT)


@app.command("apply")
def apply_(
    bootstrap: Bootstrap = None,
    partitions: Partitions = None,
    replication_factor: Replication = None,
    erp_accounts: ErpAccounts = 1,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Create what is missing and set what differs; refuses, and then changes nothing, where state would move."""
    from tieout.streams.topics import TopicsUnreachableError, apply

    reached, found = _planned(bootstrap, partitions, replication_factor, erp_accounts, file)
    _show(found, as_json)
    if found.refused:
        typer.echo("nothing was changed", err=True)
        raise typer.Exit(EXIT_DIFFERENT)
    try:
        asyncio.run(apply(reached, found))
    except TopicsUnreachableError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_UNREACHABLE) from None
    if not as_json:
        typer.echo("done" if not found.is_empty else "nothing to do")


def _planned(
    bootstrap: str | None,
    partitions: int | None,
    replication_factor: int | None,
    erp_accounts: int,
    file: Path | None,
) -> tuple[str, Plan]:
    """Address and plan, from the settings and the options that override them."""
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.topics import TopicsUnreachableError, topic_table
    from tieout.streams.topics import plan as make_plan

    settings = settings_or_exit(
        file, bootstrap=bootstrap, partitions=partitions, replication_factor=replication_factor
    )
    table = topic_table(
        settings.partitions, erp_accounts=erp_accounts, replication_factor=settings.replication_factor
    )
    try:
        return settings.bootstrap, asyncio.run(make_plan(settings.bootstrap, table))
    except TopicsUnreachableError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_UNREACHABLE) from None


def _show(found: Plan, as_json: bool) -> None:
    typer.echo(json.dumps(_document(found)) if as_json else _text(found))


def _text(found: Plan) -> str:
    """One line per topic or setting: + create, ~ change, ! refused; settings of a new topic below it."""
    lines = []
    for spec in found.create:
        lines.append(
            f"+ {spec.name}  {spec.partitions} partition(s), {spec.replication_factor} copies, key {spec.key}"
        )
        lines += [f"      {item.name} = {item.value}  # {item.reason}" for item in spec.settings]
    lines += [
        f"~ {item.topic}  {item.setting.name}: {item.current} -> {item.setting.value}  # {item.setting.reason}"
        for item in found.change
    ]
    lines += [f"! {item.topic}  refused: {item.what}\n      next: {item.next_step}" for item in found.refused]
    lines += [f"? {name}  is not in the table; left alone" for name in found.unmanaged]
    lines.append(
        f"{len(found.create)} to create, {len(found.change)} setting(s) to change, {len(found.refused)} refused,"
        f" {len(found.unchanged)} as they should be"
    )
    return "\n".join(lines)


def _document(found: Plan) -> dict[str, Any]:
    return {
        "create": [
            {
                "topic": spec.name,
                "partitions": spec.partitions,
                "replication_factor": spec.replication_factor,
                "settings": {item.name: item.value for item in spec.settings},
            }
            for spec in found.create
        ],
        "change": [
            {
                "topic": item.topic,
                "setting": item.setting.name,
                "current": item.current,
                "wanted": item.setting.value,
                "reason": item.setting.reason,
            }
            for item in found.change
        ],
        "refused": [
            {"topic": item.topic, "what": item.what, "next_step": item.next_step} for item in found.refused
        ],
        "unchanged": list(found.unchanged),
        "unmanaged": list(found.unmanaged),
    }
