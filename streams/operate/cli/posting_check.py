"""``tieout posting check``: whether the ERP still shows what it accepted lately, document by document.

Invariant: it only asks. What somebody changed in the ERP by hand is told to its contract, where it becomes an exception (ERP_DRIFT).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tieout.streams.operate.cli.exits import ASKS_BROKER, Exit, leave
from tieout.streams.operate.cli.options import AsJson, Bootstrap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tieout.avro.events import ErpStatusChanged
    from tieout.streams.edges.erp.accounts import ErpAccount
    from tieout.streams.operate.erp_check import Checked

ENDS_WITH = (Exit.FAILURE, *ASKS_BROKER, Exit.ATTENTION)
_LOOK_SECONDS = 5.0
_DAY_MS = 86_400_000


def check(
    account: Annotated[
        str | None, typer.Argument(help="One ERP account; without it all of the file.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = 7,
    at_most: Annotated[int, typer.Option(min=1, help="The latest documents of an account.")] = 10_000,
    per_second: Annotated[float, typer.Option(min=0.01, help="Calls a second; one at a time.")] = 1.0,
    every_minutes: Annotated[
        int, typer.Option(min=0, help="Check again and again, so long after each pass; 0: once.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell no contract.")] = False,
    bootstrap: Bootstrap = None,
    as_json: AsJson = False,
) -> None:
    """Ask the ERP what it shows of the invoices, credit memos and journals that it accepted lately, and tell what was changed there.

    It waits while the account has something to post. Exit status 9 where something was found that had not been told.
    """
    wanted = Wanted(days=days, at_most=at_most, per_second=per_second, dry_run=dry_run)
    found = False
    while True:
        reports = asyncio.run(_passes(account, bootstrap, wanted))
        found = found or any(each.changed for each in reports)
        _show(reports, as_json=as_json)
        if not every_minutes:
            break
        time.sleep(every_minutes * 60)
    if found:
        raise typer.Exit(Exit.ATTENTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a pass is to do; ``at_most``: documents of an account."""

    days: int
    at_most: int
    per_second: float
    dry_run: bool


async def _passes(name: str | None, bootstrap: str | None, wanted: Wanted) -> list[Checked]:
    from tieout.streams.edges.erp.accounts import AccountsRefused
    from tieout.streams.edges.reaching import KafkaRefusedError
    from tieout.streams.operate.cli.config import settings_or_exit
    from tieout.streams.operate.erp_check import CheckStopped

    settings = settings_or_exit(bootstrap=bootstrap)
    if settings.erp_file is None:
        leave("TIEOUT_ERP_FILE names no file of ERP accounts; docs/erps.md shows one", Exit.CONFIG)
    try:
        return [
            await _pass(each, account, settings.erp_file, settings.bootstrap, wanted)
            for each, account in _accounts(settings.erp_file, name).items()
        ]
    except AccountsRefused as error:
        leave(error, Exit.CONFIG)
    except (KafkaRefusedError, CheckStopped) as error:
        leave(error)


async def _pass(name: str, account: ErpAccount, file: Path, bootstrap: str, wanted: Wanted) -> Checked:
    from tieout.avro.codec import Codec
    from tieout.streams.edges.erp.accounts import connect
    from tieout.streams.operate.erp_check import Slowly, compared, lately, tell

    codec, erp = Codec.load(), connect(name, account, file.parent)
    most = erp.capabilities.batch_items_max
    pace = Slowly(
        per_second=wanted.per_second,
        batch_items=min(most, account.batch_items_max or most),
        spare_room=lambda: _spare_room(bootstrap, name),
    )

    async def told(changed: Sequence[ErpStatusChanged]) -> None:
        if not wanted.dry_run:
            await tell(bootstrap, codec, changed)

    since_ms = _now_us() // 1000 - wanted.days * _DAY_MS
    try:
        known = await lately(bootstrap, name, account.partition, codec, since_ms, wanted.at_most)
        return await compared(erp, name, known, pace, _now_us, told)
    finally:
        await erp.close()


async def _spare_room(bootstrap: str, name: str) -> None:
    """Wait until the account has nothing to post but what stands parked or behind it, as its worker says. Raises CheckStopped."""
    from tieout.streams.operate.erp_check import has_to_post
    from tieout.streams.operate.heartbeats import observe_now
    from tieout.streams.operate.snapshot import accounts

    while True:
        seen = [each for each in accounts(await observe_now(bootstrap)) if each.account == name]
        if not any(has_to_post(each) for each in seen):
            return
        await asyncio.sleep(_LOOK_SECONDS)


def _accounts(file: Path, name: str | None) -> dict[str, ErpAccount]:
    from tieout.streams.edges.erp.accounts import load_accounts

    accounts = dict(load_accounts(file))
    if name is None:
        return accounts
    if name not in accounts:
        leave(f"there is no ERP account {name!r} in {file}; there is {', '.join(accounts)}", Exit.USAGE)
    return {name: accounts[name]}


def _show(reports: list[Checked], *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(reports), indent=1).decode())
        return
    for each in reports:
        left = f"; {each.not_read:,} were commanded before that and are not compared" if each.not_read else ""
        typer.echo(
            f"{each.account}: {each.asked:,} documents asked about in {each.calls:,} calls, {len(each.changed):,} changed"
            f" by hand that nobody had been told of{left}"
        )
        for changed in each.changed:
            typer.echo(
                f"  {changed.document_no} ({changed.kind}, contract {changed.envelope.contract_id}): {changed.status}"
            )


def _now_us() -> int:
    return time.time_ns() // 1000
