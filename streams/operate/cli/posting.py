"""``tieout posting``: what has not been posted to the ERP yet, and why; and how a stopped account goes on.

Invariant: what it says is what the workers say in their heartbeats; the one thing that it writes is a request of a person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from tieout.streams.operate.cli.asking import Actor, RequestId
from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, epilog, leave
from tieout.streams.operate.cli.options import DEFAULT_TENANT, AsJson, Bootstrap
from tieout.streams.operate.cli.posting_check import ENDS_WITH, check

if TYPE_CHECKING:
    from tieout.avro.control import PostingResumeRequested
    from tieout.streams.operate.status import AccountStatus

Answer = TypeVar("Answer")
_LOOK_SECONDS = 0.5

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def posting() -> None:
    """Look at what is posted to the ERP, what is not yet and what was changed there, and let a stopped account go on."""


app.command(name="check", epilog=epilog(*ENDS_WITH))(check)


@app.command(epilog=epilog(*ASKS_BROKER, Exit.ATTENTION))
def status(bootstrap: Bootstrap = None, as_json: AsJson = False) -> None:
    """Unposted commands by entity, kind and age, amounts by currency, and how long until they are posted.

    Exit status 9 where an account is stopped, or commands are parked.
    """
    accounts = _accounts(bootstrap)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(accounts), indent=1).decode())
    else:
        _show(accounts)
    if any(each.stopped or each.parked_lanes for each in accounts):
        raise typer.Exit(Exit.ATTENTION)


@app.command(epilog=epilog(Exit.FAILURE, *ASKS_BROKER, Exit.ATTENTION))
def resume(
    account: Annotated[str, typer.Argument(help="Name of the ERP account, as TIEOUT_ERP_FILE has it.")],
    actor: Actor = "cli",
    request_id: RequestId = None,
    bootstrap: Bootstrap = None,
    wait_seconds: Annotated[float, typer.Option(min=0, help="How long to wait until it posts again.")] = 30.0,
) -> None:
    """Post to an ERP account again that was stopped because the ERP let nobody in. Its secret is read anew.

    Exit status 1 where no worker has taken the request in time, 9 where the ERP still lets nobody in.
    """
    from tieout.avro.control import PostingResumeRequested
    from tieout.streams.edges.control import header

    before = _account(account, bootstrap)
    if not before.stopped:
        typer.echo(f"{account} is not stopped ({_standing(before)}); nothing was asked")
        return
    _ask(PostingResumeRequested(header(DEFAULT_TENANT, actor, request_id), account), bootstrap)
    _tell(before, _later(before, bootstrap, wait_seconds))


def _ask(request: PostingResumeRequested, bootstrap: str | None) -> None:
    from tieout.avro.codec import Codec
    from tieout.streams.edges.control import submit
    from tieout.streams.topics import CONTROL_REQUESTS

    _on_broker(lambda at: submit(at, CONTROL_REQUESTS, Codec.load(), request), bootstrap)


def _later(before: AccountStatus, bootstrap: str | None, wait_seconds: float) -> AccountStatus:
    """The account when it has posted, has nothing to post, or was stopped anew; or as it is in the end."""
    until = time.monotonic() + wait_seconds
    while True:
        now = _account(before.account, bootstrap)
        posts = not now.stopped and (now.posted > before.posted or not now.unposted + now.unread)
        if posts or now.stopped_ms != before.stopped_ms or time.monotonic() >= until:
            return now
        time.sleep(_LOOK_SECONDS)


def _tell(before: AccountStatus, now: AccountStatus) -> None:
    name = now.account
    if not now.stopped:
        typer.echo(f"{name} goes on: {_standing(now)}")
    elif now.stopped_ms != before.stopped_ms:
        leave(
            f"{name} was resumed and is stopped again: {now.stopped}; the worker's log has its words",
            Exit.ATTENTION,
        )
    else:
        leave(
            f"no worker has resumed {name} yet: look at the log of the one that posts to it (its secret may not be"
            " readable), and whether the stats page shows one; then ask again",
            Exit.FAILURE,
        )


def _account(name: str, bootstrap: str | None) -> AccountStatus:
    known = {each.account: each for each in _accounts(bootstrap)}
    if name not in known:
        there = ", ".join(known) or "none: no worker posts"
        leave(f"there is no ERP account {name!r}; there is {there}", Exit.USAGE)
    return known[name]


def _accounts(bootstrap: str | None) -> tuple[AccountStatus, ...]:
    from tieout.streams.operate import heartbeats
    from tieout.streams.operate.snapshot import accounts

    return accounts(_on_broker(heartbeats.observe_now, bootstrap))


def _on_broker(work: Callable[[str], Coroutine[Any, Any, Answer]], bootstrap: str | None) -> Answer:
    """What comes of work on the broker; a broker that refuses ends the command."""
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit

    settings = settings_or_exit(bootstrap=bootstrap)
    try:
        return asyncio.run(work(settings.bootstrap))
    except KafkaRefusedError as error:
        leave(error)


def _standing(account: AccountStatus) -> str:
    from tieout.streams.operate.account_words import standing

    return standing(account)


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
