"""Which treatment a modification gets (606-10-25-10..13): the first row of the table that matches decides.

Row numbers are those of the domain model, section 6. Invariant: a treatment follows from the version's own content,
pinned references and the promises as they stand; a missing input is a named refusal, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from tieout.agents.accounting.service_time import MONTH, span_weight
from tieout.agents.accounting.standing import changed
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.standing_versions import standing_arrangements
from tieout.avro.days import iso
from tieout.avro.events import ContractAmended, ContractRenewed, Day, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Item

SUPPORTED_ACTIONS = frozenset(
    {
        "add_product",
        "remove_product",
        "update_product",
        "change_quantity",
        "change_price",
        "change_term",
        "extend",
        "terms_and_conditions",
        "renew",
    }
)
"""What an amendment may say that it does; anything else is outside the rules that are built (row 4)."""


class Promises(NamedTuple):
    """The promises of one arrangement as they stand after its accepted versions."""

    arrangement: Arrangement
    items: dict[str, Item]
    dropped: frozenset[str]

    def open_on(self, day: Day) -> bool:
        """Whether, by its dates alone, something is left to perform from ``day`` on."""
        return any(
            item.last is None or item.last >= day or item.measure != "time"
            for po, item in self.items.items()
            if po not in self.dropped and item.measure != "amount"
        )


def promises_of(state: GroupState, arrangement: Arrangement, contract: str = "") -> Promises:
    """Items with all accepted changes applied, in order of acceptance; of one contract, or (empty) of all in it."""
    items: dict[str, Item] = {}
    dropped: set[str] = set()
    own = (
        each
        for each in state.facts.terms
        if each.arrangement == arrangement.id and contract in ("", each.contract)
    )
    for terms in sorted(own, key=lambda each: each.version):
        for item in terms.add:
            items[item.po] = item
        for change in terms.change:
            items[change.po] = changed(items[change.po], change)
        dropped.update(terms.drop)
    return Promises(arrangement, items, frozenset(dropped))


def check_earned(state: GroupState, arrangement: str, at: Day, added: Iterable[Item] = ()) -> None:
    """METHOD_MISSING for a price to be shared where, on a day, no line shares one: usage is earned at its own price.

    A version that is corrected, a contract that is combined, may bring one: it is judged again with each further fact.
    """
    own = (each for each in state.facts.terms if each.arrangement == arrangement and each.at <= at)
    if not any(item.measure != "amount" for item in (*added, *(item for each in own for item in each.add))):
        detail = f"the price is for {arrangement}, no line of which earns a fixed price on {iso(at)}"
        raise Refused("METHOD_MISSING", detail, "fact")


def check_amendable(event: ContractAmended) -> None:
    """Rows 4 and 6: what stops a modification whatever it changes."""
    unknown = sorted(set(event.actions) - SUPPORTED_ACTIONS)
    if unknown:
        raise Refused("MOD_UNSUPPORTED", f"actions {unknown} are outside the supported set")
    if not event.enforceable:
        raise Refused("MOD_PENDING", f"version {event.envelope.object_version} is not enforceable")


def check_overlap(state: GroupState, contract: Contract, at: Day, touched: set[str]) -> None:
    """Row 7: a version dated before an accepted one must not touch the same lines."""
    for terms in state.facts.terms:
        if terms.contract == contract.id and terms.at > at and terms.treatment == "prospective":
            both = touched & ({change.po for change in terms.change} | set(terms.drop))
            if both:
                raise Refused(
                    "MOD_OVERLAP",
                    f"lines {sorted(both)} were changed by version {terms.version}, dated {iso(terms.at)}, later than "
                    f"{iso(at)}",
                )


def governing(state: GroupState, contract: Contract, touched: Iterable[str], at: Day) -> Promises:
    """The arrangement that an amendment re-bases: the one that holds the lines it touches, else the oldest open one."""
    all_promises = [
        promises_of(state, each, contract.id) for each in standing_arrangements(state, contract.id)
    ]
    holding: dict[str, Promises] = {}
    for po in sorted(set(touched)):
        found = next((each for each in all_promises if po in each.items), None)
        if found is None:
            raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not in contract {contract.id!r}")
        if po in found.dropped:
            raise Refused("MOD_UNSUPPORTED", f"line {po!r} was removed before")
        holding[found.arrangement.id] = found
    if len(holding) > 1:
        raise Refused(
            "MOD_SPLIT_MISSING", f"the change touches arrangements {sorted(holding)} with one price change"
        )
    if holding:
        return next(iter(holding.values()))
    return next((each for each in all_promises if each.open_on(at)), all_promises[-1])


def reflects_ssp(items: tuple[Item, ...], price: Minor, tolerance_percent: int) -> bool:
    """Row 11 (606-10-25-12): each added line has its price, within the tolerance of its SSP, line by line."""
    if any(item.ssp is None for item in items):
        raise Refused("SSP_MISSING", "an added line states no SSP: whether it is a separate contract is open")
    prices = [item.price for item in items] if len(items) > 1 else [price]
    if any(each is None for each in prices) or sum(each or 0 for each in prices) != price:
        return False
    return all(
        within_tolerance(stated or 0, extended_ssp(item), tolerance_percent)
        for item, stated in zip(items, prices, strict=True)
    )


def renews_at_ssp(event: ContractRenewed, items: tuple[Item, ...], tolerance_percent: int) -> bool:
    """Rows 11 and 12: a new term at SSP, without a material right, that leaves the current one as it is."""
    allocated_items = tuple(item for item in items if item.measure != "amount")
    if all(item.price is not None for item in allocated_items):
        return reflects_ssp(allocated_items, event.price_minor, tolerance_percent)
    if any(item.ssp is None for item in allocated_items):
        raise Refused(
            "SSP_MISSING", "a renewed line states no SSP: whether the term is a separate contract is open"
        )
    total = sum((extended_ssp(item) for item in allocated_items), Fraction(0))
    return within_tolerance(event.price_minor, total, tolerance_percent)


def within_tolerance(price: Minor, value: Fraction, percent: int) -> bool:
    """Whether a price reflects an SSP: within the tolerance, or the SSP itself rounded to a minor unit."""
    return abs(price - value) <= max(abs(value) * Fraction(percent, 100), Fraction(1, 2))


def extended_ssp(item: Item) -> Fraction:
    """SSP x quantity x term of a promise, exactly."""
    assert item.ssp is not None, item
    quantity = Fraction(item.qty, 10**item.qty_scale)
    match item.ssp_per:
        case "month":
            assert item.first is not None
            assert item.last is not None
            return (
                item.ssp * quantity * Fraction(span_weight("months_prorated", item.first, item.last), MONTH)
            )
        case "day":
            assert item.first is not None
            assert item.last is not None
            return item.ssp * quantity * span_weight("days", item.first, item.last)
        case "unit":
            return item.ssp * quantity
        case _:
            return Fraction(item.ssp)
