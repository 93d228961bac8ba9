"""Contract versions that change an arrangement: amendment (treatment 2 or none) and cancellation.

Invariant: what the change re-bases is one arrangement as a whole (606-10-25-13(a)); a change that takes back more
than is left to earn is refused, before any of it is a fact.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tieout.agents.accounting.agreed import Folded
from tieout.agents.accounting.agreement import layers_of
from tieout.agents.accounting.decision_table import ASSUMED
from tieout.agents.accounting.enforceable import terminable_lines
from tieout.agents.accounting.layers import assumed_in
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import admitted_items, check_amounts, check_dates, check_quantity
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import rebased, with_component, with_contract
from tieout.agents.contracts.modification import (
    Promises,
    check_amendable,
    check_earned,
    check_overlap,
    governing,
    promises_of,
    reflects_ssp,
)
from tieout.agents.contracts.modification_dates import accounting_date
from tieout.agents.contracts.open_prices import approval_of, check_price, with_open_price
from tieout.agents.contracts.orders import cancel_order, update_order
from tieout.agents.contracts.policy import pinned, policy_of
from tieout.agents.contracts.pricing import PricedOn, book_pins
from tieout.agents.contracts.standing_versions import paused_as_contract, standing_arrangements
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.agents.contracts.versions import check_new, next_version, open_separately, pins_of
from tieout.avro.days import iso
from tieout.avro.events import ContractAmended, ContractCancelled, Day, LineChange, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Change, Component, Item, Particulars, Terms


def amend(state: GroupState, event: ContractAmended, draft: Draft) -> Accepted:
    """An amendment: an arrangement of its own, or one that it re-bases, catches up with, or both (section 6)."""
    contract = next_version(state, event)
    check_amendable(event)
    approved = approval_of(state, event)
    check_price(state, event)
    first = state.arrangements_of(contract.id)[0]
    entity = pinned(draft.view, first)
    _check_values(event)
    at = accounting_date(draft, first, approved, event.envelope.effective_date)
    book = PricedOn(draft.view, contract.currency, at)
    added = admitted_items(event.add, entity, book, event.envelope.effective_date)
    check_new(state, contract, added)
    touched = {change.po for change in event.change} | set(event.remove)
    promises = governing(state, contract, touched | {each.po for each in event.ssp}, at)
    terms = _terms(state, event, draft, contract, promises, added, at, approved)
    terms = replace(terms, pins=terms.pins + book_pins(event.add, book))
    terms = paused_as_contract(state, contract, terms)
    lasts = [item.last for item in added if item.last is not None]
    lasts += [change.value for change in terms.change if change.field == "last"]
    contract = replace(contract, last=max((contract.last, *lasts)))
    if terms.treatment == "separate":
        last = max(lasts, default=contract.last)
        accepted = open_separately(state, contract, terms, entity, last, draft)
        return _credited(accepted, event, promises.arrangement, terms)
    check_overlap(state, contract, at, touched)
    if at < promises.arrangement.opened:
        raise Refused(
            "DATES_INVALID", f"the change counts from {iso(at)}, before {promises.arrangement.id} opened"
        )
    state = with_contract(state, replace(contract, watermark=terms.version))
    if event.price_status == "open":
        state = with_open_price(state, terms, event.price_estimate_minor, draft.cause.pointer)
    state, folded = rebased_within(state, terms)
    update_order(state, promises.arrangement, terms, contract.last, draft)
    tell_booked(state, promises.arrangement, terms, None, draft)
    tell_modification(terms, folded, draft)
    return Accepted(state, (Touched(terms.arrangement, at),))


def cancel(state: GroupState, event: ContractCancelled, draft: Draft) -> Accepted:
    """The end of a contract (row 10, and the cancel row of 2.5)."""
    contract = next_version(state, event)
    if event.approved_date is None:
        raise Refused("MOD_PENDING", f"version {event.envelope.object_version} is not approved")
    if event.price_change_minor > 0:
        raise Refused("VALUE_INVALID", f"a cancellation raises the price by {event.price_change_minor}")
    check_amounts(price_change=-event.price_change_minor, fee=event.fee_minor)
    first = state.arrangements_of(contract.id)[0]
    effective = event.envelope.effective_date
    at = accounting_date(draft, first, event.approved_date, effective)
    access_end = event.access_end_date if event.access_end_date is not None else effective - 1
    pool = event.price_change_minor + event.fee_minor
    ended = [promises_of(state, each, contract.id) for each in standing_arrangements(state, contract.id)]
    ended = [each for each in ended if each.open_on(at)] or ended[-1:]
    if len(ended) > 1 and pool:
        names = [each.arrangement.id for each in ended]
        raise Refused("MOD_SPLIT_MISSING", f"one price change for the arrangements {names}")
    if at < max(each.arrangement.opened for each in ended):
        raise Refused(
            "DATES_INVALID", f"the cancellation counts from {iso(at)}, before what it ends has opened"
        )
    if not event.price_change_minor:
        _check_price_stated(state, ended, access_end)
    added = tuple(
        _cancellation(contract, event, each, at, access_end, pool, draft, event.approved_date)
        for each in ended
    )
    check_overlap(
        state, contract, at, {po for terms in added for po in (*terms.drop, *(c.po for c in terms.change))}
    )
    contract = replace(contract, watermark=event.envelope.object_version, status="cancelled")
    state = with_contract(state, contract)
    folds = []
    for terms in added:
        state, folded = rebased_within(state, terms)
        folds.append(folded)
    cancel_order(state, added[0], access_end, event.reason, draft)
    tell_booked(state, state.arrangement(added[0].arrangement), added[0], None, draft)
    for terms, folded in zip(added, folds, strict=True):
        tell_modification(terms, folded, draft)
    return Accepted(state, tuple(Touched(terms.arrangement, at) for terms in added))


def _check_price_stated(state: GroupState, ended: list[Promises], access_end: Day) -> None:
    """Months that never begin are not owed where the contract may be ended so: a cancellation states their price (25-3)."""
    for promises in ended:
        at_will = terminable_lines(state, promises.arrangement)
        later = [
            po
            for po, item in promises.items.items()
            if po in at_will and po not in promises.dropped and (item.last or access_end) > access_end
        ]
        if later:
            raise Refused(
                "AMOUNT_MISMATCH",
                f"lines {sorted(later)} may be ended without a penalty, but the cancellation states no price change for "
                "the months that do not begin",
            )


def _cancellation(
    contract: Contract,
    event: ContractCancelled,
    promises: Promises,
    at: Day,
    access_end: Day,
    pool: Minor,
    draft: Draft,
    approved: Day,
) -> Terms:
    """Time lines shrink to the end of access; everything else that is still open is no longer owed."""
    change: list[Change] = []
    drop: list[str] = []
    for po, item in sorted(promises.items.items()):
        if item.measure == "amount" or po in promises.dropped:
            continue
        if _served_until(item, at, access_end):
            assert item.last is not None
            if item.last > access_end:
                change.append(Change(po, "last", access_end))
        else:
            drop.append(po)
    return Terms(
        contract=contract.id,
        version=event.envelope.object_version,
        kind="cancel",
        arrangement=promises.arrangement.id,
        treatment="prospective",
        approved=approved,
        effective=event.envelope.effective_date,
        at=at,
        pool=pool,
        add=(),
        change=tuple(change),
        drop=tuple(drop),
        ssp_now=(),
        reasons=(),
        pins=(),
        cause=draft.cause.pointer,
        more=_ending(event),
    )


def _ending(event: ContractCancelled) -> Particulars | None:
    """The fee and the end of access, where a cancellation states them."""
    if event.access_end_date is None and not event.fee_minor:
        return None
    return Particulars(fee=event.fee_minor, access_end=event.access_end_date)


def _served_until(item: Item, at: Day, access_end: Day) -> bool:
    """Whether a promise goes on, shortened, after the contract was cancelled."""
    return item.measure == "time" and access_end >= at and item.first is not None and item.first <= access_end


def _check_values(event: ContractAmended) -> None:
    for change in event.change:
        if change.quantity is not None:
            check_quantity(f"line {change.po!r}", change.quantity, change.quantity_scale)
        check_dates(**{f"line {change.po!r}": (change.from_date, change.to_date)})
        if change.price_change_minor is not None:
            check_amounts(**{f"price change of {change.po!r}": abs(change.price_change_minor)})
    check_amounts(price_change=abs(event.price_change_minor), past_credit=event.past_credit_minor)
    for each in event.ssp:
        check_amounts(**{f"ssp of {each.po!r}": each.ssp_minor})


def _terms(
    state: GroupState,
    event: ContractAmended,
    draft: Draft,
    contract: Contract,
    promises: Promises,
    added: tuple[Item, ...],
    at: Day,
    approved: Day,
) -> Terms:
    """The version's effect."""
    version, more = event.envelope.object_version, _particulars(event)
    tolerance = policy_of(draft.view, promises.arrangement).ssp_tolerance_percent
    treatment = _treatment(state, event, promises, added, tolerance)
    separate = treatment == "separate"
    return Terms(
        contract=contract.id,
        version=version,
        kind="amend",
        arrangement=f"{contract.id}@{version}" if separate else promises.arrangement.id,
        treatment=treatment,
        approved=approved,
        effective=event.envelope.effective_date,
        at=at,
        pool=event.price_change_minor + (event.past_credit_minor if separate else 0),
        add=added,
        change=tuple(change for each in event.change for change in _changes(each, promises)),
        drop=tuple(sorted(event.remove)),
        ssp_now=tuple(sorted((each.po, each.ssp_minor) for each in event.ssp))
        if treatment == "prospective"
        else (),
        reasons=(),
        pins=pins_of(pinned(draft.view, promises.arrangement)),
        cause=draft.cause.pointer,
        more=None if more == Particulars() else more,
    )


