"""One contract's story, as it would be told if nothing went wrong on the way.

Invariant: what moves the price forward happens in a fixed order within the term (credit memos early, amendments in
the middle, cancellation late), so that every amount follows from the facts alone, whichever arrives first.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from tieout.avro.events import Day
from tieout.streams.operate.generate.billing import (
    NO_EFFECT_REASONS,
    PAST_REASONS,
    PRICE_REASONS,
    bill_term,
    credit,
    invoice,
    pay_deposit,
    pay_invoices,
)
from tieout.streams.operate.generate.calendar import (
    add_months,
    month_end,
    month_number,
    month_start,
)
from tieout.streams.operate.generate.performance import deliver_all, rate_usage
from tieout.streams.operate.generate.promises import add_promise
from tieout.streams.operate.generate.reference_rows import ENTITIES
from tieout.streams.operate.generate.scenarios import Mix
from tieout.streams.operate.generate.sketch import Sketch
from tieout.streams.operate.generate.versions import (
    activate,
    amend_prospectively,
    amend_separately,
    cancel,
    renew,
    separate_day,
)

FAR = 10**6
"""A day that never comes: no cancellation."""
ON_THE_FIRST = 0.6
AMENDED_TERM_DAYS, EXTENDED_TERM_DAYS = 60, 90
"""Shorter contracts are not modified; shorter ones than the second get no lines added at SSP."""
SERVED_DAYS = 30
"""So long a line has been served before a concession for the past."""


class Party(NamedTuple):
    """Who a contract is with, under which group; two contracts of a group share the customer."""

    group_id: str
    contract_id: str
    customer_id: str
    bill_to_id: str | None


class Year(NamedTuple):
    """The recorded days, whose they are, and the scenario's rates."""

    tenant: str
    first_day: Day
    last_day: Day
    mix: Mix


def tell_contract(rng: Random, year: Year, party: Party) -> Sketch:
    """Write the whole story of one contract."""
    sketch = _open(rng, year, party)
    _promise(sketch)
    activate(sketch)
    plan = _plan(sketch)
    sketch.ends = plan.cancelled
    deposit = _deposit(sketch, plan)
    bill_term(sketch, list(sketch.promises), _weighted(rng, year.mix.billing_months), deposit)
    if plan.memo is not None:
        _move_price(sketch, plan.memo)
    for at, separate in plan.amendments:
        if separate:
            amend_separately(sketch, at)
        elif any(each.first < at and each.last > at + 15 for each in sketch.timed()):
            amend_prospectively(sketch, at, ssp_now=plan.ssp_now)
    if plan.cancelled < FAR:
        open_work = any(each.product.measure in ("point", "units") for each in sketch.promises)
        cancel(sketch, plan.cancelled, access_may_go_on=not open_work)
    elif plan.renews:
        renew(sketch)
    deliver_all(sketch, plan.cancelled - 1)
    for promise in list(sketch.promises):
        if promise.product.measure == "amount":
            rate_usage(sketch, promise, plan.cancelled - 1)
    _credit_the_past(sketch, plan)
    pay_invoices(sketch)
    return sketch


def _open(rng: Random, year: Year, party: Party) -> Sketch:
    """Header: entity, currency, term."""
    entity = rng.choices(ENTITIES, (5, 2, 2, 1))[0]
    foreign = len(entity.currencies) > 1 and rng.random() < year.mix.foreign_currency
    term = _weighted(rng, year.mix.terms_months)
    start = _start(rng, year)
    return Sketch(
        rng=rng,
        mix=year.mix,
        tenant=year.tenant,
        group_id=party.group_id,
        contract_id=party.contract_id,
        entity=entity,
        currency=entity.currencies[1] if foreign else entity.currency,
        customer_id=party.customer_id,
        bill_to_id=party.bill_to_id,
        start=start,
        end=add_months(start, term) - 1,
        last_day=year.last_day,
    )


