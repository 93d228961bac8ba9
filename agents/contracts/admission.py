"""Validation before anything becomes a fact: each failed check is a named code with an owner.

Invariant: what passes here can be posted (entity, ERP account, products and ledger accounts are mapped on that day)
and is of a form whose rule is built; whatever is not is refused as EVENT_UNSUPPORTED, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from tieout.agents.accounting.ledger_targets import BILLING_CLASSES, GAIN
from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.progress import micro
from tieout.agents.accounting.service_time import CONVENTIONS
from tieout.agents.contracts.amount_lines import amount_of, amount_special
from tieout.agents.contracts.currencies import ISO_4217
from tieout.agents.contracts.cutover import check_cutover
from tieout.agents.contracts.decision import Refused, View
from tieout.agents.contracts.performers import admitted_performer
from tieout.agents.contracts.periods import BILLING_SUMMARY
from tieout.agents.contracts.policy import check_books, check_policy, governed
from tieout.agents.contracts.pricing import PricedOn, check_priced, check_schedule, priced, with_pricing
from tieout.agents.contracts.promises import special_of
from tieout.agents.contracts.switches import policy_from
from tieout.avro.days import iso
from tieout.avro.events import Day, Event, Line, Minor
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import MICRO_DIGITS, Item, Special

MEASURES = ("time", "point", "units", "cost", "percent", "drawdown", "amount")
_WORKED = ("cost", "percent", "drawdown")
"""Measures that need no span of service."""

AMOUNT_MAX = 2**62
"""Sums of a few such amounts still fit the event language's 64 bits."""

MICRO_MAX = 2**53
"""Nine thousand million units: what every reader of rows and outputs can hold exactly."""

YEAR_TWO = -718_797
"""Its first day: what is dated before is an empty date of its source."""

_LEDGER_CLASSES = ("revenue", "contract_liability", "contract_asset", "refund_liability")
_MIRROR_CLASSES = ("accounts_receivable", "tax_payable")
_SSP_PER = ("whole", "month", "day", "unit")


def check_amounts(**amounts: Minor | None) -> None:
    """VALUE_INVALID for an amount that is negative or too large to be safe; by field name."""
    for name, amount in amounts.items():
        if amount is not None and not 0 <= amount <= AMOUNT_MAX:
            raise Refused("VALUE_INVALID", f"{name} is {amount}; it must lie within 0 and {AMOUNT_MAX}")


def check_currency(currency: str) -> None:
    """VALUE_INVALID for what is no ISO 4217 currency."""
    if currency not in ISO_4217:
        raise Refused("VALUE_INVALID", f"{currency!r} is no ISO 4217 currency code")


def check_day(name: str, day: Day | None) -> None:
    """DATES_INVALID for a day of the year 1: it stands for none at its source, and has no year before it."""
    if day is not None and day < YEAR_TWO:
        raise Refused("DATES_INVALID", f"{name} is in the year 1 ({iso(day)}), which stands for no date")


def check_dates(**spans: tuple[Day | None, Day | None]) -> None:
    """DATES_INVALID for a span that ends before it begins, or begins in the year 1."""
    for name, (first, last) in spans.items():
        if first is None:
            continue
        check_day(name, first)
        if last is not None and last < first:
            raise Refused("DATES_INVALID", f"{name} ends ({iso(last)}) before it begins ({iso(first)})")


def admitted_contract(state: GroupState, event: Event, currency: str | None) -> Contract:
    """The contract that the event is about, when entity and currency are the contract's own."""
    envelope = event.envelope
    if currency is not None:
        check_currency(currency)
    contract = state.contract(envelope.contract_id)
    assert contract is not None, "the pipeline holds facts until their contract's activation was accepted"
    check_cutover(state, contract.id, envelope.effective_date)
    if currency is not None and currency != contract.currency:
        raise Refused("CURRENCY_MIXED", f"{currency} in a contract in {contract.currency}")
    if envelope.legal_entity != contract.entity:
        raise Refused(
            "ENTITY_UNRESOLVED", f"entity {envelope.legal_entity!r} in a contract of {contract.entity!r}"
        )
    return contract


def admitted_entity(view: View, entity: str, currency: str, day: Day) -> EntityPublished:
    """The entity that contracts on ``day``, with everything that its commands will need."""
    row = view.reference.entity(entity, day)
    if row is None:
        raise Refused(
            "ENTITY_UNRESOLVED", f"legal entity {entity!r} is not published for {iso(day)}", "reference"
        )
    row = governed(view, row, day)
    check_policy(row)
    check_books(view, row, day)
    check_schedule(row, policy_from(row.policy), view.reference.calendar(row.calendar))
    if currency not in row.currencies:
        raise Refused("ENTITY_UNRESOLVED", f"entity {entity!r} does not contract in {currency}", "reference")
    if view.reference.erp_account(row.erp_account) is None:
        raise Refused("ENTITY_UNRESOLVED", f"ERP account {row.erp_account!r} is not published", "reference")
    for account_class in _needed_classes(row, currency):
        if view.reference.account(entity, account_class, day) is None:
            raise Refused(
                "ACCOUNT_UNMAPPED", f"{account_class} of {entity!r} has no account on {iso(day)}", "reference"
            )
    return row


