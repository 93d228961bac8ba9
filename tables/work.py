"""Facts that one promise may have hundreds of: usage of a meter, costs, hours, royalties, units drawn down.

Invariant: they stand in rows of their own, one per usage period or promise, so that no such fact rewrites the contract;
each row holds its facts sorted by id.
"""

from __future__ import annotations

import msgspec

from tieout.avro.commands import Cause
from tieout.avro.events import Day, Minor


class Work(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One of many small inputs to a promise, dated ``at``. Key id: a higher version replaces it.

    ``kind``: cost, uninstalled, hours, royalty (``amount``), consumed, expired (``qty``, millionths of a
    unit; of expired 0: all that are left) or granted, which nothing reads.
    """

    id: str
    version: int
    kind: str
    at: Day
    qty: int
    amount: Minor
    cause: Cause


class WorkLog(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All work on one promise, sorted by id: a row of its own, so that a timesheet does not rewrite the contract."""

    contract: str
    po: str
    entries: tuple[Work, ...]


class RatedUsage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One rated amount; it counts at ``at``, the last day of its usage. Key id: a higher version replaces it.

    ``replaces``: from then on it stands for what reported usage of its span was estimated at.
    """

    id: str
    at: Day
    qty: int
    qty_scale: int
    amount: Minor
    cause: Cause
    version: int = 1
    replaces: bool = True


class UsageDetail(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One reported consumption. Key id: a higher version replaces it. ``replaces`` names usage that counts no more.

    The id is source, object and object type; ``replaces`` is source and object.
    """

    id: str
    version: int
    at: Day
    qty: int
    qty_scale: int
    replaces: str
    cause: Cause


class UsageBucket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Usage of one meter in the period from one day: a row of its own, so that usage does not rewrite the contract.

    ``details`` by id, while the period is open. ``count`` and ``digest`` stand for them where they are gone; ``held`` is
    (day, what that day's usage adds up to in millionths) then.
    """

    contract: str
    meter: str
    first: Day
    arrangement: str
    po: str
    rated: tuple[RatedUsage, ...]
    details: tuple[UsageDetail, ...] = ()
    closed: bool = False
    digest: bytes = b""
    count: int = 0
    held: tuple[tuple[Day, int], ...] = ()
