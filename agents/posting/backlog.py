"""What has not been posted yet, in business terms: by entity, kind and where it stands, with amounts and age.

Invariant: the rows add up to the open commands of the account, in counts and in amounts per currency.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from tieout.tables.posting import OpenCommand, State

Standing = Literal["waiting", "sent", "in doubt", "parked"]
_STANDING: dict[State, Standing] = {
    "prepared": "waiting",
    "placed": "waiting",
    "sent": "sent",
    "unknown": "in doubt",
    "asking": "in doubt",
    "parked": "parked",
}


class BacklogRow(msgspec.Struct, frozen=True, gc=False):
    """Open commands of one entity and kind that stand alike. ``reason``: why, where they are parked.

    ``oldest_ms``: when the oldest of them came, UTC milliseconds. ``amounts``: currency -> minor units.
    """

    entity: str
    kind: str
    standing: Standing
    reason: str
    count: int
    oldest_ms: int
    amounts: dict[str, int]


def backlog(commands: Iterable[OpenCommand]) -> tuple[BacklogRow, ...]:
    """The rows, oldest first."""
    rows: dict[tuple[str, str, Standing, str], BacklogRow] = {}
    for command in commands:
        standing = _STANDING[command.state]
        reason = command.reason if standing == "parked" else ""
        key = command.entity, command.kind, standing, reason
        row = rows.get(key) or BacklogRow(*key, 0, command.admitted_ms, {})
        if command.amount_minor:
            row.amounts[command.currency] = row.amounts.get(command.currency, 0) + command.amount_minor
        rows[key] = BacklogRow(*key, row.count + 1, min(row.oldest_ms, command.admitted_ms), row.amounts)
    return tuple(sorted(rows.values(), key=lambda row: (row.oldest_ms, row.entity, row.kind, row.standing)))