def _treatment(
    state: GroupState,
    event: ContractAmended,
    promises: Promises,
    added: tuple[Item, ...],
    tolerance: int,
) -> str:
    """Prospective, unless another treatment follows from the content: rows 3 and 11 of the table."""
    priced = tuple(item for item in added if item.measure != "amount")
    price = event.price_change_minor + event.past_credit_minor
    plain = not event.change and not event.remove and event.price_status != "open"
    if plain and not added and not event.price_change_minor and not event.past_credit_minor:
        return "none"
    if plain and _apart(event, priced) and reflects_ssp(priced, price, tolerance):
        return "separate"
    stated = {each.po for each in event.ssp if each.ssp_minor}
    check_sharing(state, promises.arrangement, stated, priced, frozenset(event.remove))
    return "prospective"


def _particulars(event: ContractAmended) -> Particulars:
    """What the amendment states beyond price and lines."""
    stated = {
        each.po: each.price_change_minor for each in event.change if each.price_change_minor is not None
    }
    return Particulars(
        line_prices=tuple(sorted(stated.items())),
        past_credit=event.past_credit_minor,
        distinct=event.distinct,
        price_open=event.price_status == "open",
    )


def _apart(event: ContractAmended, priced: tuple[Item, ...]) -> bool:
    """Row 11: whether what is added is distinct from what was promised (606-10-25-12(a))."""
    stated = [item.special.distinct if item.special is not None else None for item in priced]
    return bool(priced) and event.distinct is not False and False not in stated


