"""``tieout run-revenue``: recognise revenue. Exit status: 0 every partition has acknowledged, 1 not in time."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.streams.operate.cli.asking import Actor, Bootstrap, RequestId, Tenant, WaitSeconds, ask, day

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def run_revenue(
    through: Annotated[str, typer.Argument(help="Last day to recognise, 2025-05-31.")],
    entity: Annotated[str | None, typer.Option(help="Legal entity; all when left out.")] = None,
    book: Annotated[str, typer.Option(help="Book.")] = "primary",
    tenant: Tenant = "default",
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
