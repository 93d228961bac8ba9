"""``tieout reference``: publish reference rows, and let them count.

Invariant: one bad line refuses the whole file, before a broker is asked; nothing is activated that is not there.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from tieout.streams.operate.cli.asking import STATUSES, Actor, RequestId, WaitSeconds, ask
from tieout.streams.operate.cli.exits import Exit, leave
from tieout.streams.operate.cli.options import DEFAULT_TENANT, Bootstrap, Tenant

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def reference() -> None:
    """Publish and activate reference data."""


@app.command(epilog=STATUSES)
def publish(
    file: Annotated[Path, typer.Argument(help="JSON Lines: one reference row per line.")],
    activate: Annotated[bool, typer.Option(help="Let them count in every partition at once.")] = False,
    tenant: Tenant = DEFAULT_TENANT,
    actor: Actor = "cli",
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Write rows to the reference topic; those that are there are skipped. They count only after an activation."""
    from tieout.avro.codec import Codec
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.edges.reference import (
        BadReferenceLine,
        RowChanged,
        publish_reference,
        read_reference,
    )
    from tieout.streams.operate.cli.config import settings_or_exit

    try:
        rows = read_reference(file)
    except BadReferenceLine as fault:
        leave(f"{file}: {fault}; nothing was published", Exit.FAILURE)
    except UnicodeDecodeError as fault:
        leave(f"{file} is not UTF-8: {fault}; nothing was published", Exit.FAILURE)
    except OSError as error:
        leave(f"{file} cannot be read: {error.strerror}; name a readable file", Exit.USAGE)
    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        done = asyncio.run(publish_reference(settings.bootstrap, Codec.load(), rows))
    except RowChanged as fault:
        leave(f"{file}: {fault}; nothing was published", Exit.FAILURE)
    except KafkaRefusedError as error:
        leave(error)
    typer.echo(
        f"published {done.new} reference rows, {done.known} were there already; all are below offset {done.upto}"
    )
    if activate:
        _activate(done.upto, tenant, actor, None, bootstrap, wait_seconds)


@app.command(epilog=STATUSES)
def activate(
    upto: Annotated[int, typer.Argument(help="Rows below this offset count from now on.", min=0)],
    tenant: Tenant = DEFAULT_TENANT,
    actor: Actor = "cli",
    request_id: RequestId = None,
    bootstrap: Bootstrap = None,
    wait_seconds: WaitSeconds = 300.0,
) -> None:
    """Let published rows count, from the same place in every partition's log."""
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.edges.reference import reference_end
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        end = asyncio.run(reference_end(settings.bootstrap))
    except KafkaRefusedError as error:
        leave(error)
    if upto > end:
        leave(
            f"offset {upto} is beyond the end of the reference topic, {end}: every partition would wait for rows"
            f" that nobody has published; publish them first, or activate at most {end}",
            Exit.USAGE,
        )
    _activate(upto, tenant, actor, request_id, bootstrap, wait_seconds)


def _activate(
    upto: int, tenant: str, actor: str, request_id: str | None, bootstrap: str | None, wait_seconds: float
) -> None:
    from tieout.avro.control import ReferenceActivationRequested
    from tieout.streams.edges.control import header

    ask(ReferenceActivationRequested(header(tenant, actor, request_id), upto), bootstrap, wait_seconds)
