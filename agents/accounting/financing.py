"""Payments that lie more than a year from what they pay for: the price may hold financing (606-10-32-15..20).

A year or less needs no look (32-18). Invariants: a suspicion is no amount: no interest is computed and no price changes;
a payment is judged by what is agreed and performed by its own day, so that a later fact never changes the judgement.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.agreement import contracts_of, done_of, layers_of
from tieout.agents.accounting.performance import known_by
from tieout.agents.accounting.progress import earned, progress
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.service_time import span_weight, weight_through
from tieout.agents.accounting.targets import Targets
from tieout.avro.days import iso
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
    if is_near(state, arrangement, since):
        return None
    targets = Targets(state, arrangement)
    for payment in payments_of(state, arrangement, since):
        if _is_ahead(state, arrangement, targets, payment.day):
            return payment, "is paid more than a year ahead of the last of what it pays for"
        if _is_behind(arrangement, targets, payment):
            return payment, "is paid more than a year after what it pays for"
    return None


def is_near(state: GroupState, arrangement: Arrangement, since: Day) -> bool:
    """No payment is more than a year from what it may pay for, as far as days tell without a look at figures.

    There is none from ``since`` on, or everything that the group knows lies within a year of the first one, and the last
    one within a year of the arrangement's start.
    """
    last, payable, paid = state.extent.last, state.extent.tally.payable, state.extent.tally.paid
    if not (payable and payable[-1][0] >= since) and not (paid and paid[-1][0] >= since):
        return True
    if payable and payable[-1][0] > last:
        return last <= since + A_YEAR and payable[-1][0] - A_YEAR - 1 < arrangement.opened
    return last <= since + A_YEAR and last - A_YEAR - 1 < arrangement.opened


def is_within_reach(state: GroupState, arrangement: Arrangement, since: Day) -> bool:
    """All that was ever billed and paid is less than what is expected within a year of each payment from ``since`` on.

    So that no account need be looked at: none is ahead, and none lies a year behind the arrangement's start.
    """
    if state.facts.components:
        return False
    at_most, done = state.extent.billed, done_of(state, arrangement)
    for day, _, amount in payments_of(state, arrangement, since):
        if amount and day - A_YEAR - 1 >= arrangement.opened:
            return False
        shares = _standing(state, arrangement, day)
        if not _is_soon(shares, day) and sum(_within_a_year(shares, done, day)) < at_most:
            return False
    return True


def payments_of(state: GroupState, arrangement: Arrangement, since: Day) -> Iterator[Payment]:
    """Payments that are due from a day on, in order: charges by when they are to be paid, and days of cash."""
    return merge(_charges(state, arrangement, since), _cash(state, arrangement, since))


def _charges(state: GroupState, arrangement: Arrangement, since: Day) -> Iterator[Payment]:
    voided = {act.doc for act in state.documents.acts if act.kind == "void"}
    payable = state.extent.tally.payable
    for day, doc in islice(payable, bisect_left(payable, (since, "")), None):
        own = [
            line.amount
            for line in state.documents.numbered(doc)
            if line.arrangement == arrangement.id and line.charges
        ]
        if own and doc not in voided:
            yield Payment(day, doc, sum(own))


def _cash(state: GroupState, arrangement: Arrangement, since: Day) -> Iterator[Payment]:
    """Cash may have no receivable yet: its amount is in what is due by then."""
    contracts, paid = contracts_of(arrangement), state.extent.tally.paid
    for day, contract in islice(paid, bisect_left(paid, (since, "")), None):
        if contract in contracts:
            yield Payment(day, f"cash of {iso(day)}", 0)


def _is_ahead(state: GroupState, arrangement: Arrangement, targets: Targets, day: Day) -> bool:
    """More is due by a day than what is expected to be performed within a year of it, and more than that is promised."""
    shares = _standing(state, arrangement, day)
    if _is_soon(shares, day):
        return False
    done = done_of(state, arrangement)
    promised = sum([share.base + share.amount for share in shares])
    expected = sum(_within_a_year(shares, done, day))
    if expected >= promised or (not state.facts.components and targets.due(day) <= expected):
        return False
    outside = targets.at(day).recognised - sum(
        [earned(share, done.get(share.po, NOTHING), day) for share in shares]
    )
    return targets.due(day) - targets.refund_liability(day) > expected + outside


def _standing(state: GroupState, arrangement: Arrangement, day: Day) -> tuple[Share, ...]:
    """What the arrangement promises, as its versions stand on a day."""
    steps = layers_of(state, arrangement).steps
    place = bisect_right(steps, day, key=attrgetter("from_day"))
    return steps[place - 1].shares if place else ()


def _is_soon(shares: tuple[Share, ...], day: Day) -> bool:
    """Nothing is promised for more than a year after a day."""
    return all(share.first <= day + A_YEAR and share.last <= day + A_YEAR for share in shares)


def _within_a_year(shares: tuple[Share, ...], done: Mapping[str, Performance], day: Day) -> list[Minor]:
    return [_expected(share, known_by(done.get(share.po, NOTHING), day), day) for share in shares]


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
    earlier = payment.day - A_YEAR - 1
    if not payment.amount or earlier < arrangement.opened:
        return False
    charged = targets.due(payment.day)
    return charged > 0 and targets.at(earlier).recognised >= charged