def _needed_classes(entity: EntityPublished, currency: str) -> Iterator[str]:
    """Ledger classes that commands of this entity may name, given its switches and the contract's currency."""
    yield from _LEDGER_CLASSES
    if currency != entity.functional_currency:
        yield GAIN
    policy = policy_from(entity.policy)
    if policy.ar_owner == "billing_mirrored":
        yield from _MIRROR_CLASSES
    if policy.ar_owner == BILLING_SUMMARY:
        yield from BILLING_CLASSES
    if policy.shows_contra:
        yield "contra_revenue"


def admitted_items(
    lines: Iterable[Line], entity: EntityPublished, book: PricedOn, day: Day, *, opens: bool = False
) -> tuple[Item, ...]:
    """The lines as promises with their pins, sorted by po. ``opens``: they open a contract, or a new term of it."""
    items = sorted((_item(line, entity, book, day, opens=opens) for line in lines), key=lambda item: item.po)
    for one, other in pairwise(items):
        if one.po == other.po:
            raise Refused("VALUE_INVALID", f"line {one.po!r} comes twice")
    meters = [item.meter for item in items if item.meter is not None]
    if len(set(meters)) < len(meters):
        raise Refused("VALUE_INVALID", f"one meter feeds two lines: {sorted(meters)}")
    return tuple(items)


def _item(line: Line, entity: EntityPublished, book: PricedOn, day: Day, *, opens: bool) -> Item:
    line = priced(line, book)
    _check_values(line)
    check_priced(line, opens=opens)
    _check_supported(line)
    check_dates(**{f"line {line.po!r}": (line.from_date, line.to_date)})
    if line.measure == "time" and (line.from_date is None or line.to_date is None):
        raise Refused("DATES_INVALID", f"line {line.po!r} is earned over time but has no span")
    mapped = book.view.reference.product(line.product, day)
    if mapped is None:
        raise Refused(
            "PRODUCT_UNMAPPED", f"product {line.product!r} of line {line.po!r} is not mapped", "reference"
        )
    policy = policy_from(entity.policy)
    performing = entity.header.id
    if line.entity is not None and line.entity != performing:
        performing = admitted_performer(line.entity, entity, book, day)
    # By position: a record of so many fields takes four times as long to make by name.
    return Item(
        line.po,
        line.product,
        performing,
        line.measure if amount_of(line) is None else "amount",
        line.quantity,
        line.quantity_scale,
        line.ssp_minor,
        line.ssp_per,
        line.from_date,
        line.to_date,
        line.convention or policy.convention,
        line.meter if amount_of(line) == "usage" else None,
        line.price_minor,
        line.recurring,
        line.tax_code or mapped.tax_code,
        mapped.item,
        with_pricing(_special(line, policy), line, policy),
    )


def _special(line: Line, policy: Policy) -> Special | None:
    return special_of(line, policy) if amount_of(line) is None else amount_special(line, policy)


def _check_values(line: Line) -> None:
    check_quantity(f"line {line.po!r}", line.quantity, line.quantity_scale)
    check_amounts(ssp=line.ssp_minor, price=line.price_minor, unit_price=line.unit_price_minor)
    check_amounts(ssp_low=line.ssp_low_minor, ssp_high=line.ssp_high_minor)
    if not line.po:
        raise Refused("VALUE_INVALID", "a line without an id")
    if line.measure == "amount" and not line.meter:
        raise Refused("VALUE_INVALID", f"usage line {line.po!r} has no meter")
    if line.ssp_per not in _SSP_PER:
        raise Refused("VALUE_INVALID", f"line {line.po!r} states its SSP per {line.ssp_per!r}")
    spanned = line.from_date is not None and line.to_date is not None
    without_span = line.measure in ("point", "units") or (line.measure in _WORKED and not spanned)
    if line.ssp_per in ("month", "day") and without_span:
        raise Refused("VALUE_INVALID", f"line {line.po!r} has no service span to price per {line.ssp_per}")


def check_quantity(what: str, quantity: int, scale: int) -> None:
    """VALUE_INVALID for a quantity that is not positive, finer than a millionth, or too large to count in them."""
    if quantity <= 0:
        raise Refused("VALUE_INVALID", f"{what} has quantity {quantity}; it must be positive")
    if not 0 <= scale <= MICRO_DIGITS:
        raise Refused(
            "VALUE_INVALID", f"{what} has quantity scale {scale}; it must lie within 0 and {MICRO_DIGITS}"
        )
    if micro(quantity, scale) > MICRO_MAX:
        raise Refused(
            "VALUE_INVALID",
            f"{what} has quantity {quantity} (scale {scale}); in millionths it exceeds {MICRO_MAX}",
        )


def _check_supported(line: Line) -> None:
    unsupported = (
        ("measure {0.measure}", line.measure not in MEASURES and amount_of(line) is None),
        ("convention {0.convention}", line.convention is not None and line.convention not in CONVENTIONS),
    )
    for what, found in unsupported:
        if found:
            named = what.format(line)
            raise Refused("EVENT_UNSUPPORTED", f"line {line.po!r}: {named} is not supported yet")
