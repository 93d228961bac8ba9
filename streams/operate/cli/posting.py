"""``tieout posting``: what has not been posted to the ERP yet, and why, as the workers say it.

Invariant: it reads heartbeats and nothing else, so it can be asked at any time and changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import AsJson, Bootstrap

if TYPE_CHECKING:
    from tieout.streams.operate.status import AccountStatus

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def posting() -> None:
    """Look at what is posted to the ERP, and what is not yet."""


@app.command(epilog=epilog(*ASKS_BROKER, Exit.ATTENTION))
def status(bootstrap: Bootstrap = None, as_json: AsJson = False) -> None:
    """Unposted commands by entity, kind and age, amounts by currency, and how long until they are posted.

    Exit status 9 where an account is stopped, or commands are parked.
    """
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.operate.heartbeats import observe_now

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        seen = asyncio.run(observe_now(settings.bootstrap))
    except KafkaRefusedError as error:
        leave(error)
    accounts = sorted(
        (each.account for each in seen.furthest.values() if each.account is not None),
        key=lambda account: account.account,
    )
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(accounts), indent=1).decode())
    else:
        _show(accounts)
    if any(each.stopped or any(row.standing == "parked" for row in each.backlog) for each in accounts):
        raise typer.Exit(Exit.ATTENTION)


def _show(accounts: list[AccountStatus]) -> None:
    console = Console()
    if not accounts:
        console.print(
            "No worker posts: start one with TIEOUT_AGENTS=posting and TIEOUT_ERP_FILE (docs/erps.md)."
        )
    now_ms = time.time_ns() // 1_000_000
    for each in accounts:
        console.print(_sentence(each), highlight=False)
        if not each.backlog:
            continue
        table = Table("entity", "kind", "stands", "why", "commands", "oldest", "amounts", box=None)
        for row in each.backlog:
            amounts = ", ".join(
                f"{_amount(minor, name)} {name}" for name, minor in sorted(row.amounts.items())
            )
            age = _age((now_ms - row.oldest_ms) / 1000)
            table.add_row(row.entity, row.kind, row.standing, row.reason, f"{row.count:,}", age, amounts)
        console.print(table)


def _sentence(account: AccountStatus) -> str:
    waiting = sum(row.count for row in account.backlog)
    said = f"{account.account}: {account.posted:,} posted, {waiting:,} not yet; {account.posted_per_second:g} a second"
    said += f", {account.calls_running} calls of at most {account.limit:g} (slots: {account.slots})"
    if account.stopped:
        return f"{said}. STOPPED: {account.stopped}; mend it, then restart the worker"
    if account.paused_seconds:
        return f"{said}. Nothing is sent for {account.paused_seconds:g} s: the ERP fails, or asked for it"
    if waiting and account.drain_seconds is not None:
        return f"{said}. Done in {_age(account.drain_seconds)}, {_age(account.drain_seconds_at_slots or 0)} at best"
    return said + "."


def _amount(minor: int, currency: str) -> str:
    from tieout.agents.posting.erp_documents import major_units

    return f"{major_units(minor, currency):,}"


def _age(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
