"""``tieout run-revenue``: recognise revenue."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.streams.operate.cli.asking import STATUSES, Actor, Entity, RequestId, WaitSeconds, ask
from tieout.streams.operate.cli.options import DEFAULT_TENANT, Bootstrap, Tenant, day, run_day

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=STATUSES)
def run_revenue(
    through: Annotated[str, typer.Argument(callback=run_day, help="Last day to recognise, 2025-05-31.")],
    entity: Entity = None,
    book: Annotated[str, typer.Option(help="Book.")] = "primary",
    tenant: Tenant = DEFAULT_TENANT,
    actor: Actor = "cli",
    request_id: RequestId = None,
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Recognise revenue up to a day, in every partition. Earlier days never come back."""
    from tieout.avro.control import RevenueRunRequested
    from tieout.streams.edges.control import header

    ask(
        RevenueRunRequested(header(tenant, actor, request_id), entity, book, day(through)),
        bootstrap,
        wait_seconds,
    )
