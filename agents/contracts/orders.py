"""The ERP's customer and sales order, as commands of the master and document lanes.

Invariant: a group sends each customer once to an ERP account, before any document or journal that needs it. An order
is that of a commercial term, which an activation or a renewal starts, whatever arrangements accounting makes of its
amendments; it shows the promises of the term as they stand after the version that it names.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.change_orders import final_price
from tieout.agents.contracts.draft import Draft, Posting
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.modification import promises_of
from tieout.agents.contracts.periods import ground_of
from tieout.avro.commands import (
    CustomerUpsert,
    OrderLine,
    SalesOrderCancel,
    SalesOrderCreate,
    SalesOrderHold,
    SalesOrderRelease,
    SalesOrderUpdate,
)
from tieout.avro.events import ContractSuspended, Day, Minor
from tieout.tables.contract import Arrangement, GroupState, Upsert
from tieout.tables.facts import Item, Terms


def placed(arrangement: Arrangement, day: Day, draft: Draft, contract: str = "") -> Posting:
    """Where a document of ``day`` is posted: on that day, or on the first open one.

    ``contract`` is the one that it is about, where the arrangement is of several.
    """
    ground = ground_of(draft.view, arrangement)
    placed_at = ground.books.placed(day)
    return Posting(arrangement, ground.entity, placed_at.posted_on, placed_at.posting, contract)


def upsert_customer(
    state: GroupState, contract_id: str, arrangement: Arrangement, draft: Draft
) -> GroupState:
    """Send the contract's customer unless its ERP account has it; the contract remembers what to come after."""
    contract = state.contract(contract_id)
    assert contract is not None
    where = placed(arrangement, arrangement.opened, draft, contract_id)
    wanted = (where.entity.erp_account, contract.customer, contract.bill_to)
    for each in state.group.upserts:
        if (each.erp_account, each.customer, each.bill_to) == wanted:
            return with_contract(state, replace(contract, upsert=each.command_id))
    said = draft.say(
        lambda header: CustomerUpsert(header, contract.customer, contract.bill_to),
        CustomerUpsert.KIND,
        "master",
        where,
    )
    sent = Upsert(*wanted, said.header.command_id)
    state = with_contract(state, replace(contract, upsert=sent.command_id))
    upserts = tuple(
        sorted(
            (*state.group.upserts, sent),
            key=lambda each: (each.erp_account, each.customer, each.bill_to or ""),
        )
    )
    return replace(state, group=replace(state.group, upserts=upserts))


def create_order(
    state: GroupState, arrangement: Arrangement, terms: Terms, first: Day, last: Day, draft: Draft
) -> None:
    """The order of a new arrangement; the first document of its contract comes after the customer."""
    contract = state.contract(terms.contract)
    assert contract is not None
    lines = tuple(_line(item) for item in terms.add)
    draft.say(
        lambda header: SalesOrderCreate(
            header, contract.customer, terms.version, first, last, terms.pool, lines
        ),
        SalesOrderCreate.KIND,
        "document",
        placed(arrangement, terms.at, draft, contract.id),
        (contract.upsert,) if terms.version == 1 else (),
    )


def update_order(state: GroupState, arrangement: Arrangement, terms: Terms, last: Day, draft: Draft) -> None:
    """The term's order after an amendment."""
    contract = state.contract(terms.contract)
    assert contract is not None
    term = _term_of(state, arrangement, contract.id)
    promised = [
        (item, promises)
        for promises in (promises_of(state, each, contract.id) for each in term)
        for item in promises.items.values()
    ]
    kept = sorted(
        (item for item, promises in promised if item.po not in promises.dropped), key=lambda item: item.po
    )
    lines = tuple(_line(item) for item in kept)
    total = sum(stated_price(state, each, contract.id) for each in term)
    opened = term[0].opened if term[0].contract == contract.id else _begun(state, term[0], contract.id)
    draft.say(
        lambda header: SalesOrderUpdate(header, contract.customer, terms.version, opened, last, total, lines),
        SalesOrderUpdate.KIND,
        "document",
        placed(arrangement, terms.at, draft, contract.id),
    )


def _begun(state: GroupState, arrangement: Arrangement, contract: str) -> Day:
    """The first day of a contract in the arrangement of another one."""
    own = (each for each in state.facts.terms if each.arrangement == arrangement.id)
    return min(each.at for each in own if each.contract == contract)


def _term_of(state: GroupState, arrangement: Arrangement, contract: str) -> list[Arrangement]:
    """The arrangements of the contract's commercial term that this one belongs to, the one that started it first."""
    term: list[Arrangement] = []
    for each in sorted(state.arrangements_of(contract), key=_opening_version):
        starts = any(
            terms.arrangement == each.id and terms.kind in ("activate", "renew")
            for terms in state.facts.terms
        )
        if starts and arrangement in term:
            break
        term = [each] if starts else [*term, each]
    assert arrangement in term, arrangement.id
    return term


def _opening_version(arrangement: Arrangement) -> int:
    return int(arrangement.id.rpartition("@")[2])


def cancel_order(state: GroupState, terms: Terms, access_end: Day, reason: str | None, draft: Draft) -> None:
    """The end of the order."""
    where = placed(state.arrangement(terms.arrangement), terms.at, draft, terms.contract)
    draft.say(
        lambda header: SalesOrderCancel(header, terms.version, access_end, reason),
        SalesOrderCancel.KIND,
        "document",
        where,
    )


def hold_order(state: GroupState, terms: Terms, event: ContractSuspended, draft: Draft) -> None:
    """The order rests: what the version holds of it, service or billing."""
    where = placed(state.arrangement(terms.arrangement), terms.at, draft, terms.contract)
    draft.say(
        lambda header: SalesOrderHold(
            header, terms.version, event.paused_from, event.paused_to, event.billing_paused, event.reason
        ),
        SalesOrderHold.KIND,
        "document",
        where,
    )


def release_order(state: GroupState, terms: Terms, resumed_on: Day, last: Day, draft: Draft) -> None:
    """The order goes on, up to its end."""
    where = placed(state.arrangement(terms.arrangement), terms.at, draft, terms.contract)
    draft.say(
        lambda header: SalesOrderRelease(header, terms.version, resumed_on, last),
        SalesOrderRelease.KIND,
        "document",
        where,
    )


def stated_price(state: GroupState, arrangement: Arrangement, contract: str = "") -> Minor:
    """Fixed price of an arrangement as agreed, credits and estimates left out: of one contract, or (empty) of all in it."""
    return sum(
        terms.pool + (final_price(state, terms) if terms.more is not None and terms.more.price_open else 0)
        for terms in state.facts.terms
        if terms.arrangement == arrangement.id
        and terms.kind != "price_only"
        and contract in ("", terms.contract)
    )


def _line(item: Item) -> OrderLine:
    return OrderLine(
        po=item.po,
        product=item.product,
        item=item.item,
        quantity=item.qty,
        quantity_scale=item.qty_scale,
        price_minor=item.price,
        from_date=item.first,
        to_date=item.last,
        tax_code=item.tax_code,
    )
