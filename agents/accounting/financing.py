"""Payments that lie more than a year from what they pay for: the price may hold financing (606-10-32-15..20).

A year or less needs no look (32-18). Invariants: a suspicion is no amount: no interest is computed and no price changes;
a payment is judged by what is agreed and performed by its own day, so that a later fact never changes the judgement.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.agreement import contracts_of, done_of, layers_of
from tieout.agents.accounting.billing_order import CHARGES
from tieout.agents.accounting.performance import known_by
from tieout.agents.accounting.progress import earned, progress
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import span_weight, weight_through
from tieout.agents.accounting.targets import Targets
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import NOTHING, Performance
from tieout.tables.layers import Share

A_YEAR = 365
"""Days that may lie between a payment and what it pays for."""


class Payment(NamedTuple):
    """What is to be paid on a day, without tax: by a document, or ahead of any (``name`` is its day then)."""

    day: Day
    name: str
    amount: Minor


def first_gap(state: GroupState, arrangement: Arrangement, since: Day) -> tuple[Payment, str] | None:
    """The first payment from ``since`` on that lies over a year from what it pays for, and how; None where none does."""
    payments = sorted(payments_of(state, arrangement, since))
    if not payments:
        return None
    targets = Targets(state, arrangement)
    for payment in payments:
        if _is_ahead(state, arrangement, targets, payment.day):
            return payment, "is paid more than a year ahead of the last of what it pays for"
        if _is_behind(arrangement, targets, payment):
            return payment, "is paid more than a year after what it pays for"
    return None


def payments_of(state: GroupState, arrangement: Arrangement, since: Day) -> Iterator[Payment]:
    """Payments that are due from a day on: charges by their due date, and cash for which there was no receivable."""
    voided = {act.doc for act in state.documents.acts if act.kind == "void"}
    charged: dict[tuple[Day, str], Minor] = {}
    for line in state.documents.lines:
        if line.due_date < since or line.arrangement != arrangement.id or line.doc in voided:
            continue
        if line.kind in CHARGES and line.unconditional:
            key = max(line.due_date, line.at), line.doc
            charged[key] = charged.get(key, 0) + line.amount
    for (day, doc), amount in charged.items():
        yield Payment(day, doc, amount)
    contracts = contracts_of(arrangement)
    for day in {each.at for each in state.documents.cash if each.at >= since and each.contract in contracts}:
        yield Payment(day, f"day {day}", 0)


def _is_ahead(state: GroupState, arrangement: Arrangement, targets: Targets, day: Day) -> bool:
    """More is due by a day than what is expected to be performed within a year of it, and more than that is promised."""
    steps = [step for step in layers_of(state, arrangement).steps if step.from_day <= day]
    shares = steps[-1].shares if steps else ()
    if all(max(share.first, share.last) <= day + A_YEAR for share in shares):
        return False
    done = done_of(state, arrangement)
    within = [_expected(share, known_by(done.get(share.po, NOTHING), day), day) for share in shares]
    promised = sum([share.base + share.amount for share in shares])
    if sum(within) >= promised:
        return False
    outside = targets.at(day).recognised - sum(
        [earned(share, done.get(share.po, NOTHING), day) for share in shares]
    )
    return targets.due(day) - targets.refund_liability(day) > sum(within) + outside


def _expected(share: Share, done: Performance, day: Day) -> Minor:
    """What is expected to be earned within a year of a day: service by its span, else by the days that its line states."""
    by = day + A_YEAR
    if share.measure == "time":
        served = replace(share, gate="none", pauses=())
        return share.base + rounded_share(share.amount, *progress(served, NOTHING, by))
    end, promised = max(share.first, share.last), share.base + share.amount
    if end <= by:
        return promised
    so_far, begins = earned(share, done, day), max(share.first, day + 1)
    if share.measure == "point" or by < begins:
        return so_far
    part = weight_through(share.convention, begins, end, by)
    return so_far + rounded_share(promised - so_far, part, span_weight(share.convention, begins, end))


def _is_behind(arrangement: Arrangement, targets: Targets, payment: Payment) -> bool:
    """All that is charged by the day of a document's payment was earned more than a year before it."""
    earlier, charged = payment.day - A_YEAR - 1, targets.due(payment.day)
    if not payment.amount or charged <= 0 or earlier < arrangement.opened:
        return False
    return targets.at(earlier).recognised >= charged
