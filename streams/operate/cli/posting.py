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
    from tieout.streams.operate.snapshot import accounts as accounts_of

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        seen = asyncio.run(observe_now(settings.bootstrap))
    except KafkaRefusedError as error:
        leave(error)
    accounts = accounts_of(seen)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(accounts), indent=1).decode())
    else:
        _show(accounts)
    if any(each.stopped or each.parked_lanes for each in accounts):
        raise typer.Exit(Exit.ATTENTION)


def _show(accounts: tuple[AccountStatus, ...]) -> None:
    console = Console()
    if not accounts:
        console.print(
            "No worker posts: start one with TIEOUT_AGENTS=posting and TIEOUT_ERP_FILE (docs/erps.md)."
        )
    for each in accounts:
        console.print(_sentences(each), highlight=False)
        if each.backlog:
            console.print(_backlog(each))
        if each.parked_lanes:
            console.print(_parked(each))


def _sentences(account: AccountStatus) -> str:
    from tieout.streams.operate.account_words import drains, drains_at_slots, money, oldest, standing

    unread = f" and about {account.unread:,} unread" if account.unread else ""
    return (
        f"{account.account}: {standing(account)}\n"
        f"  posted {account.posted:,}, {account.posted_per_second:g} a second; not yet {account.unposted:,}{unread}"
        f" ({money(account.amounts) or 'no amounts'}), oldest {oldest(account)}\n"
        f"  done in {drains(account)}; at the slot limit {drains_at_slots(account)}\n"
        f"  calls: {account.calls_running} of {account.limit:g} now, {account.slots} slots; breaker"
        f" {account.breaker.replace('_', ' ')}; throttled {account.throttled:,}"
    )


def _backlog(account: AccountStatus) -> Table:
    from tieout.agents.posting.backlog import AGES
    from tieout.streams.operate.account_words import AGE_WORDS, age, money

    names = (
        "entity",
        "kind",
        "stands",
        "why",
        "owner",
        "commands",
        "oldest",
        *(AGE_WORDS[name] for name in AGES),
    )
    table = Table(*names, "amounts", box=None)
    now_ms = time.time_ns() // 1_000_000
    for row in account.backlog:
        ages = (f"{count:,}" if count else "" for count in row.ages)
        old = age((now_ms - row.oldest_ms) / 1000)
        what = (row.entity, row.kind, row.standing, row.reason, row.owner, f"{row.count:,}")
        table.add_row(*what, old, *ages, money(row.amounts))
    return table


def _parked(account: AccountStatus) -> Table:
    table = Table("parked lanes", "owner", "lanes", "commands behind", box=None)
    for each in account.parked_lanes:
        table.add_row(each.reason, each.owner, f"{each.lanes:,}", f"{each.commands_behind:,}")
    return table
