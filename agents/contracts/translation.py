"""A ledger's movements in functional currency, from those in the contract's and from what documents and claims moved.

Invariants: what can be translated is a function of the ledger in the contract's currency, of dated billing and of
published rates; each period balances, exchange gain being what is left; where a rate is missing nothing of its period,
nor of a later one, is written (ASC 830-10-45).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tieout.agents.accounting.functional_currency import (
    Billed,
    RateMissing,
    Span,
    Translation,
    arising,
    by_obligation,
)
from tieout.agents.accounting.ledger_targets import (
    ASSET_KEY,
    CONTRA,
    GAIN,
    LIABILITY,
    LIABILITY_KEY,
    PAYABLE,
    RECEIVABLE,
    REFUND_KEY,
    REVENUE,
)
from tieout.agents.accounting.performing_entities import AT_RECOGNITION, Performers, claimed
from tieout.agents.accounting.position import CREDIT_CLASSES
from tieout.agents.contracts.exchange import Exchange
from tieout.agents.contracts.ledgers import Kept
from tieout.avro.days import iso
from tieout.avro.events import Day, Minor
from tieout.tables.ledger import Key
from tieout.tables.reference import Period

Movements = Mapping[Key, Mapping[Period, Minor]]

FUNCTIONAL_MAX = 10**18
"""What one period moves of a class, in minor units of the functional currency: a movement and what corrects it fit an
Avro ``long``. A rate that takes it further is wrong, and waited for."""

_DUE: Mapping[str, int] = {LIABILITY: 1, RECEIVABLE: 1, PAYABLE: -1}
"""Class -> the sign with which it moves what is due to the ledger's entity."""


class Translated(NamedTuple):
    """``movements`` in functional currency with ``pins``, the rates of each period; ``before`` which period they end.

    ``missing``: the rate that the period ``before`` waits for; empty where every period has what it needs.
    """

    movements: dict[Key, dict[Period, Minor]]
    pins: dict[Period, tuple[str, ...]]
    before: Period
    missing: str


class _Dated(NamedTuple):
    """A document, cash or a claim, translated by itself: at the rate of a day; None: at that of what arises."""

    at: Day
    rated_on: Day | None
    amount: Minor
    key: Key


def translate(kept: Kept, exchange: Exchange, moved: Movements, periods: range) -> Translated:
    """All of a ledger whose movements in the contract's currency are these."""
    translation = Translation(exchange, kept.ledgers.policy)
    spans = [_span(kept, period, moved) for period in periods]
    waiting = sorted(_dated(kept, moved, periods, spans), key=lambda each: each.at)
    movements: dict[Key, dict[Period, Minor]] = defaultdict(dict)
    pins: dict[Period, tuple[str, ...]] = {}
    standing: dict[Key, Minor] = defaultdict(int)
    place = 0
    for period, span in zip(periods, spans, strict=True):
        end = place
        while end < len(waiting) and waiting[end].at <= span.through:
            end += 1
        dated, place = waiting[place:end], end
        try:
            billed = [
                Billed(each.at, each.rated_on, each.amount * _DUE[each.key[0]])
                for each in dated
                if each.key[0] in _DUE
            ]
            functional = translation.moved(span, billed)
            found, used = _documents(kept, exchange, span, dated)
        except RateMissing as missing:
            return Translated(movements, pins, period, str(missing))
        found[LIABILITY_KEY] = functional.contract_liability - found.get(LIABILITY_KEY, 0)
        found[ASSET_KEY], found[REFUND_KEY] = functional.contract_asset, functional.refund_liability
        earned = {
            key: _earned(key, by_period.get(period, 0)) for key, by_period in moved.items() if is_earned(key)
        }
        for key, amount in by_obligation(functional.revenue, earned, standing).items():
            found[key] = _earned(key, amount)
        for key, amount in earned.items():
            standing[key] += amount
        found[GAIN, ""] = sum(
            -amount if key[0] in CREDIT_CLASSES else amount for key, amount in found.items()
        )
        if any(abs(amount) > FUNCTIONAL_MAX for amount in found.values()):
            detail = f"the published rates take {iso(span.first)} to {iso(span.through)} over {FUNCTIONAL_MAX} in a class"
            return Translated(movements, pins, period, detail)
        pins[period] = tuple(sorted(used.union(functional.pins)))
        for key, amount in found.items():
            if amount:
                movements[key][period] = amount
    return Translated(movements, pins, periods.stop, "")


