"""Which journals are summed with those of other contracts, and into which batch (policy ``journal_grain``, domain model 4.2).

Invariants: the choice and the batch follow from the journal, its cause and its posting date alone, so that replay and any
cut of the log sum the same. Never summed: claims between entities, each of which names its mirror; journals of people; and
what is so large that sums of it could pass the range of an amount.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.contracts.decision import CausedBy, View
from tieout.avro.commands import CommandHeader
from tieout.avro.events import Day, Minor
from tieout.tables.batches import Batch
from tieout.tables.codec import writes_previous
from tieout.tables.contract import Arrangement

SWITCH, SUMMARY = "journal_grain", "summary"

SUMMED_MAX = 10**12
"""Minor units that one journal may move and still be summed. An amount has 63 bits: nine million contracts that each move
as much as this fit into one sum."""


def is_summed(view: View, arrangement: Arrangement, day: Day, moved: Iterable[Minor]) -> bool:
    """Whether a journal of these amounts, posted on a day, is summed, by the policy that governs the day (bound E).

    Not while rows of the state version before are written: the release before would not send what was summed.
    """
    if writes_previous() or sum(map(abs, moved)) > SUMMED_MAX:
        return False
    day = max(day, arrangement.opened)
    published = view.reference.policy(arrangement.entity, arrangement.book, day)
    row = view.reference.entity(arrangement.entity, day)
    switches = published.switches if published is not None else row.policy if row is not None else ()
    return any(switch.name == SWITCH and switch.value == SUMMARY for switch in switches)


def batch_for(
    header: CommandHeader, service_period: str, control_seq: int, cause: CausedBy, *, is_translated: bool
) -> Batch:
    """The batch of a journal whose lines belong to one service period."""
    return Batch(
        control_seq=control_seq,
        is_late=cause.id != f"control/{control_seq}",
        tenant=header.tenant,
        entity=header.entity,
        book=header.book,
        posting_period=header.posting_period,
        posting_date=header.posting_date,
        service_period=service_period,
        currency=header.currency,
        is_translated=is_translated,
        erp_account=header.erp_account,
    )
