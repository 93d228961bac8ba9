"""Versions that pause and resume a contract (606-10-25-13(a), 25-31): its service, its billing, or both.

What remains to be earned is spread anew over the days that are still served, from the accounting date on; an end that
is told beside it is the new end of the lines that pause. Invariants: a contract never has two pauses of one day; a
pause of billing alone changes no revenue; what has not opened by the accounting date is paused from its opening on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.pauses import ACCESS, BILLING, paused_within
from tieout.agents.accounting.service_time import Pauses
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import check_dates
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import rebased, with_contract
from tieout.agents.contracts.modification import check_overlap, promises_of
from tieout.agents.contracts.modification_dates import accounting_date
from tieout.agents.contracts.orders import hold_order, release_order, update_order
from tieout.agents.contracts.standing_versions import pauses_of, standing_arrangements
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.agents.contracts.versions import next_version
from tieout.avro.days import iso
from tieout.avro.events import ContractResumed, ContractSuspended, Day
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Change, Item, Particulars, Pause, Terms

Lines = Mapping[str, tuple[Item, ...]]
"""Arrangement -> its lines of service that a pause is about."""


class _Pausing(NamedTuple):
    """A pause as a version tells it. ``scope``: whether service rests (``ACCESS``) or billing alone (``BILLING``)."""

    kind: str
    at: Day
    approved: Day
    scope: str
    first: Day
    last: Day | None


def suspend(state: GroupState, event: ContractSuspended, draft: Draft) -> Accepted:
    """Service, or billing alone, pauses; without ``paused_to`` until it is resumed."""
    contract = next_version(state, event)
    first, last = event.paused_from, event.paused_to
    check_dates(pause=(first, last))
    at, approved = _dated(state, contract, event, draft)
    if (last is not None and last < contract.first) or _is_over(state, contract, first):
        raise Refused(
            "DATES_INVALID",
            f"the pause from {iso(first)} lies outside of the contract, {iso(contract.first)} to {iso(contract.last)}",
        )
    for known in (pause for _, pause in _contract_pauses(pauses_of(state, contract.id))):
        if paused_within((known,), first, last):
            raise Refused("MOD_OVERLAP", f"the contract is paused from {iso(known[0])} already")
    scope = ACCESS if event.access_paused else BILLING
    pausing = _Pausing("suspend", at, approved, scope, first, last)
    state, told = _told(state, contract, event, pausing, _lines_within(state, contract, pausing), draft)
    pause = event.paused_from, event.paused_to
    hold_order(state, told[0], pause, draft, billing=event.billing_paused, reason=event.reason)
    return _announced(state, told, event.extended_to, draft)


def resume(state: GroupState, event: ContractResumed, draft: Draft) -> Accepted:
    """Service goes on from ``resumed_on``: the pause of that day, or of the day before, ends there."""
    contract = next_version(state, event)
    at, approved = _dated(state, contract, event, draft)
    pauses, day = pauses_of(state, contract.id), event.resumed_on
    known = _contract_pauses(pauses)
    if not known:
        raise Refused(
            "VALUE_INVALID", f"contract {contract.id!r} is not suspended: there is nothing to resume"
        )
    ended = [
        (scope, each) for scope, each in known if each[0] <= day and (each[1] is None or each[1] >= day - 1)
    ]
    if not ended:
        begun = ", ".join(iso(each[0]) for _, each in known)
        raise Refused(
            "DATES_INVALID", f"the contract is not paused up to {iso(day)}; its pauses began {begun}"
        )
    scope, (first, _) = ended[-1]
    pausing = _Pausing("resume", at, approved, scope, first, day - 1)
    lines: Lines = _lines_within(state, contract, pausing)
    if scope == ACCESS:
        lines = _lines_paused(state, contract, pauses, first)
    state, told = _told(state, contract, event, pausing, lines, draft)
    release_order(state, told[0], day, _contract(state, contract.id).last, draft)
    return _announced(state, told, event.extended_to, draft)


def _dated(
    state: GroupState, contract: Contract, event: ContractSuspended | ContractResumed, draft: Draft
) -> tuple[Day, Day]:
    """(accounting date, day of approval)."""
    if event.approved_date is None:
        raise Refused("MOD_PENDING", f"version {event.envelope.object_version} is not approved")
    first = state.arrangements_of(contract.id)[0]
    return accounting_date(
        draft, first, event.approved_date, event.envelope.effective_date
    ), event.approved_date


def _is_over(state: GroupState, contract: Contract, day: Day) -> bool:
    """Whether the contract and every line of it end before a day; a line without an end may go on."""
    own = [promises_of(state, each, contract.id) for each in standing_arrangements(state, contract.id)]
    lasts = [item.last for each in own for po, item in each.items.items() if po not in each.dropped]
    return contract.last < day and all(each is not None and each < day for each in lasts)


def _contract_pauses(pauses: Mapping[str, Pauses]) -> list[tuple[str, tuple[Day, Day | None]]]:
    """(scope, pause) of the contract itself, in order of their days."""
    found = [(scope, each) for scope in (ACCESS, BILLING) for each in pauses.get(scope, ())]
    return sorted(found, key=lambda known: known[1][0])


def _service(state: GroupState, arrangement: Arrangement, contract: Contract) -> list[Item]:
    """The lines of service that a contract still owes in an arrangement."""
    promises = promises_of(state, arrangement, contract.id)
    return [
        item
        for po, item in sorted(promises.items.items())
        if item.measure == "time" and po not in promises.dropped
    ]


def _lines_within(state: GroupState, contract: Contract, pausing: _Pausing) -> Lines:
    """Lines of service with a day in the pause that are not over when it counts."""
    span = ((pausing.first, pausing.last),)
    found: dict[str, tuple[Item, ...]] = {}
    for arrangement in standing_arrangements(state, contract.id):
        own = [
            each
            for each in _service(state, arrangement, contract)
            if paused_within(span, each.first, each.last)
        ]
        found[arrangement.id] = tuple(
            [each for each in own if each.last is not None and each.last >= pausing.at]
        )
    return found


def _lines_paused(state: GroupState, contract: Contract, pauses: Mapping[str, Pauses], first: Day) -> Lines:
    """Lines of service that are in the pause that began on a day."""
    return {
        arrangement.id: tuple(
            [
                item
                for item in _service(state, arrangement, contract)
                if any(begin == first for begin, _ in pauses.get(item.po, ()))
            ]
        )
        for arrangement in standing_arrangements(state, contract.id)
    }


def _told(
    state: GroupState,
    contract: Contract,
    event: ContractSuspended | ContractResumed,
    pausing: _Pausing,
    lines: Lines,
    draft: Draft,
) -> tuple[GroupState, list[Terms]]:
    """The state with the version, told to each arrangement that it is about, or to the first one; modifications told."""
    change = {arrangement: _extended(items, event.extended_to) for arrangement, items in lines.items()}
    if event.extended_to is not None and not any(change.values()):
        raise Refused("DATES_INVALID", f"{iso(event.extended_to)} extends no line of service that is paused")
    check_overlap(state, contract, pausing.at, {each.po for changes in change.values() for each in changes})
    version = event.envelope.object_version
    about = [each for each in lines if change[each] or (pausing.scope == ACCESS and lines[each])]
    last = max(contract.last, event.extended_to or contract.last)
    state = with_contract(state, replace(contract, watermark=version, last=last))
    told: list[Terms] = []
    for arrangement in about or [next(iter(lines))]:
        of = [Pause(item.po, pausing.first, pausing.last) for item in lines[arrangement]]
        own = [] if told else [Pause(pausing.scope, pausing.first, pausing.last)]
        terms = Terms(
            contract=contract.id,
            version=version,
            kind=pausing.kind,
            arrangement=arrangement,
            treatment="prospective" if about else "none",
            approved=pausing.approved,
            effective=event.envelope.effective_date,
            at=max(pausing.at, state.arrangement(arrangement).opened),
            pool=0,
            add=(),
            change=change[arrangement],
            drop=(),
            ssp_now=(),
            reasons=(),
            pins=(),
            cause=draft.cause.pointer,
            more=Particulars(pauses=(*own, *(of if pausing.scope == ACCESS else ()))),
        )
        state, folded = rebased(state, terms)
        tell_booked(state, state.arrangement(arrangement), terms, None, draft)
        tell_modification(terms, folded, draft)
        told.append(terms)
    return state, told


def _extended(items: tuple[Item, ...], last: Day | None) -> tuple[Change, ...]:
    """The new end of those lines that would end before it."""
    if last is None:
        return ()
    return tuple(
        [Change(item.po, "last", last) for item in items if item.last is not None and item.last < last]
    )


def _announced(state: GroupState, told: list[Terms], extended_to: Day | None, draft: Draft) -> Accepted:
    """The order's new end, where it has one; what is touched."""
    if extended_to is not None:
        contract = _contract(state, told[0].contract)
        update_order(state, state.arrangement(told[0].arrangement), told[0], contract.last, draft)
    return Accepted(state, tuple([Touched(each.arrangement, each.at) for each in told]))


def _contract(state: GroupState, contract_id: str) -> Contract:
    contract = state.contract(contract_id)
    assert contract is not None, contract_id
    return contract


RULES: Rules = {ContractSuspended: suspend, ContractResumed: resume}
