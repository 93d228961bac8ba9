"""Which events of a generated stream a demo holds back until their period is closed, to show where they land.

Invariant: what is held back is told once, stands alone and is accepted: an invoice that nobody has paid or credited, a delivery
or a usage of the closed month, of a contract of which nothing is refused, repeated or missing. So only its posting period
depends on when it is told.
"""

from __future__ import annotations

from collections import Counter

from tieout.avro.days import date_of
from tieout.avro.events import (
    CreditMemoIssued,
    Event,
    GoodsDelivered,
    InvoicePosted,
    PaymentReceived,
    UsageRated,
)
from tieout.streams.operate.generate import Generation, GroupTruth
from tieout.streams.operate.generate.truth import Fate, Planned

EACH_MAX = 4
"""Events of one kind."""
_KINDS = (InvoicePosted, GoodsDelivered, UsageRated)


def told_late(generation: Generation, period: str) -> frozenset[str]:
    """Ids of a few events about a month (2025-03), of each kind in the order of the groups."""
    taken: Counter[type] = Counter()
    found: set[str] = set()
    for group in generation.groups():
        for planned in group.planned if _is_plain(group) else ():
            kind, envelope = type(planned.event), planned.event.envelope
            about = f"{date_of(envelope.effective_date):%Y-%m}"
            wanted = kind in _KINDS and about == period and taken[kind] < EACH_MAX
            if wanted and not _is_settled(planned.event, group):
                taken[kind] += 1
                found.add(envelope.event_id)
        if all(taken[kind] == EACH_MAX for kind in _KINDS):
            break
    return frozenset(found)


def _is_plain(group: GroupTruth) -> bool:
    return all(_ends_well(planned) for planned in group.planned)


def _is_settled(event: Event, group: GroupTruth) -> bool:
    """Whether cash or a credit may be about an invoice: one without a number goes to whatever is open."""
    if not isinstance(event, InvoicePosted):
        return False
    settling = [
        each.event for each in group.planned if isinstance(each.event, PaymentReceived | CreditMemoIssued)
    ]
    return any(each.invoice_number in {None, event.invoice_number} for each in settling)


def _ends_well(planned: Planned) -> bool:
    counts = planned.fate in {Fate.APPLIED, Fate.NO_EFFECT}
    return counts and planned.code is None and planned.delivered and not planned.copies and not planned.late
