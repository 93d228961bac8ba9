"""What the control commands share: options, the wait for receipts, and how its end is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import period_label, subledger_name

if TYPE_CHECKING:
    from tieout.avro.control import ControlRequest

__all__ = [
    "STATUSES",
    "Actor",
    "Entity",
    "RequestId",
    "WaitSeconds",
    "ask",
    "period_argument",
    "subledger_option",
]

Entity = Annotated[str | None, typer.Option(help="Legal entity; all when left out.")]
Actor = Annotated[str, typer.Option(help="Who asks, for the audit trail.")]
RequestId = Annotated[
    str | None,
    typer.Option(help="Id of the request; the same id twice is one request. Made up when left out."),
]
WaitSeconds = Annotated[float, typer.Option(min=0, help="How long to wait for all receipts.")]
STATUSES = epilog(Exit.FAILURE, *ASKS_BROKER)
"""Of every command that asks: failure is a receipt that did not come in time, or a topic that is missing."""


def period_argument(others: str) -> Any:
    """A period's label; ``others`` says which periods beside it are meant."""
    return typer.Argument(callback=period_label, help=f"Label of the period, 2025-05; {others}.")


def subledger_option(words: str) -> Any:
    """A sub-ledger that there is, or ``*``; ``words`` say what each of them does here."""
    return typer.Option(callback=subledger_name, help=words)


def ask(request: ControlRequest, bootstrap: str | None, wait_seconds: float) -> None:
    """Write the request, wait for its receipts, and say how it went."""
    from tieout.avro.codec import Codec
    from tieout.streams.edges.control import submit_and_wait
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.topics import CONTROL_RECEIPTS, CONTROL_REQUESTS

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
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
    except KafkaRefusedError as error:
        leave(error)
    groups = sum(receipt.groups for receipt in receipts.values())
    commands = sum(receipt.commands for receipt in receipts.values())
    typer.echo(
        f"request {request.header.request_id}: {len(receipts)} of {settings.partitions} partitions have"
        f" acknowledged, {groups} groups, {commands} commands"
    )
    if len(receipts) < settings.partitions:
        missing = sorted(set(range(settings.partitions)) - set(receipts))
        leave(
            f"no receipt yet from partitions {missing}. The request stays open and its markers are repeated; look"
            f" at the stats page for the reason, then ask again with --request-id {request.header.request_id}",
            Exit.FAILURE,
        )
