"""The page's box of ERP accounts: what has not been posted yet, since when, how much, and who has to act.

Invariant: it shows fields of the snapshot, in the words of ``account_words``; there is no box where nobody posts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.agents.posting.backlog import AGES
from tieout.streams.operate.account_words import (
    AGE_WORDS,
    LEVELS,
    age,
    drains,
    drains_at_slots,
    money,
    oldest,
    standing,
    state_of,
)
from tieout.streams.operate.web.markup import Html, el
from tieout.streams.operate.web.tables import Row, mark, section, table
from tieout.streams.operate.web.words import number, rate

if TYPE_CHECKING:
    from tieout.agents.posting.backlog import BacklogRow
    from tieout.streams.operate.snapshot import ClusterSnapshot
    from tieout.streams.operate.status import AccountStatus

_ACCOUNTS = ("ERP account", "state", "not posted", "oldest", "done in", "posted", "calls")
_ROWS = (
    "account",
    "entity",
    "kind",
    "stands",
    "commands",
    "oldest",
    *(AGE_WORDS[name] for name in AGES),
)


def accounts_box(now: ClusterSnapshot) -> Html | None:
    """What is not in the ERPs yet."""
    if not now.accounts:
        return None
    rows = [_row(account, row, now.taken_us) for account in now.accounts for row in account.backlog]
    parked: list[Row] = [
        (account.account, each.reason, each.owner, number(each.lanes), number(each.commands_behind))
        for account in now.accounts
        for each in account.parked_lanes
    ]
    return section(
        "erp",
        "Not in the ERP yet",
        table("ERP accounts with backlog and pace", _ACCOUNTS, [_account(a) for a in now.accounts], words=1),
        table("unposted commands by entity, kind and age", _ROWS, rows, words=3),
        table(
            "parked lanes by reason and owner",
            ("account", "parked for", "owner", "lanes", "commands behind"),
            parked,
            words=2,
        ),
    )


def _account(account: AccountStatus) -> Row:
    level = LEVELS.get(state_of(account), "attention")
    state, _, words = standing(account).partition(": ")
    unposted = [number(account.unposted), el("small", money(account.amounts))]
    if account.unread:
        unposted.append(el("small", f"and about {number(account.unread)} unread"))
    return (
        account.account,
        el("span", mark(level), " ", state, el("small", words) if words else None, class_=level),
        el("span", unposted),
        oldest(account),
        el("span", drains(account), el("small", f"at the slot limit {drains_at_slots(account)}")),
        el("span", number(account.posted), el("small", rate(account.posted_per_second))),
        el("span", _calls(account), el("small", f"throttled {number(account.throttled)}")),
    )


def _calls(account: AccountStatus) -> str:
    return f"{account.calls_running} of {account.limit:g}, {account.slots} slots"


def _row(account: AccountStatus, row: BacklogRow, taken_us: int) -> Row:
    why = el("small", f"{row.reason}: {row.owner}") if row.reason else None
    return (
        account.account,
        row.entity,
        row.kind,
        el("span", row.standing, why),
        el("span", number(row.count), el("small", money(row.amounts))),
        age(taken_us / 1e6 - row.oldest_ms / 1e3),
        *(number(count) if count else "" for count in row.ages),
    )