def _start(rng: Random, year: Year) -> Day:
    """Any month but the last two; 60 % on the first of it; or around the end of a quarter."""
    first, last = month_number(year.first_day), month_number(year.last_day)
    if rng.random() < year.mix.start_at_quarter_end:
        quarter = rng.randint(0, (last - first + 1) // 3 - 2)
        return month_end(first + 3 * quarter + 2) + rng.randint(-10, 2)
    month = rng.randint(first, max(first, last - 2))
    return month_start(month) + (0 if rng.random() < ON_THE_FIRST else rng.randint(0, 27))


def _weighted(rng: Random, choices: tuple[tuple[int, int], ...]) -> int:
    return rng.choices([value for value, _ in choices], [weight for _, weight in choices])[0]


def _promise(sketch: Sketch) -> None:
    """One to four lines; most contracts are earned over time, some only delivered."""
    rng = sketch.rng
    measures = ["time"] if sketch.chance(0.88) else [rng.choice(("point", "units"))]
    measures += rng.choices(("time", "point", "units"), (4, 2, 2), k=rng.choice((0, 0, 0, 1, 1, 2)))
    if sketch.chance(sketch.mix.usage_line):
        measures.append("amount")
    for measure in measures:
        add_promise(sketch, measure, version=1, first=sketch.start, last=sketch.end)


class _Plan(NamedTuple):
    """When what happens to the contract. ``cancelled`` is FAR when it is not."""

    memo: Day | None
    amendments: tuple[tuple[Day, bool], ...]
    cancelled: Day
    renews: bool
    ssp_now: bool
    deposit: bool


def _plan(sketch: Sketch) -> _Plan:
    """Draw the plan; a rare combination that no rule of the model decides is not drawn."""
    mix, term = sketch.mix, sketch.end - sketch.start + 1

    def within(low: int, high: int) -> Day:
        return sketch.start + term * sketch.rng.randint(low, high) // 100

    timed = bool(sketch.timed()) and term > AMENDED_TERM_DAYS
    memo = within(15, 40) if timed and sketch.chance(mix.credit_memo / 3) else None
    cancelled = within(75, 90) if timed and sketch.chance(mix.cancellation) else FAR
    amendments: dict[Day, bool] = {}
    if timed and sketch.chance(mix.prospective):
        amendments[within(45, 70)] = False
        if sketch.chance(0.25):
            amendments[within(45, 70)] = False
    if cancelled == FAR and term > EXTENDED_TERM_DAYS and sketch.chance(mix.separate):
        for _ in range(sketch.rng.choice((1, 1, 2))):
            at = separate_day(sketch)
            if at is not None:
                amendments[at] = True
    recorded = tuple((at, amendments[at]) for at in sorted(amendments) if at <= sketch.last_day)
    cancelled = cancelled if cancelled <= sketch.last_day else FAR
    single_rebase = memo is None and cancelled == FAR and len(recorded) == 1
    return _Plan(
        memo=memo,
        amendments=recorded,
        cancelled=cancelled,
        renews=not any(not separate for _, separate in recorded) and sketch.chance(mix.renewal),
        ssp_now=single_rebase and sketch.chance(0.4),
        deposit=not recorded and sketch.chance(mix.advance),
    )


def _deposit(sketch: Sketch, plan: _Plan) -> int:
    """An advance of 10 to 40 % of the smallest share that can be the first invoice's largest one; or none."""
    if not plan.deposit or plan.renews:
        return 0
    term_months = max(1, round((sketch.end - sketch.start + 1) / 30.4))
    largest = max((each.price // term_months for each in sketch.promises), default=0)
    amount = largest * sketch.rng.randint(10, 40) // 100
    if amount and sketch.start + 5 <= sketch.last_day:
        pay_deposit(sketch, amount)
        return amount
    return 0


def _move_price(sketch: Sketch, at: Day) -> None:
    """A credit that moves the price, before any other modification of the arrangement."""
    reason = sketch.rng.choice(PRICE_REASONS)
    sent = [each for each in sketch.invoices if each.at <= at]
    if sent:
        posted = max(sent, key=lambda each: (each.at, each.number))
        earned_later = sum(each.price for each in sketch.timed()) // 4
        amount = min(posted.amount, earned_later) * sketch.rng.randint(1, 10) // 100
        credit(sketch, at, posted.po, amount, reason, against=posted)


def _credit_the_past(sketch: Sketch, plan: _Plan) -> None:
    """Credits for the past, without an effect on the price, or without a reason."""
    rng = sketch.rng
    if not sketch.invoices or not sketch.chance(sketch.mix.credit_memo * 2 / 3):
        return
    posted = rng.choice(sketch.invoices)
    at = posted.at + rng.randint(5, 60)
    reason = rng.choice((*PAST_REASONS, *NO_EFFECT_REASONS, None))
    promise = sketch.promise(posted.po)
    if reason in PAST_REASONS:
        served = min(at, plan.cancelled - 1) - promise.first
        if promise.product.measure != "time" or served < SERVED_DAYS or promise.version > 1:
            return
        amount = posted.amount * min(10, served * 10 // (promise.last - promise.first + 1)) // 100
    else:
        amount = posted.amount * rng.randint(2, 40) // 100
    if amount:
        before = len(sketch.story)
        credit(sketch, at, posted.po, amount, reason, against=posted, about=posted.about)
        if reason == "rebill" and len(sketch.story) > before:
            invoice(sketch, at + rng.randint(1, 9), [(posted.po, amount)], about=posted.about)
