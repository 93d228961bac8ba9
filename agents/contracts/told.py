"""A version as its source would tell it, from the facts that were made of it: what a correction starts from.

Invariant: what is admitted of the event is the version again, but for what the correction states; prices and policies
that a line was promised under are stated, so that a later price book changes nothing (606-10-32-43).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.modification import particulars
from tieout.agents.accounting.pauses import ACCESS, BILLING
from tieout.avro.contract_lines import Bundle, SspNow, Terminable
from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractRenewed,
    ContractResumed,
    ContractSuspended,
    Day,
    Envelope,
    Line,
    LineChange,
    OwnerTransferred,
)
from tieout.tables.facts import Item, Pause, Special, Terms, Told

Versioned = (
    ContractActivated
    | ContractAmended
    | ContractRenewed
    | ContractCancelled
    | ContractSuspended
    | ContractResumed
    | OwnerTransferred
)
"""The events that make versions which can be corrected."""

_PLAIN = Special()


class Teller(NamedTuple):
    """Who tells: the envelope of the correction, the contract's currency, and what was told first."""

    envelope: Envelope
    currency: str
    told: Told


def told_again(teller: Teller) -> Versioned:
    """The version's event; of a kind that is in ``CORRECTABLE``."""
    first = teller.told.terms[0]
    envelope = replace(teller.envelope, object_version=first.version, effective_date=first.effective)
    return _TELLERS[first.kind](teller._replace(envelope=envelope), first)


def line_of(item: Item) -> Line:
    """A promise as a line states it."""
    special = item.special if item.special is not None else _PLAIN
    measure, low, high = item.measure, special.ssp_low, special.ssp_high
    if item.ssp is not None and not (low or 0) <= item.ssp <= (item.ssp if high is None else high):
        low = high = (
            None  # of a residual that was not plausible: its estimate took its place (606-10-32-34(c))
        )
    if measure == "amount" and special.amount_of in ("hours", "royalty"):
        measure = special.amount_of
    return Line(
        po=item.po,
        product=item.product,
        measure=measure,
        from_date=item.first,
        to_date=item.last,
        quantity=item.qty,
        quantity_scale=item.qty_scale,
        ssp_minor=item.ssp,
        ssp_per=item.ssp_per,
        price_minor=item.price,
        residual=special.residual,
        ssp_low_minor=low,
        ssp_high_minor=high,
        gate=special.gate,
        incoterm=special.incoterm,
        distinct=special.distinct,
        entity=item.entity,
        convention=item.convention,
        progress_digits=special.progress_digits,
        unit_price_minor=special.unit_price,
        unit_price_scale=special.unit_price_scale,
        meter=item.meter,
        aggregation=special.aggregation,
        usage_period=special.usage_period,
        breakage_ppm=special.breakage_ppm,
        uninstalled_cost_minor=special.uninstalled,
        role=special.role,
        recurring=item.recurring,
        tax_code=item.tax_code,
    )


def _lines(terms: Terms) -> tuple[Line, ...]:
    return tuple([line_of(item) for item in terms.add])


def _activated(teller: Teller, terms: Terms) -> ContractActivated:
    told, more = teller.told, particulars(terms)
    right = None
    if more.term_from is not None:
        right = Terminable("customer", more.notice_days, penalty=False)
    return ContractActivated(
        teller.envelope,
        told.customer,
        told.bill_to,
        teller.currency,
        terms.approved,
        told.first,
        told.last,
        terms.pool,
        _lines(terms),
        tuple([Bundle(pos, price) for pos, price in more.bundles]),
        None,  # combine_with
        right,
    )


def _amended(teller: Teller, terms: Terms) -> ContractAmended:
    more = particulars(terms)
    return ContractAmended(
        envelope=teller.envelope,
        base_version=terms.version - 1,
        currency=teller.currency,
        approved_date=terms.approved,
        price_change_minor=terms.pool,
        add=_lines(terms),
        change=_changes(terms),
        remove=terms.drop,
        ssp=tuple([SspNow(po, ssp) for po, ssp in terms.ssp_now]),
        past_credit_minor=more.past_credit,
        distinct=more.distinct,
        price_status="fixed",
        price_estimate_minor=None,
        enforceable=True,
        actions=(),
        reason=None,
    )


