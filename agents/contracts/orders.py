"""The ERP's customer and sales order, as commands of the master and document lanes.

Invariant: a group sends each customer once to an ERP account, before any document or journal that needs it. An order
is that of a commercial term, which an activation or a renewal starts, whatever arrangements accounting makes of its
amendments; it shows the promises of the term as they stand after the version that it names.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.change_orders import final_price
from tieout.agents.accounting.modification import opens, particulars
from tieout.agents.accounting.pauses import ACCESS, BILLING, pauses_by_promise
from tieout.agents.contracts.draft import Draft, Posting
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.modification import promises_of
from tieout.agents.contracts.periods import ground_of
from tieout.agents.contracts.standing_versions import parties_of
from tieout.avro.commands import (
    CustomerUpsert,
    OrderLine,
    SalesOrderCancel,
    SalesOrderCreate,
    SalesOrderHold,
    SalesOrderRelease,
    SalesOrderUpdate,
)
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState, Upsert
from tieout.tables.facts import Item, Pause, Terms


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
    party = parties_of(state, contract)[-1]
    wanted = (where.entity.erp_account, party.customer, party.bill_to)
    for each in state.group.upserts:
        if (each.erp_account, each.customer, each.bill_to) == wanted:
            tied = contract.journal_tied and contract.upsert == each.command_id
            return with_contract(state, replace(contract, upsert=each.command_id, journal_tied=tied))
    said = draft.say(
        lambda header: CustomerUpsert(header, party.customer, party.bill_to),
        CustomerUpsert.KIND,
        "master",
        where,
    )
    sent = Upsert(*wanted, said.header.command_id)
    state = with_contract(state, replace(contract, upsert=sent.command_id, journal_tied=False))
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
    customer = parties_of(state, contract)[-1].customer
    draft.say(
        lambda header: SalesOrderCreate(header, customer, terms.version, first, last, terms.pool, lines),
        SalesOrderCreate.KIND,
        "document",
        placed(arrangement, max(terms.at, arrangement.opened), draft, contract.id),
        (contract.upsert,) if terms.version == 1 else (),
    )


def update_order(
    state: GroupState,
    arrangement: Arrangement,
    terms: Terms,
    last: Day,
    draft: Draft,
    after: tuple[str, ...] = (),
) -> None:
    """The term's order after an amendment; ``after``: commands that it comes after."""
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
    customer = parties_of(state, contract)[-1].customer
    draft.say(
        lambda header: SalesOrderUpdate(header, customer, terms.version, opened, last, total, lines),
        SalesOrderUpdate.KIND,
        "document",
        placed(arrangement, terms.at, draft, contract.id),
        after,
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
            terms.arrangement == each.id and terms.kind in ("activate", "opening", "renew")
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
    """The end of the order, unless it was taken back already."""
    contract = state.contract(terms.contract)
    if contract is not None and contract.course.taken_back:
        return
    where = placed(state.arrangement(terms.arrangement), terms.at, draft, terms.contract)
    draft.say(
        lambda header: SalesOrderCancel(header, terms.version, access_end, reason),
        SalesOrderCancel.KIND,
        "document",
        where,
    )


def hold_order(
    state: GroupState,
    terms: Terms,
    pause: tuple[Day, Day | None],
    draft: Draft,
    *,
    billing: bool,
    reason: str | None,
) -> None:
    """The order rests on these days: service, and billing where it is held."""
    where = placed(state.arrangement(terms.arrangement), terms.at, draft, terms.contract)
    draft.say(
        lambda header: SalesOrderHold(header, terms.version, *pause, billing, reason),
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


def order_corrected(
    state: GroupState, contract: Contract, old: tuple[Terms, ...], new: tuple[Terms, ...], draft: Draft
) -> None:
    """What the order has to be told when a version is corrected: what it said, as it is now, and the lines that stand."""
    was, now = old[0], new[0]
    arrangement = state.arrangement(now.arrangement)
    told = replace(now, version=contract.watermark)
    if now.kind == "cancel":
        ends = [each.value for terms in new for each in terms.change]
        access_end = particulars(now).access_end or max(ends, default=now.effective - 1)
        return cancel_order(state, now, access_end, None, draft)
    if was.kind == "renew" and opens(was) and not opens(now):
        return cancel_order(state, was, was.at - 1, None, draft)
    _pauses_corrected(
        state, told, [pause for terms in (*old, *new) for pause in particulars(terms).pauses], draft
    )
    after = (contract.upsert,) if was.kind in ("activate", "transfer") else ()
    update_order(state, arrangement, told, contract.last, draft, after)
    return None


def _pauses_corrected(state: GroupState, told: Terms, named: list[Pause], draft: Draft) -> None:
    """The contract's own pauses that a corrected version names, as they stand now; one that never was is released."""
    known = pauses_by_promise(each for each in state.facts.terms if each.contract == told.contract)
    for scope, first in sorted({(each.po, each.first) for each in named if each.po in (ACCESS, BILLING)}):
        standing = [each for each in known.get(scope, ()) if each[0] == first]
        if standing:
            hold_order(state, told, standing[0], draft, billing=scope == BILLING, reason=None)
        else:
            contract = state.contract(told.contract)
            assert contract is not None, told
            release_order(state, told, first, contract.last, draft)


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
