"""``tieout ingest``: a source system's export into the inbox, with a named exception for every row that is no event.

Invariant: events + exceptions cover every row of the tables used, and the figures say so; an exception is an answer,
not a failure of the command.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import DEFAULT_TENANT, AsJson, Bootstrap, Tenant

if TYPE_CHECKING:
    from tieout.agents.sources.zuora import Mapped

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def ingest() -> None:
    """Read a source system's export."""


@app.command("zuora-export", epilog=epilog(Exit.FAILURE, *ASKS_BROKER))
def zuora_export(
    folder: Annotated[Path, typer.Argument(help="Folder of CSV files, one per table.")],
    bootstrap: Bootstrap = None,
    tenant: Tenant = DEFAULT_TENANT,
    entity: Annotated[str, typer.Option(help="Legal entity of the contracts; the export has none.")] = "US",
    price_is_ssp: Annotated[
        bool,
        typer.Option("--price-is-ssp", help="The price of each charge is its stand-alone selling price."),
    ] = False,
    publish_exceptions: Annotated[
        bool, typer.Option("--publish-exceptions", help="Exceptions of known contracts also go to the topic.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Map only; needs no broker.")] = False,
    as_json: AsJson = False,
) -> None:
    """Map a Zuora warehouse export to contract events and exceptions, and publish the events to the inbox."""
    from tieout.agents.sources.zuora import map_export
    from tieout.agents.sources.zuora_envelope import Source
    from tieout.streams.edges.zuora_export import NotAnExportError, read_export

    try:
        tables = read_export(folder)
    except (NotAnExportError, OSError) as error:
        leave(error, Exit.USAGE)
    mapped = map_export(tables, Source(tenant, entity, price_is_ssp))
    published = (0, 0) if dry_run else _publish(mapped, bootstrap, tenant, publish_exceptions)
    _tell(_figures(mapped, tenant, published), as_json, dry_run)


def _publish(mapped: Mapped, bootstrap: str | None, tenant: str, with_exceptions: bool) -> tuple[int, int]:
    from tieout.avro.codec import Codec
    from tieout.streams.edges.files import to_record
    from tieout.streams.edges.producing import Outgoing, produce_events
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.topics import CONTRACT_EVENTS, EXCEPTIONS

    codec = Codec.load()
    records = (to_record(number, each.event, codec) for number, each in enumerate(mapped.events, 1))
    events: list[Outgoing] = [(record.key, record.value, record.headers) for record in records]
    items = [item for refused in mapped.refused if (item := refused.item(tenant)) is not None]
    exceptions: list[Outgoing] = [(item.exception_id.encode(), codec.encode(item), ()) for item in items]
    settings = settings_or_exit(bootstrap=bootstrap)

    async def send() -> tuple[int, int]:
        sent = await produce_events(settings.bootstrap, events, CONTRACT_EVENTS) if events else 0
        if not with_exceptions or not exceptions:
            return sent, 0
        return sent, await produce_events(settings.bootstrap, exceptions, EXCEPTIONS)

    try:
        return asyncio.run(send())
    except KafkaRefusedError as error:
        leave(error)


def _figures(mapped: Mapped, tenant: str, published: tuple[int, int]) -> dict[str, Any]:
    from tieout.agents.sources.zuora import NOT_USED
    from tieout.agents.sources.zuora_reasons import REASONS

    in_events = Counter(row.table for row in {row for event in mapped.events for row in event.rows})
    refused = Counter(each.row.table for each in mapped.refused)
    return {
        "tables": {
            name: {"rows": count, "in_events": in_events[name], "exceptions": refused[name]}
            for name, count in mapped.read.items()
        },
        "tables_not_used": {name: {"rows": n, "why": NOT_USED[name]} for name, n in mapped.unused.items()},
        "events": dict(sorted(Counter(each.event.EVENT_TYPE for each in mapped.events).items())),
        "reasons": dict(sorted(Counter(each.reason for each in mapped.refused).items())),
        "exceptions": [
            {
                "table": each.row.table,
                "line": each.row.line,
                "id": each.row.id,
                "reason": each.reason,
                "owner": REASONS[each.reason].owner,
                "detail": each.detail,
                "next_step": REASONS[each.reason].next_step,
                "contract": each.contract or None,
                "attributable": each.item(tenant) is not None,
            }
            for each in mapped.refused
        ],
        "published": {"events": published[0], "exceptions": published[1]},
    }


def _tell(figures: dict[str, Any], as_json: bool, dry_run: bool) -> None:
    if as_json:
        import orjson

        typer.echo(orjson.dumps(figures).decode())
        return
    for each in figures["exceptions"]:
        typer.echo(
            f"{each['table']} line {each['line']} ({each['id']}): {each['reason']}, {each['detail']};"
            f" {each['owner']}: {each['next_step']}"
        )
    for name, counts in figures["tables"].items():
        typer.echo(
            f"{name:<18}{counts['rows']:>7} rows = {counts['in_events']} in events + {counts['exceptions']} exceptions"
        )
    for name, counts in figures["tables_not_used"].items():
        typer.echo(f"{name:<18}{counts['rows']:>7} rows not used: {counts['why']}")
    for name, count in figures["events"].items():
        typer.echo(f"{count:>9} {name}")
    if dry_run:
        typer.echo("nothing was sent (--dry-run)")
    else:
        sent = figures["published"]
        typer.echo(f"{sent['events']} events and {sent['exceptions']} exceptions published")
