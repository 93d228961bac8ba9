"""``tieout reopen``: undo the close, or soft close, of a period."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.streams.operate.cli.asking import (
    STATUSES,
    Actor,
    Entity,
    RequestId,
    WaitSeconds,
    ask,
    period_argument,
    subledger_option,
)
from tieout.streams.operate.cli.options import DEFAULT_TENANT, Bootstrap, Tenant

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=STATUSES)
def reopen(
    period: Annotated[str, period_argument("all behind it reopen too")],
    entity: Entity = None,
    subledger: Annotated[
        str,
        subledger_option("Sub-ledger that was closed; * all."),
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
