"""``tieout close``: close a period."""

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
def close(
    period: Annotated[str, period_argument("all before it close too")],
    entity: Entity = None,
    subledger: Annotated[
        str,
        subledger_option("Sub-ledger: revenue or general (shut all), receivables (shuts documents), * all."),
    ] = "revenue",
    tenant: Tenant = DEFAULT_TENANT,
    actor: Actor = "cli",
    request_id: RequestId = None,
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Close a period in every partition: nothing more is posted into it. A close does not run revenue."""
    from tieout.avro.control import PeriodCloseRequested
    from tieout.streams.edges.control import header

    request = PeriodCloseRequested(header(tenant, actor, request_id), entity, subledger, period)
    ask(request, bootstrap, wait_seconds)
