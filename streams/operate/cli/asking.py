"""What the control commands share: options, the wait for receipts, and how its end is told."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tieout.avro.control import ControlRequest

EXIT_FAILED = 1
EXIT_USAGE = 2
_EPOCH = date(1970, 1, 1).toordinal()

Tenant = Annotated[str, typer.Option(help="Tenant.")]
Actor = Annotated[str, typer.Option(help="Who asks, for the audit trail.")]
RequestId = Annotated[
    str | None,
    typer.Option(help="Id of the request; the same id twice is one request. Made up when left out."),
]
Bootstrap = Annotated[str | None, typer.Option(help="Kafka, host:port; else TIEOUT_BOOTSTRAP.")]
WaitSeconds = Annotated[float, typer.Option(help="How long to wait for all receipts.")]


def day(text: str) -> int:
    """Days since 1970-01-01 of an ISO date; a usage error otherwise."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        typer.echo(f"{text!r} is not a day; write it as 2025-05-31", err=True)
        raise typer.Exit(EXIT_USAGE) from None


def ask(request: ControlRequest, bootstrap: str | None, wait_seconds: float) -> None:
    """Write the request, wait for its receipts, and say how it went."""
    from tieout.avro.codec import Codec
    from tieout.streams.edges.control import submit_and_wait
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.topics import CONTROL_RECEIPTS, CONTROL_REQUESTS

    settings = settings_or_exit(bootstrap=bootstrap)
    receipts = asyncio.run(
        submit_and_wait(
            settings.bootstrap,
            (CONTROL_REQUESTS, CONTROL_RECEIPTS),
            settings.partitions,
            Codec.load(),
            request,
            wait_seconds,
        )
    )
    groups = sum(receipt.groups for receipt in receipts.values())
    commands = sum(receipt.commands for receipt in receipts.values())
    typer.echo(
        f"request {request.header.request_id}: {len(receipts)} of {settings.partitions} partitions have"
        f" acknowledged, {groups} groups, {commands} commands"
    )
    if len(receipts) < settings.partitions:
        missing = sorted(set(range(settings.partitions)) - set(receipts))
        typer.echo(
            f"no receipt yet from partitions {missing}. The request stays open and its markers are repeated; look"
            f" at the stats page for the reason, then ask again with --request-id {request.header.request_id}",
            err=True,
        )
        raise typer.Exit(EXIT_FAILED)
