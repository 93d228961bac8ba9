"""A contract as it stands at a version, told whole: what differs from what was told before is a modification.

Invariants: a snapshot of what is known changes nothing and says so; one of a later version stands for all versions up to
it, so that a gap is closed; what it cannot say as a change of lines, quantities, days and price is refused by name.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.change_orders import final_price
from tieout.agents.accounting.progress import micro
from tieout.agents.accounting.standing import changed
from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.admission import admitted_contract, admitted_items, check_amounts, check_dates
from tieout.agents.contracts.amendments import amend
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.periods import entity_of
from tieout.agents.contracts.pricing import PricedOn
from tieout.agents.contracts.standing_versions import parties_of, versions_of
from tieout.avro.contract_lines import LineChange
from tieout.avro.events import ContractAmended, ContractSnapshot, Line, Minor
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Item, Special

_PLAIN = Special()


class _Known(NamedTuple):
    """A contract as told up to a version: its promises that are still owed, the ids of others, and its price."""

    items: dict[str, Item]
    dropped: frozenset[str]
    price: Minor
    line_prices: dict[str, Minor]


class _Difference(NamedTuple):
    """What a snapshot says otherwise."""

    add: tuple[Line, ...]
    change: tuple[LineChange, ...]
    remove: tuple[str, ...]
    price_change: Minor

    def named(self) -> str:
        """What differs, in words."""
        pos = [*(each.po for each in self.add), *(each.po for each in self.change), *self.remove]
        named = [f"line {po!r}" for po in pos]
        return ", ".join([*named, f"price by {self.price_change}"] if self.price_change else named)


def snapshot(state: GroupState, event: ContractSnapshot, draft: Draft) -> Accepted:
    """Nothing where the version is known as it is; else the version that the difference makes, and no gap before it."""
    contract = admitted_contract(state, event, event.currency)
    check_amounts(price=event.price_minor)
    check_dates(term=(event.start_date, event.end_date))
    if event.version < 1:
        raise Refused("VALUE_INVALID", f"a snapshot of version {event.version}")
    if event.customer_id != parties_of(state, contract)[-1].customer:
        raise Refused("MOD_UNSUPPORTED", "the contract is another customer's: tell its transfer first")
    known = _known(state, contract, event.version)
    difference = _difference(state, contract, event, known, draft)
    if event.version <= contract.watermark:
        if any(difference):
            raise Refused(
                "VERSION_BASE_MISMATCH",
                f"version {event.version} is known otherwise ({difference.named()}), the last one is "
                f"{contract.watermark}: correct it, or tell the difference as the next version",
            )
        return Accepted(state, effect=False)
    # The versions in between were never told: what they changed is in the difference.
    state = with_contract(state, replace(contract, watermark=event.version - 1))
    accepted = amend(state, _amendment(event, known, difference), draft)
    draft.decisions[:] = [replace(each, event_type=event.EVENT_TYPE) for each in draft.decisions]
    return accepted


def _known(state: GroupState, contract: Contract, version: int) -> _Known:
    items: dict[str, Item] = {}
    dropped: set[str] = set()
    line_prices: dict[str, Minor] = {}
    price = 0
    for terms in versions_of(state, contract.id):
        if terms.version > version:
            continue
        price += terms.pool
        if terms.more is not None and terms.more.price_open:
            price += final_price(state, terms)
        items.update({item.po: item for item in terms.add})
        for change in terms.change:
            items[change.po] = changed(items[change.po], change)
        dropped.update(terms.drop)
        for po, moved in terms.more.line_prices if terms.more is not None else ():
            line_prices[po] = line_prices.get(po, 0) + moved
    owed = {po: item for po, item in items.items() if po not in dropped}
    return _Known(owed, frozenset(dropped), price, line_prices)


def _difference(
    state: GroupState, contract: Contract, event: ContractSnapshot, known: _Known, draft: Draft
) -> _Difference:
    entity = entity_of(draft.view, state.arrangements_of(contract.id)[0])
    day = event.envelope.effective_date
    told = [line for line in event.lines if line.po in known.items]
    book = PricedOn(draft.view, contract.currency, day)
    items = {item.po: item for item in admitted_items(event.lines, entity, book, day, opens=True)}
    gone = sorted({line.po for line in event.lines} & known.dropped)
    if gone:
        raise Refused(
            "MOD_UNSUPPORTED", f"lines {gone} were removed before: what is promised anew has another id"
        )
    change = [_changed(line, items[line.po], known) for line in told]
    return _Difference(
        tuple([line for line in event.lines if line.po not in known.items]),
        tuple([each for each in change if each is not None]),
        tuple(sorted(known.items.keys() - items.keys())),
        event.price_minor - known.price,
    )


def _changed(line: Line, item: Item, known: _Known) -> LineChange | None:
    """What a line says otherwise than before; None where it is as it was."""
    before = known.items[line.po]
    if _nature(item) != _nature(before) or line.convention not in (None, before.convention):
        raise Refused("MOD_UNSUPPORTED", f"line {line.po!r} is promised in another way than before")
    was = None if before.price is None else before.price + known.line_prices.get(line.po, 0)
    moved = None if was is None or line.price_minor is None else line.price_minor - was
    same_quantity = micro(item.qty, item.qty_scale) == micro(before.qty, before.qty_scale)
    first = None if item.first == before.first else item.first
    last = None if item.last == before.last else item.last
    if (item.first is None) != (before.first is None) or (item.last is None) != (before.last is None):
        raise Refused(
            "MOD_UNSUPPORTED", f"line {line.po!r} has a span now where it had none, or none any more"
        )
    if same_quantity and first is None and last is None and not moved:
        return None
    quantity = None if same_quantity else line.quantity
    return LineChange(line.po, quantity, line.quantity_scale, first, last, moved)


def _nature(item: Item) -> tuple[object, ...]:
    """What a promise is, beside how much of it and when: no version changes that."""
    about = item.special if item.special is not None else _PLAIN
    return (
        item.product,
        item.measure,
        item.meter,
        about.gate,
        about.incoterm,
        about.distinct,
        about.amount_of,
        about.unit_price,
        about.unit_price_scale,
        about.aggregation,
        about.usage_period,
        about.breakage_ppm,
        about.uninstalled,
        about.role,
    )


def _amendment(event: ContractSnapshot, known: _Known, difference: _Difference) -> ContractAmended:
    """The difference as the version that it makes; selling prices that are stated beside hold for what is changed."""
    changes = any(difference)
    return ContractAmended(
        envelope=replace(event.envelope, object_version=event.version),
        base_version=event.version - 1,
        currency=event.currency,
        approved_date=event.approved_date,
        price_change_minor=difference.price_change,
        add=difference.add,
        change=difference.change,
        remove=difference.remove,
        ssp=tuple([each for each in event.ssp if changes and each.po in known.items]),
        past_credit_minor=0,
        distinct=None,
        price_status="fixed",
        price_estimate_minor=None,
        enforceable=True,
        actions=(),
        reason=None,
    )


RULES: Rules = {ContractSnapshot: snapshot}
