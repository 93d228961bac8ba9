"""How large a contract group may grow: every cap on stored facts, in one place, with its reason.

Invariant: no fact is accepted that could make a row of its group too large for the changelog, now or when revenue is
run to the end of what is promised, nor a sum too large for the event language; the fact is refused as LIMIT_EXCEEDED
while nothing has changed, and the group goes on.
"""

from __future__ import annotations

from tieout.agents.contracts.decision import Refused, View
from tieout.agents.contracts.ledger_size import ledger_bytes, ledger_bytes_at_most
from tieout.avro.events import Minor
from tieout.tables.contract import GroupState
from tieout.tables.group_rows import changed_fact_rows, usage_bytes, work_bytes
from tieout.tables.work import UsageBucket, WorkLog

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

COMPONENTS_MAX = 500
"""Price changes of a group that are no versions: from each of their days on the fold replays all versions."""

USAGE_DETAILS_MAX = 1_000
"""Reported usage of one meter in one open usage period: a correction may aggregate all of it anew."""

WORK_MAX = 2_000
"""Costs, hours, royalties and draw-downs of one promise: they are one row."""


def check_limits(before: GroupState, after: GroupState, view: View) -> None:
    """LIMIT_EXCEEDED when what a fact added makes a row, the ledger to come, or a sum too large."""
    if after is before:
        return
    for name, size in changed_fact_rows(before, after, ROW_BYTES_MAX):
        _check_row(name, size)
    extent = after.extent
    if after.usage is not before.usage:
        _check_count("rated amounts", len(extent.rated_ids), RATED_MAX)
    if after.facts is not before.facts:
        _check_count("price changes", len(after.facts.components), COMPONENTS_MAX)
        _check_sum("prices and price changes", extent.agreed)
    if after.documents is not before.documents:
        _check_sum("documents and payments", extent.billed)
    if after.usage is not before.usage:
        _check_sum("rated usage", extent.used)
    if after.work is not before.work:
        _check_sum("costs, hours and royalties", extent.worked)
    if ledger_bytes_at_most(after) <= ROW_BYTES_MAX:
        return
    size = ledger_bytes(after, view)
    if size > ROW_BYTES_MAX and size > ledger_bytes(before, view):
        raise Refused(
            "LIMIT_EXCEEDED",
            f"the periods of all lines of the group could take {size} bytes, over {ROW_BYTES_MAX}: too many lines "
            "over too long a time",
        )


def check_usage_row(bucket: UsageBucket) -> None:
    """LIMIT_EXCEEDED when the usage of one meter in one period would make its row too large."""
    _check_count("reported usage of one meter from one day", len(bucket.details), USAGE_DETAILS_MAX)
    _check_row("usage of one meter from one day", usage_bytes(bucket))


def check_work_row(log: WorkLog) -> None:
    """LIMIT_EXCEEDED when the work on one promise would make its row too large."""
    name = f"work on line {log.po!r}"
    _check_count(name, len(log.entries), WORK_MAX)
    _check_row(name, work_bytes(log))


def _check_row(name: str, size: int) -> None:
    if size > ROW_BYTES_MAX:
        raise Refused("LIMIT_EXCEEDED", f"{name} of the group would take {size} bytes, over {ROW_BYTES_MAX}")


def _check_count(name: str, count: int, most: int) -> None:
    if count > most:
        raise Refused("LIMIT_EXCEEDED", f"{name}: more than {most} in one group")


def _check_sum(kind: str, total: Minor) -> None:
    if total > SUM_MAX:
        raise Refused("LIMIT_EXCEEDED", f"{kind} of the group would add up to {total}, over {SUM_MAX}")