def past_credit_id(contract: str, version: int) -> str:
    """Component id of a version's credit for the past that stands beside goods of a contract of their own."""
    return f"past_credit\x1f{contract}\x1f{version}"


def _credited(accepted: Accepted, event: ContractAmended, arrangement: Arrangement, terms: Terms) -> Accepted:
    """A credit for the past beside goods that are a contract of their own comes off the contract that it is about."""
    if not event.past_credit_minor:
        return accepted
    credit = Component(
        id=past_credit_id(terms.contract, terms.version),
        version=1,
        arrangement=arrangement.id,
        at=max(terms.at, arrangement.opened),
        amount=-event.past_credit_minor,
        reach="performed",
        contra="",
        cause=terms.cause,
    )
    touched = (*accepted.touched, Touched(arrangement.id, credit.at))
    return Accepted(with_component(accepted.state, credit), touched)


def _changes(change: LineChange, promises: Promises) -> list[Change]:
    """The stated fields, a quantity in the promise's own scale."""
    item = promises.items[change.po]
    found: list[Change] = []
    if change.quantity is not None:
        quantity, rest = divmod(change.quantity * 10**item.qty_scale, 10**change.quantity_scale)
        if rest:
            raise Refused(
                "VALUE_INVALID", f"line {change.po!r} is counted in {item.qty_scale} decimals, not more"
            )
        found.append(Change(change.po, "qty", quantity))
    first = change.from_date if change.from_date is not None else item.first
    last = change.to_date if change.to_date is not None else item.last
    check_dates(**{f"line {change.po!r}": (first, last)})
    if change.from_date is not None:
        found.append(Change(change.po, "first", change.from_date))
    if change.to_date is not None:
        found.append(Change(change.po, "last", change.to_date))
    return found or [Change(change.po, "qty", item.qty)]


