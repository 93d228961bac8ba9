"""The demo's last tables: what a finance person reads to see that the day ties out.

Invariant: every number comes from the verdict; nothing is computed here but its display.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tieout.streams.operate.demo.tally import MEASURES
from tieout.streams.operate.demo.verdict import Verdict

_NO_DECIMALS = frozenset({"JPY", "KRW", "CLP", "ISK", "VND"})
"""ISO 4217 currencies without minor units that the scenarios may use."""


def show(verdict: Verdict, console: Console) -> None:
    """Print the verdict."""
    _events(verdict, console)
    _commands(verdict, console)
    _money(verdict, console)
    _exceptions(verdict, console)
    _proof(verdict, console)


def amount(minor: int, currency: str) -> str:
    """Minor units as people write them: 1,234.56."""
    if currency in _NO_DECIMALS:
        return f"{minor:,}"
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02}"


def _events(verdict: Verdict, console: Console) -> None:
    outcomes = verdict.events["outcomes"]
    table = _table("Where every event went", ("outcome", "events"))
    for name, count in outcomes.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    table.add_section()
    table.add_row("[bold]sum", f"[bold]{sum(outcomes.values()):,}")
    table.add_row("sent", f"{verdict.events['sent']:,}")
    console.print(table)


def _commands(verdict: Verdict, console: Console) -> None:
    table = _table("ERP commands", ("kind", "commands"))
    for kind, count in verdict.commands.items():
        table.add_row(kind, f"{count:,}")
    console.print(table)


def _money(verdict: Verdict, console: Console) -> None:
    table = _table(
        f"Money, revenue recognised through {verdict.run['revenue_through']}",
        ("entity", "currency", "bookings", "billings", "recognised", "deferred", "unbilled"),
    )
    for row in verdict.measures:
        currency = row["currency"]
        table.add_row(
            row["entity"],
            currency,
            *(amount(row[name], currency) for name in MEASURES),
        )
    console.print(table)


def _exceptions(verdict: Verdict, console: Console) -> None:
    table = _table("Open exceptions", ("owner", "code", "open"))
    for row in verdict.exceptions:
        table.add_row(row["owner"], row["code"], f"{row['open']:,}")
    console.print(table)


def _proof(verdict: Verdict, console: Console) -> None:
    table = _table("Does it tie out?", ("check", "result"))
    table.add_row("lost", f"{verdict.lost:,}")
    table.add_row("emitted twice", f"{verdict.duplicated:,}")
    difference = "no oracle asked" if verdict.oracle_difference is None else f"{verdict.oracle_difference:,}"
    table.add_row("difference to the oracle, minor units", difference)
    if verdict.erp is not None:
        table.add_row(
            f"commands in {verdict.erp['name']}",
            f"{verdict.erp['documents']:,} of {verdict.erp['commands']:,}",
        )
    recovered = ", ".join(f"{seconds:.1f} s" for seconds in verdict.recovery_seconds) or "none"
    table.add_row(f"workers killed: {verdict.kills}; recovered in", recovered)
    table.add_row("events per second, wall", f"{verdict.rates['events_per_second']:,.0f}")
    for step, seconds in verdict.seconds.items():
        table.add_row(f"seconds: {step.replace('_', ' ')}", f"{seconds:.1f}")
    console.print(table)
    for sentence in _sentences(verdict):
        console.print(sentence, highlight=False)
    for problem in verdict.problems:
        console.print(f"[bold red]{problem}")
    console.print("[bold green]It ties out." if verdict.tied_out else "[bold red]It does NOT tie out.")


def _sentences(verdict: Verdict) -> Iterator[str]:
    """What the ERP shows, in words."""
    late = verdict.told_late
    if late["posted_into"]:
        landed = ", ".join(f"{count} into {period}" for period, count in late["posted_into"].items())
        yield (
            f"{late['events']} events about {late['about']} came after it was closed; what follows from them was posted"
            f" later: {landed}."
        )
    if verdict.erp is not None and verdict.erp_difference is not None:
        yield (
            f"The trial balance that {verdict.erp['name']} shows differs from the oracle's by {verdict.erp_difference:,} minor units"
            f" ({verdict.erp['balances']:,} balances by entity, account, currency and period)."
        )


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for number, column in enumerate(columns):
        text = number == 0 or column in ("currency", "code", "result")
        table.add_column(column, justify="left" if text else "right", overflow="fold")
    return table
