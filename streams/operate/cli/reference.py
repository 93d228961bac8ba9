"""``tieout reference``: publish reference rows, and let them count.

Exit status: 0 done, 1 a line is bad or a partition has not acknowledged in time, 2 usage.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from tieout.streams.operate.cli.asking import (
    EXIT_FAILED,
    Actor,
    Bootstrap,
    RequestId,
    Tenant,
    WaitSeconds,
    ask,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="JSON Lines: one reference row per line.", exists=True)],
    activate: Annotated[bool, typer.Option(help="Let them count in every partition at once.")] = False,
    tenant: Tenant = "default",
    actor: Actor = "cli",
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Write rows to the reference topic. They count only after an activation."""
    from tieout.avro.codec import Codec
    from tieout.streams.edges.reference import BadReferenceLine, publish_reference, read_reference
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        rows = read_reference(file)
    except BadReferenceLine as fault:
        typer.echo(f"{file}: {fault}; nothing was published", err=True)
        raise typer.Exit(EXIT_FAILED) from None
    upto = asyncio.run(publish_reference(settings.bootstrap, Codec.load(), rows))
    typer.echo(f"published {len(rows)} reference rows, all below offset {upto}")
    if activate:
        _activate(upto, tenant, actor, None, bootstrap, wait_seconds)


@app.command()
def activate(
    upto: Annotated[int, typer.Argument(help="Rows below this offset count from now on.", min=0)],
    tenant: Tenant = "default",
    actor: Actor = "cli",
    request_id: RequestId = None,
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Let published rows count, from the same place in every partition's log."""
    _activate(upto, tenant, actor, request_id, bootstrap, wait_seconds)


def _activate(
    upto: int, tenant: str, actor: str, request_id: str | None, bootstrap: str | None, wait_seconds: float
) -> None:
    from tieout.avro.control import ReferenceActivationRequested
    from tieout.streams.edges.control import header

    ask(ReferenceActivationRequested(header(tenant, actor, request_id), upto), bootstrap, wait_seconds)
