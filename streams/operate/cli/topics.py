"""``tieout topics``: what the topics should be, what differs, and making it so.

Invariant: a plan that holds a refusal is a failure, and so is one with anything to do where ``--check`` asked.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import AsJson, Bootstrap, SettingsFile

if TYPE_CHECKING:
    from tieout.streams.topics import Plan

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

STATUSES = epilog(Exit.FAILURE, *ASKS_BROKER)
Partitions = Annotated[int | None, typer.Option(help="Partitions of the inbox; else the setting.")]
Replication = Annotated[int | None, typer.Option(help="Copies of each topic; else the setting.")]
ErpAccounts = Annotated[int, typer.Option(min=1, help="ERP accounts that are posted to, one partition each.")]


@app.callback()
def topics() -> None:
    """Plan and apply the topics that tieout needs."""


@app.command(epilog=STATUSES)
def plan(
    bootstrap: Bootstrap = None,
    partitions: Partitions = None,
    replication_factor: Replication = None,
    erp_accounts: ErpAccounts = 1,
    file: SettingsFile = None,
    as_json: AsJson = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when there is anything to do.")] = False,
) -> None:
    """Show what apply would do, and change nothing."""
    _, found = _planned(bootstrap, partitions, replication_factor, erp_accounts, file)
    _show(found, as_json)
    if found.refused or (check and not found.is_empty):
        raise typer.Exit(Exit.FAILURE)


@app.command("apply", epilog=STATUSES)
def apply_(
    bootstrap: Bootstrap = None,
    partitions: Partitions = None,
    replication_factor: Replication = None,
    erp_accounts: ErpAccounts = 1,
    file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Create what is missing and set what differs; refuses, and then changes nothing, where state would move."""
    from tieout.streams.topics import TopicsUnreachableError, apply

    reached, found = _planned(bootstrap, partitions, replication_factor, erp_accounts, file)
    _show(found, as_json)
    if found.refused:
        leave("nothing was changed", Exit.FAILURE)
    try:
        asyncio.run(apply(reached, found))
    except TopicsUnreachableError as error:
        leave(error)
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
        leave(error)


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