def check_sharing(
    state: GroupState,
    arrangement: Arrangement,
    stated: set[str],
    added: tuple[Item, ...],
    removed: frozenset[str] = frozenset(),
) -> None:
    """Everything that may have to share the remaining price can be weighed (row 16).

    ``stated``: lines whose SSP is. Of what is ``removed`` nothing remains to share in (606-10-25-13a).
    """
    stated = set(stated)
    for terms in state.facts.terms:
        if terms.arrangement == arrangement.id:
            stated.update(po for po, ssp in terms.ssp_now if ssp)
    held = promises_of(state, arrangement)
    gone = held.dropped | removed
    kept = [item for po, item in held.items.items() if po not in gone and item.measure != "amount"]
    sharing = [*kept, *added]
    missing = sorted(item.po for item in sharing if not item.ssp and item.po not in stated)
    if len(sharing) > 1 and missing:
        detail = f"lines {missing} state no stand-alone selling price for what remains"
        raise Refused("SSP_MISSING", detail, "fact")


def rebased_within(state: GroupState, terms: Terms) -> tuple[GroupState, Folded]:
    """The state with a version that re-bases its arrangement, unless it lacks an input (rows 15, 17, 18).

    A further fact may give it: it waits. Where an earlier version lacks one by then, that is told of that version.
    """
    if terms.more is not None and terms.more.price_open:
        check_earned(state, terms.arrangement, terms.at, terms.add)
    before = assumed_in(layers_of(state, state.arrangement(terms.arrangement)))
    state, folded = rebased(state, terms)
    check_folded(before, folded)
    return state, folded


def check_folded(before: Mapping[tuple[str, int], str], folded: Folded) -> None:
    """No version stands on an assumption now that did not ``before`` (rows 15, 17, 18), and no line earns below nothing."""
    for version, code in assumed_in(folded.layers).items():
        if before.get(version) != code:
            raise Refused(code, f"version {version[1]}: {ASSUMED[code]}", "fact")
    for share in folded.layers.steps[-1].shares if folded.layers.steps else ():
        # A line that was settled keeps its amount, all of it earned, beside what the settlement took off its base.
        earned = share.base + share.amount
        if earned < 0:
            raise Refused(
                "RECOGNISED_NEGATIVE", f"line {share.po!r} would have earned {earned} in all", "fact"
            )


RULES: Rules = {ContractAmended: amend, ContractCancelled: cancel}
