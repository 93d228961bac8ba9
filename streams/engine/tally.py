"""Add up the rows of a store: the digest that it really has, beside the one that is kept.

Invariant: every row is looked at, or ``StoreCorrupt`` is raised: a scan that cannot be read to its end says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tieout.agents.spec import ENGINE_ROW_PREFIX
from tieout.streams.engine.ports import Scheduler
from tieout.streams.engine.positions import Digest, row_weight
from tieout.tables.store import Store

SLICE_ROWS = 4_000
"""About 5 ms: then the loop goes to whoever else has work."""


async def tally(store: Store, scheduler: Scheduler, seen: Callable[[int], None]) -> Digest:
    """The digest of all rows but the engine's own; lets others run meanwhile. ``seen`` is told the rows so far."""
    digest = Digest()
    for so_far, count in _adding_up(store):
        digest = so_far
        seen(count)
        await scheduler.sleep(0)
    return digest


def digest_of(store: Store) -> tuple[Digest, int]:
    """The same in one go, and the number of rows."""
    *_, found = _adding_up(store)
    return found


def _adding_up(store: Store) -> Iterator[tuple[Digest, int]]:
    """(digest, rows) after each slice, and at the end."""
    count = total = 0
    for key, value in store.scan(b""):
        if key.startswith(ENGINE_ROW_PREFIX):
            continue
        total += row_weight(key, value)
        count += 1
        if count % SLICE_ROWS == 0:
            yield Digest.of(total), count
    yield Digest.of(total), count