def is_earned(key: Key) -> bool:
    """Whether a key shows revenue, or what contra revenue takes of it."""
    return key[0] == REVENUE or key[0].startswith(CONTRA)


def _earned(key: Key, amount: Minor) -> Minor:
    """Revenue as it is, contra revenue against it; and back."""
    return amount if key[0] == REVENUE else -amount


def _span(kept: Kept, period: Period, moved: Movements) -> Span:
    calendar, horizon = kept.ground.books.calendar, kept.ground.books.horizon
    assert horizon is not None, kept.arrangement.id
    recognised = sum(
        _earned(key, by_period.get(period, 0)) for key, by_period in moved.items() if is_earned(key)
    )
    refund = moved.get(REFUND_KEY, {}).get(period, 0)
    last = calendar.last_day(period)
    return Span(calendar.first_day(period), last, min(last, horizon), recognised, refund)


def _documents(
    kept: Kept, exchange: Exchange, span: Span, dated: Sequence[_Dated]
) -> tuple[dict[Key, Minor], set[str]]:
    """Billing, cash and claims of a period by key, and their rates; a liability that others journal is their share."""
    found: dict[Key, Minor] = defaultdict(int)
    used: set[str] = set()
    for each in dated:
        rate = (
            exchange.spot(each.rated_on)
            if each.rated_on is not None
            else arising(span, exchange, kept.ledgers.policy)
        )
        used.add(rate.pin)
        found[each.key] += rate.of(each.amount)
    if kept.journals_billing:
        found.pop(LIABILITY_KEY, None)
    return found, used


def _dated(kept: Kept, moved: Movements, periods: range, spans: Sequence[Span]) -> Iterator[_Dated]:
    """What documents, cash and claims moved of a ledger, each with its own rate."""
    if kept.is_own:
        for each in kept.ledgers.bookings:
            if kept.journals_billing or each.account_class == LIABILITY:
                yield _Dated(each.at, each.rated_on, each.amount, (each.account_class, ""))
    performers = kept.ledgers.performers
    if performers is None:
        return
    mine = performers.others if kept.is_own else (kept.arrangement.entity,)
    for entity in mine:
        key = (PAYABLE, entity) if kept.is_own else (RECEIVABLE, performers.own)
        if performers.models[entity] == AT_RECOGNITION:
            by_period = moved.get(key, {})
            for period, span in zip(periods, spans, strict=True):
                if by_period.get(period):
                    yield _Dated(span.through, None, by_period[period], key)
            continue
        for at, rated_on, amount in _claims(kept, performers, entity, spans):
            yield _Dated(at, rated_on, amount, key)


def _claims(
    kept: Kept, performers: Performers, entity: str, spans: Sequence[Span]
) -> Iterator[tuple[Day, Day, Minor]]:
    """(day, day of its rate, amount) of what moved a claim at billing; a credit keeps the rate of what it credits."""
    rates: dict[Day, set[Day]] = defaultdict(set)
    for each in kept.ledgers.bookings:
        if each.account_class == LIABILITY:
            rates[each.at].add(each.rated_on)
    targets = kept.ledgers.targets
    days = {*rates, *targets.changed_on, *(span.through for span in spans)}
    before = 0
    for day in sorted(days):
        if spans and day > spans[-1].through:
            return
        claim = claimed(targets, day, performers)[entity]
        if claim != before:
            rated = rates.get(day, set())
            yield day, next(iter(rated)) if len(rated) == 1 else day, claim - before
            before = claim
