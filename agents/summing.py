"""Sums of journals of many contracts, and the batches that they become (Aggregator, EIP), in one partition.

A batch is complete when no group can add to it any more: what a marker caused when every group has been brought up to it,
what events caused behind a marker when every group has been brought up to the next one. Both are the end of a pass of the
sweep, where the marker's receipt is given. Invariants: a batch is said once, and whole; its id, its lines and its number in
its lane follow from the log, not from how the log was cut or in which slices it was swept; memory holds the sums of open
batches, a line per class, account and dimensions, however many contracts they are of.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, groupby

import msgspec
from msgspec.structs import replace

from tieout.agents.contracts.decision import Summed
from tieout.agents.contracts.draft import hashed, ident
from tieout.agents.contracts.journals import JOURNAL_LINES_MAX
from tieout.agents.decode import Placement, inbox_key
from tieout.agents.spec import Effects, Rows
from tieout.avro.commands import Cause, CommandHeader, JournalLine, JournalPost
from tieout.tables.batches import (
    GROUP_PREFIX,
    SHARES,
    SUMS,
    Batch,
    Share,
    Sum,
    batch_id,
    share_key,
    sum_key,
)
from tieout.tables.contract import GroupState, Lanes
from tieout.tables.keys import SUM_ROWS
from tieout.tables.reference import Reference

JOURNAL_TYPE = "summary"
_NAME_MAX = 100
"""Characters of an entity and a period in the name of a group; longer ones are named by a hash."""


class Completed(msgspec.Struct, frozen=True, gc=False):
    """A complete batch. ``sums`` are sorted; there is none where all that was summed came to nothing."""

    id: str
    batch: Batch
    sums: tuple[Sum, ...]


class Sums:
    """Open batches of one partition. What it holds equals its rows as of the last flush, and what was added since."""

    def __init__(self, rows: Rows, partition: int) -> None:
        self._partition = partition
        self._sums: dict[bytes, Sum] = {key: SUMS.decode(row) for key, row in rows.scan(SUM_ROWS)}
        self._dirty: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._sums)

    def add(self, summed: Summed, effects: Effects) -> None:
        """Add a journal's lines to its batch, and write that its contract has a share in it."""
        batch, journal = summed
        name = batch_id(batch, self._partition)
        for line in journal.lines:
            key = sum_key(name, line.account_class, line.account, line.dimensions)
            known = self._sums.get(key) or Sum(
                batch, line.account_class, line.account, dimensions=line.dimensions
            )
            self._sums[key] = _added(known, line)
            self._dirty.add(key)
        header = journal.header
        share = Share(header.tenant, header.group_id, header.contract_id)
        effects.put(share_key(name, share), SHARES.encode(share))

    def complete(self, control_seq: int, effects: Effects) -> Iterator[Completed]:
        """Take out the batches that are complete when every group stands at a marker, in their order."""
        done = [
            (each.batch, key) for key, each in self._sums.items() if _is_complete(each.batch, control_seq)
        ]
        for batch, keys in groupby(sorted(done), key=lambda each: each[0]):
            sums = []
            for _, key in keys:
                taken = self._sums.pop(key)
                self._dirty.discard(key)
                effects.delete(key)
                if taken.credit or taken.functional:
                    sums.append(taken)
            if len(sums) > JOURNAL_LINES_MAX:
                sums = _without_dimensions(sums)
            yield Completed(batch_id(batch, self._partition), batch, tuple(sums))

    def flush(self, effects: Effects) -> None:
        """Write the sums that changed."""
        for key in sorted(self._dirty):
            effects.put(key, SUMS.encode(self._sums[key]))
        self._dirty.clear()


def group_for(batch: Batch, partition: int, placement: Placement) -> str:
    """The group whose lane a batch goes through: one per entity, posting period and partition, whose key is placed there.

    So whatever is said to it, an ERP's answer or a person's decision, comes to the partition that knows the batch.
    """
    named = f"{batch.entity}/{batch.posting_period}"
    if len(named) > _NAME_MAX:
        named = ident(batch.entity, batch.posting_period)
    names = (f"{GROUP_PREFIX}{named}/{number}" for number in count())
    return next(name for name in names if placement(inbox_key(batch.tenant, name)) == partition)


def batch_command(
    state: GroupState, completed: Completed, cause: Cause, reference: Reference
) -> tuple[GroupState, JournalPost]:
    """The journal of a batch as the next of its group's lane, and the group behind it. ``cause``: the marker."""
    batch, group = completed.batch, state.group
    lanes = {each.erp_account: each for each in group.lanes}
    known = lanes.get(batch.erp_account, Lanes(batch.erp_account))
    lane = lanes[batch.erp_account] = replace(known, journal=known.journal + 1)
    row = reference.entity(batch.entity, batch.posting_date)
    header = CommandHeader(
        command_id=completed.id,
        kind=JournalPost.KIND,
        tenant=batch.tenant,
        entity=batch.entity,
        book=batch.book,
        erp_account=batch.erp_account,
        group_id=group.id,
        arrangement_id=group.id,
        contract_id=group.id,
        lane="journal",
        lane_seq=lane.journal,
        after=(),
        priority="close_critical",
        posting_date=batch.posting_date,
        posting_period=batch.posting_period,
        currency=batch.currency,
        causes=(cause,),
        cause_count=1,
        policy_version=row.header.version if row is not None else 0,
        reference_cut=reference.cut,
        content_hash="",
    )
    lines = tuple([_line(each, header.command_id) for each in completed.sums])
    journal = hashed(JournalPost(header, JOURNAL_TYPE, None, lines))
    after = replace(group, lanes=tuple([lanes[name] for name in sorted(lanes)]))
    return replace(state, group=after), journal


def _is_complete(batch: Batch, control_seq: int) -> bool:
    return batch.control_seq < control_seq or (batch.control_seq == control_seq and not batch.is_late)


def _added(known: Sum, line: JournalLine) -> Sum:
    functional = (line.functional_credit_minor or 0) - (line.functional_debit_minor or 0)
    return Sum(
        known.batch,
        known.account_class,
        known.account,
        known.credit + line.credit_minor - line.debit_minor,
        known.functional + functional,
        known.dimensions,
    )


def _without_dimensions(sums: list[Sum]) -> list[Sum]:
    """One sum for each class and account: a journal has so many lines, and revenue events have the detail."""
    found: dict[tuple[str, str], Sum] = {}
    for each in sums:
        place = each.account_class, each.account
        known = found.get(place) or Sum(each.batch, *place)
        found[place] = replace(
            known, credit=known.credit + each.credit, functional=known.functional + each.functional
        )
    return [each for each in found.values() if each.credit or each.functional]


def _line(each: Sum, batch: str) -> JournalLine:
    translated = each.batch.is_translated
    return JournalLine(
        account_class=each.account_class,
        account=each.account,
        po=None,
        customer_id="",
        dimensions=each.dimensions,
        service_period=each.batch.service_period,
        debit_minor=max(-each.credit, 0),
        credit_minor=max(each.credit, 0),
        functional_debit_minor=max(-each.functional, 0) if translated else None,
        functional_credit_minor=max(each.functional, 0) if translated else None,
        revenue_event_id=batch,
    )
