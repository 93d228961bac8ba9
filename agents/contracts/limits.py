"""How large a contract group may grow: every cap on stored facts, in one place, with its reason.

Invariant: no fact is accepted that could make a row of its group too large for the changelog, now or when revenue is
run to the end of what is promised, nor a sum too large for the event language; the fact is refused as LIMIT_EXCEEDED
while nothing has changed, and the group goes on.
"""

from __future__ import annotations

from tieout.agents.contracts.decision import Refused
from tieout.avro.events import Day, Minor
from tieout.tables.contract import GroupState
from tieout.tables.facts import Facts
from tieout.tables.group_rows import changed_fact_rows, usage_bytes
from tieout.tables.work import UsageBucket

ROW_BYTES_MAX = 192 * 1024
"""A row of facts, encoded. The changelog takes 256 kB; a quarter is left for what a group's head gains without a
fact: lane numbers, open items, markers."""

SUM_MAX = 10**17
"""Absolute amounts of a group added up, by kind (agreed, documents with tax and cash, usage), in minor units: far
from an Avro ``long`` even when all kinds meet in one cumulative figure, and more than any contract is worth."""

OBLIGATIONS_MAX = 50
"""Lines of a contract over all its versions: each of them has a share in each layer and a series in the ledger."""

VERSIONS_MAX = 200
"""Versions of a contract: each is a layer, and a change folds all of them again."""

DOCUMENT_LINES_MAX = 2_000
"""Document lines of a group: each decision adds them up. Long numbers reach ``ROW_BYTES_MAX`` before."""

RATED_MAX = 20_000
"""Rated amounts of a group over all its meters: a row of theirs holds one meter from one day, but each decision that
emits adds all of them up, and they lie in memory together."""

_SHORT_PERIOD_DAYS = 28
_BALANCES = 3
"""Ledger keys that are no obligation: contract liability, contract asset, refund liability."""
_SMALL, _SMALL_BYTES, _LARGE_BYTES = 2**31, 5, 9
"""A movement takes five bytes while the amounts are small, nine at most."""


def check_limits(before: GroupState, after: GroupState) -> None:
    """LIMIT_EXCEEDED when what a fact added makes a row, the ledger to come, or a sum too large."""
    if after is before:
        return
    for name, size in changed_fact_rows(before, after, ROW_BYTES_MAX):
        _check_row(name, size)
    extent = after.extent
    if after.usage is not before.usage and len(extent.rated_ids) > RATED_MAX:
        raise Refused("LIMIT_EXCEEDED", f"more than {RATED_MAX} rated amounts in one group")
    if after.facts is not before.facts:
        _check_sum("prices and price changes", extent.agreed)
    if after.documents is not before.documents:
        _check_sum("documents and payments", extent.billed)
    if after.usage is not before.usage:
        _check_sum("rated usage", extent.used)
    if _ledger_bytes_at_most(after) <= ROW_BYTES_MAX:
        return
    size = _ledger_bytes(after)
    if size > ROW_BYTES_MAX and size > _ledger_bytes(before):
        raise Refused(
            "LIMIT_EXCEEDED",
            f"the periods of all lines of the group could take {size} bytes, over {ROW_BYTES_MAX}: too many lines "
            "over too long a time",
        )


def check_usage_row(bucket: UsageBucket) -> None:
    """LIMIT_EXCEEDED when the rated amounts of one meter from one day would make their row too large."""
    _check_row("usage of one meter from one day", usage_bytes(bucket))


def _check_row(name: str, size: int) -> None:
    if size > ROW_BYTES_MAX:
        raise Refused("LIMIT_EXCEEDED", f"{name} of the group would take {size} bytes, over {ROW_BYTES_MAX}")


def _check_sum(kind: str, total: Minor) -> None:
    if total > SUM_MAX:
        raise Refused("LIMIT_EXCEEDED", f"{kind} of the group would add up to {total}, over {SUM_MAX}")


class _Extent:
    """What one arrangement may come to occupy in the ledger: its keys, over the span of its facts."""

    __slots__ = ("first", "keys", "last", "names_bytes", "total")

    def __init__(self) -> None:
        self.first: Day | None = None
        self.last: Day | None = None
        self.keys, self.names_bytes, self.total = _BALANCES, 0, 0

    def reach(self, *days: Day | None) -> None:
        for day in days:
            if day is not None:
                self.first = day if self.first is None or day < self.first else self.first
                self.last = day if self.last is None or day > self.last else self.last

    def bytes(self, name: str) -> int:
        """Estimate from above: every key moves in every period."""
        span = 0 if self.first is None or self.last is None else self.last - self.first
        width = _SMALL_BYTES if self.total < _SMALL else _LARGE_BYTES
        return len(name.encode()) + self.names_bytes + self.keys * _key_bytes(width, span)


def _key_bytes(width: int, span: int) -> int:
    return 32 + width * (span // _SHORT_PERIOD_DAYS + 2)


def _ledger_bytes_at_most(state: GroupState) -> int:
    """No less than ``_ledger_bytes``: as if every key of the group moved over the span of all its facts."""
    extent = state.extent
    keys, names_bytes = extent.keys, extent.names_bytes
    for arrangement in state.group.arrangements:
        keys += _BALANCES
        names_bytes += len(arrangement.id.encode())
    return names_bytes + keys * _key_bytes(_LARGE_BYTES, max(0, extent.last - extent.first))


def _ledger_bytes(state: GroupState) -> int:
    """At most so many bytes will the ledger row take when revenue was run beyond the last fact."""
    extents = {each.id: _Extent() for each in state.group.arrangements}
    contracts: dict[str, list[_Extent]] = {}
    for arrangement in state.group.arrangements:
        contracts.setdefault(arrangement.contract, []).append(extents[arrangement.id])
    _extend_by_price(extents, state.facts)
    for line in state.documents.lines:
        extents[line.arrangement].reach(line.at)
        extents[line.arrangement].total += abs(line.amount) + abs(line.tax)
    for bucket in state.usage:
        if bucket.rated:
            days = [rated.at for rated in bucket.rated]
            extents[bucket.arrangement].reach(min(days), max(days))
            extents[bucket.arrangement].total += sum([rated.amount for rated in bucket.rated])
    for cash in state.documents.cash:
        contracts[cash.contract][0].reach(cash.at)
        contracts[cash.contract][0].total += cash.amount
    for evidence in state.facts.evidence:
        for extent in contracts[evidence.contract]:
            extent.reach(evidence.at)
    return sum(extent.bytes(name) for name, extent in extents.items())


def _extend_by_price(extents: dict[str, _Extent], facts: Facts) -> None:
    for terms in facts.terms:
        extent = extents[terms.arrangement]
        extent.total += abs(terms.pool)
        extent.reach(terms.at, *(each.value for each in terms.change if each.field != "qty"))
        for item in terms.add:
            extent.reach(item.first, item.last)
            extent.keys += 1
            extent.names_bytes += len(item.po.encode())
    for component in facts.components:
        extent = extents[component.arrangement]
        extent.total += abs(component.amount)
        extent.keys += bool(component.contra)
        extent.names_bytes += len(component.contra.encode())
        extent.reach(component.at)