def _changes(terms: Terms) -> tuple[LineChange, ...]:
    """One change per line, its quantity in the line's own scale, which ``terms`` does not know: see ``in_scale``."""
    prices = dict(particulars(terms).line_prices)
    found: dict[str, LineChange] = {}
    for each in terms.change:
        known = found.get(each.po, LineChange(each.po, price_change_minor=prices.get(each.po)))
        found[each.po] = replace(known, **{_FIELDS[each.field]: each.value})
    return tuple(found.values())


_FIELDS = {"qty": "quantity", "first": "from_date", "last": "to_date"}


def in_scale(event: Versioned, scales: Mapping[str, int]) -> Versioned:
    """An amendment with the quantities that it changes in the scale of their lines."""
    if not isinstance(event, ContractAmended):
        return event
    changes = [
        each if each.quantity is None else replace(each, quantity_scale=scales.get(each.po, 0))
        for each in event.change
    ]
    return replace(event, change=tuple(changes))


def _renewed(teller: Teller, terms: Terms) -> ContractRenewed:
    more = particulars(terms)
    lasts = [item.last for item in terms.add if item.last is not None]
    end = more.term_end if more.term_end is not None else max(lasts, default=terms.at)
    return ContractRenewed(
        teller.envelope,
        terms.version - 1,
        teller.currency,
        terms.approved,
        end,
        terms.pool,
        _lines(terms),
        bool(more.exercised),
        more.exercised or None,
    )


def _cancelled(teller: Teller, terms: Terms) -> ContractCancelled:
    more = particulars(terms)
    price = sum([each.pool for each in teller.told.terms[:1]])
    return ContractCancelled(
        teller.envelope,
        terms.version - 1,
        teller.currency,
        terms.approved,
        more.access_end,
        price - more.fee,
        more.fee,
        None,  # reason
    )


def _transferred(teller: Teller, terms: Terms) -> OwnerTransferred:
    party = particulars(terms).party
    assert party is not None, terms
    return OwnerTransferred(
        envelope=teller.envelope,
        base_version=terms.version - 1,
        currency=teller.currency,
        approved_date=terms.approved,
        new_customer_id=party.customer,
        new_bill_to_id=party.bill_to,
        consideration_minor=terms.pool,
        receivables_assigned=False,
        novation=False,
    )


def _pause(told: Told) -> tuple[Pause, bool]:
    """The contract's own pause, and whether service rests in it."""
    own = [each for terms in told.terms for each in particulars(terms).pauses if each.po in (ACCESS, BILLING)]
    return own[0], own[0].po == ACCESS


def _extended(told: Told) -> Day | None:
    return max([each.value for terms in told.terms for each in terms.change], default=None)


def _suspended(teller: Teller, terms: Terms) -> ContractSuspended:
    pause, service = _pause(teller.told)
    return ContractSuspended(
        teller.envelope,
        terms.version - 1,
        terms.approved,
        pause.first,
        pause.last,
        _extended(teller.told),
        service,
        not service,
        None,  # reason
    )


def _resumed(teller: Teller, terms: Terms) -> ContractResumed:
    pause, _ = _pause(teller.told)
    assert pause.last is not None, terms
    extended = _extended(teller.told)
    return ContractResumed(teller.envelope, terms.version - 1, terms.approved, pause.last + 1, extended, None)


_TELLERS: Mapping[str, Callable[[Teller, Terms], Versioned]] = {
    "activate": _activated,
    "amend": _amended,
    "renew": _renewed,
    "cancel": _cancelled,
    "suspend": _suspended,
    "resume": _resumed,
    "transfer": _transferred,
}
CORRECTABLE = frozenset(_TELLERS)
"""Kinds of versions that can be told again."""
