"""``tieout reopen``: undo the close, or soft close, of a period."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.streams.operate.cli.asking import STATUSES, Actor, RequestId, WaitSeconds, ask
from tieout.streams.operate.cli.options import (
    DEFAULT_TENANT,
    Bootstrap,
    Tenant,
    period_label,
    subledger_name,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=STATUSES)
def reopen(
    period: Annotated[
        str,
        typer.Argument(callback=period_label, help="Label of the period, 2025-05; all behind it reopen too."),
    ],
    entity: Annotated[str | None, typer.Option(help="Legal entity; all when left out.")] = None,
    subledger: Annotated[
        str,
        typer.Option(
            callback=subledger_name,
            help="Sub-ledger that was closed; * all.",
        ),
    ] = "revenue",
    tenant: Tenant = DEFAULT_TENANT,
    actor: Actor = "cli",
    request_id: RequestId = None,
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Undo the close, or soft close, of a period and of all behind it; what was posted meanwhile stays where it is."""
    from tieout.avro.control import PeriodReopenRequested
    from tieout.streams.edges.control import header

    request = PeriodReopenRequested(header(tenant, actor, request_id), entity, subledger, period)
    ask(request, bootstrap, wait_seconds)
