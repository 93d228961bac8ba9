"""A new term: a contract of its own where it is priced as one, else more of the arrangement that is there (rows 11, 12).

Invariants: a renewal counts from the first day of its term; at its stand-alone selling price it leaves everything else as
it is (606-10-25-12). At another price it shares what is left of the price (25-13(a)); an option that it takes up gives it
what was deferred for that, and leaves the rest alone (55-42..44).
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.material_right import REASONS
from tieout.agents.accounting.modification import canonical
from tieout.agents.accounting.progress import micro
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import admitted_entity, admitted_items, check_amounts, check_dates
from tieout.agents.contracts.amendments import check_sharing, rebased_within
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import with_contract
from tieout.agents.contracts.modification import (
    Promises,
    check_overlap,
    governing,
    renews_at_ssp,
)
from tieout.agents.contracts.orders import update_order
from tieout.agents.contracts.policy import pinned
from tieout.agents.contracts.pricing import PricedOn, book_pins, with_plausible_residuals
from tieout.agents.contracts.standing_versions import paused_as_contract
from tieout.agents.contracts.switches import policy_from
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.agents.contracts.versions import (
    check_new,
    check_price,
    next_version,
    open_separately,
    pins_of,
    term_end,
)
from tieout.avro.days import iso
from tieout.avro.events import ContractRenewed, Day
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Change, Item, Particulars, Terms

_OPTIONS = ("time", "point")
"""Measures of lines that are taken for options where a renewal holds a material right and names none."""


class _Options(NamedTuple):
    """What a renewal takes up of options: wholly, or by quantity."""

    exercised: tuple[str, ...]
    drop: tuple[str, ...]
    change: tuple[Change, ...]


_NO_OPTIONS = _Options((), (), ())


def renew(state: GroupState, event: ContractRenewed, draft: Draft) -> Accepted:
    """A new term: an arrangement of its own at SSP, else a change of the one that it goes on from."""
    contract = next_version(state, event)
    if event.approved_date is None:
        raise Refused("MOD_PENDING", f"version {event.envelope.object_version} is not approved")
    at = event.envelope.effective_date
    check_amounts(price=event.price_minor)
    check_dates(term=(at, event.end_date))
    entity = admitted_entity(draft.view, contract.entity, contract.currency, at)
    book = PricedOn(draft.view, contract.currency, at)
    separate = not (event.material_right or event.exercises)
    items = admitted_items(event.lines, entity, book, at, opens=separate)
    check_price(items, (), event.price_minor)
    items = with_plausible_residuals(items, (), event.price_minor, book)
    check_new(state, contract, items)
    end = term_end(items, event.end_date)
    terms = Terms(
        contract=contract.id,
        version=event.envelope.object_version,
        kind="renew",
        arrangement=f"{contract.id}@{event.envelope.object_version}",
        treatment="separate",
        approved=event.approved_date,
        effective=at,
        at=at,
        pool=event.price_minor,
        add=items,
        change=(),
        drop=(),
        ssp_now=(),
        reasons=("renewed at its stand-alone selling price", "606-10-25-12"),
        pins=pins_of(entity) + book_pins(event.lines, book),
        cause=draft.cause.pointer,
        more=None if end is None else Particulars(term_end=end),
    )
    terms = paused_as_contract(state, contract, terms)
    contract = replace(contract, last=max(contract.last, event.end_date))
    if separate and renews_at_ssp(event, items, policy_from(entity.policy).ssp_tolerance_percent):
        return open_separately(state, contract, terms, entity, event.end_date, draft)
    return _within(state, event, contract, terms, draft)


def _within(
    state: GroupState, event: ContractRenewed, contract: Contract, terms: Terms, draft: Draft
) -> Accepted:
    """The term goes on in the arrangement that holds the options that it takes up, or what is still open."""
    if any(item.special is not None and item.special.residual for item in terms.add):
        raise Refused("EVENT_UNSUPPORTED", "a residual of a modification: state the line's SSP")
    named = tuple(event.exercises or ())
    if len(set(named)) < len(named):
        raise Refused("VALUE_INVALID", f"an option is exercised twice: {sorted(named)}")
    promises = governing(state, contract, named, terms.at)
    if event.material_right and not named:
        named = _options_of(promises, terms.at)
    options = _taken(promises, named, terms.add) if named else _NO_OPTIONS
    _check_promised(state, terms, named)
    check_overlap(state, contract, terms.at, set(named))
    if terms.at < promises.arrangement.opened:
        raise Refused(
            "DATES_INVALID", f"the term begins on {iso(terms.at)}, before {promises.arrangement.id} opened"
        )
    if not named:
        priced = tuple([item for item in terms.add if item.measure != "amount"])
        check_sharing(state, promises.arrangement, set(), priced)
    terms = replace(
        terms,
        arrangement=promises.arrangement.id,
        treatment="prospective",
        change=options.change,
        drop=options.drop,
        reasons=REASONS if named else (),
        pins=pins_of(pinned(draft.view, promises.arrangement)) + terms.pins[1:],
        more=replace(terms.more or Particulars(), exercised=options.exercised) if named else terms.more,
    )
    state, folded = rebased_within(with_contract(state, replace(contract, watermark=terms.version)), terms)
    update_order(state, promises.arrangement, terms, contract.last, draft)
    tell_booked(state, promises.arrangement, terms, event.end_date, draft)
    tell_modification(terms, folded, draft)
    return Accepted(state, (Touched(terms.arrangement, terms.at),))


def _check_promised(state: GroupState, terms: Terms, named: tuple[str, ...]) -> None:
    """DATES_INVALID for an option that is promised by a version that counts later than the renewal."""
    for each in state.facts.terms:
        late = {item.po for item in each.add if each.contract == terms.contract}.intersection(named)
        if late and canonical(each) > canonical(terms):
            raise Refused(
                "DATES_INVALID", f"options {sorted(late)} are promised from {iso(each.at)} on, later"
            )


def _options_of(promises: Promises, at: Day) -> tuple[str, ...]:
    """Lines whose service has not begun when the new term does: what a material right without a name can only mean."""
    return tuple(
        sorted(
            po
            for po, item in promises.items.items()
            if po not in promises.dropped
            and item.measure in _OPTIONS
            and item.first is not None
            and item.first >= at
        )
    )


def _taken(promises: Promises, named: tuple[str, ...], items: tuple[Item, ...]) -> _Options:
    """Each option wholly; one option of a larger quantity than the one line that takes it up, by that quantity."""
    for po in named:
        if promises.items[po].measure == "amount":
            raise Refused("VALUE_INVALID", f"line {po!r} shares no price: it can be no option")
    priced = [item for item in items if item.measure != "amount"]
    if not priced:
        raise Refused("VALUE_INVALID", f"options {sorted(named)} are exercised and nothing is taken up")
    named = tuple(sorted(named))
    if len(named) == len(priced) == 1:
        option, line = promises.items[named[0]], priced[0]
        left = micro(option.qty, option.qty_scale) - micro(line.qty, line.qty_scale)
        quantity, rest = divmod(left, micro(1, option.qty_scale))
        if left > 0:
            if rest:
                raise Refused(
                    "VALUE_INVALID",
                    f"option {option.po!r} is counted in {option.qty_scale} decimals, not more",
                )
            return _Options(named, (), (Change(option.po, "qty", quantity),))
    return _Options(named, named, ())


RULES: Rules = {ContractRenewed: renew}
