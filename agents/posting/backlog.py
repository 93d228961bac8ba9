"""What has not been posted yet, in business terms: by entity, kind, age and where it stands, with amounts.

Metrics, stats page, ``/api/stats`` and ``tieout posting status`` all show what is reckoned here. Invariants: the rows add up
to the open commands of the account, in counts and in amounts per currency; what nobody has to act for is told apart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from tieout.agents.posting.lanes import Lanes
from tieout.tables.posting import OpenCommand, State

Standing = Literal["waiting", "sent", "in doubt", "parked"]
_STANDING: dict[State, Standing] = {
    "prepared": "waiting",
    "sent": "sent",
    "unknown": "in doubt",
    "asking": "in doubt",
    "parked": "parked",
}

AGE_BOUNDS_SECONDS = (60, 300, 3_600, 86_400)
AGES = ("under_1m", "1m_to_5m", "5m_to_1h", "1h_to_1d", "over_1d")
"""Names of the age buckets, youngest first."""

ENTITIES_MAX = 10
"""Entities with rows of their own: those with the most unposted commands. It bounds heartbeats and metric series."""

OTHER_ENTITIES = "(others)"


class BacklogRow(msgspec.Struct, frozen=True, gc=False):
    """Open commands of one entity and kind that stand alike. ``reason``: why, where they are parked, and ``owner`` whose work.

    ``oldest_ms``: when the oldest of them was written, UTC milliseconds. ``amounts``: currency -> minor units. ``ages``:
    commands in each bucket of ``AGES``.
    """

    entity: str
    kind: str
    standing: Standing
    reason: str
    count: int
    oldest_ms: int
    amounts: dict[str, int]
    ages: tuple[int, ...] = (0,) * len(AGES)
    owner: str = ""


class ParkedLanes(msgspec.Struct, frozen=True, gc=False):
    """Lanes that stand still for one reason, whose work that is, and how many commands wait behind the parked ones."""

    reason: str
    owner: str
    lanes: int
    commands_behind: int


class Backlog(msgspec.Struct, frozen=True, gc=False):
    """Everything that is open. ``movable``: commands in lanes that move, for which no person has to act; ``movable_oldest_ms``: when
    the oldest of those was written. ``oldest_ms`` None: nothing is open.
    """

    rows: tuple[BacklogRow, ...] = ()
    parked_lanes: tuple[ParkedLanes, ...] = ()
    commands: int = 0
    movable: int = 0
    oldest_ms: int | None = None
    amounts: dict[str, int] = {}
    movable_oldest_ms: int | None = None


@dataclass(slots=True)
class _Sum:
    count: int = 0
    oldest_ms: int = 1 << 62
    amounts: dict[str, int] = field(default_factory=dict)
    ages: list[int] = field(default_factory=lambda: [0] * len(AGES))

    def add(self, command: OpenCommand, bucket: int) -> None:
        self.count += 1
        self.ages[bucket] += 1
        self.oldest_ms = min(self.oldest_ms, command.emitted_ms)
        if command.amount_minor:
            amount_minor = self.amounts.get(command.currency, 0) + command.amount_minor
            self.amounts[command.currency] = amount_minor

    def merge(self, other: _Sum) -> None:
        self.count += other.count
        self.ages = [mine + its for mine, its in zip(self.ages, other.ages, strict=True)]
        self.oldest_ms = min(self.oldest_ms, other.oldest_ms)
        for currency, amount_minor in other.amounts.items():
            self.amounts[currency] = self.amounts.get(currency, 0) + amount_minor


_Key = tuple[str, str, Standing, str]


def backlog(open_lanes: Lanes, now_ms: int, owner_of: Callable[[str], str]) -> Backlog:
    """The backlog at ``now_ms``, oldest rows first. ``owner_of``: reason of a refusal -> who acts.

    A number whose command is never posted, because it was withdrawn or replaced, is none of it.
    """
    sums: dict[_Key, _Sum] = {}
    lanes: Counter[str] = Counter()
    behind: Counter[str] = Counter()
    parked_lane, parked_reason = "", ""
    movable = _Sum()
    for command in open_lanes:
        if command.state == "placed":
            continue
        bucket = _bucket(now_ms - command.emitted_ms)
        if open_lanes.moves(command.lane):
            movable.add(command, bucket)
        standing = _STANDING[command.state]
        reason = command.reason if standing == "parked" else ""
        if standing == "parked":
            parked_lane, parked_reason = command.lane, reason
            lanes[reason] += 1
        elif command.lane == parked_lane:
            behind[parked_reason] += 1
        key = command.entity, command.kind, standing, reason
        found = sums.get(key)
        if found is None:
            found = sums[key] = _Sum()
        found.add(command, bucket)
    parked = tuple(
        ParkedLanes(reason, owner_of(reason), count, behind[reason])
        for reason, count in sorted(lanes.items())
    )
    return _summed(_bounded(sums), parked, movable, owner_of)


def _bucket(age_ms: int) -> int:
    return bisect_right(AGE_BOUNDS_SECONDS, age_ms // 1_000)


def _bounded(sums: dict[_Key, _Sum]) -> dict[_Key, _Sum]:
    """The entities with the most commands for themselves, all others together."""
    by_entity: Counter[str] = Counter()
    for (entity, *_), each in sums.items():
        by_entity[entity] += each.count
    if len(by_entity) <= ENTITIES_MAX:
        return sums
    ranked = sorted(by_entity, key=lambda entity: (-by_entity[entity], entity))
    own = frozenset(ranked[:ENTITIES_MAX])
    bounded: dict[_Key, _Sum] = {}
    for (entity, kind, standing, reason), each in sums.items():
        key = entity if entity in own else OTHER_ENTITIES, kind, standing, reason
        bounded.setdefault(key, _Sum()).merge(each)
    return bounded


def _summed(
    sums: dict[_Key, _Sum], parked: tuple[ParkedLanes, ...], movable: _Sum, owner_of: Callable[[str], str]
) -> Backlog:
    total = _Sum()
    for each in sums.values():
        total.merge(each)
    rows = (
        BacklogRow(
            *key,
            each.count,
            each.oldest_ms,
            each.amounts,
            tuple(each.ages),
            owner_of(key[3]) if key[3] else "",
        )
        for key, each in sums.items()
    )
    return Backlog(
        rows=tuple(sorted(rows, key=lambda row: (row.oldest_ms, row.entity, row.kind, row.standing))),
        parked_lanes=parked,
        commands=total.count,
        movable=movable.count,
        oldest_ms=total.oldest_ms if total.count else None,
        amounts=total.amounts,
        movable_oldest_ms=movable.oldest_ms if movable.count else None,
    )
