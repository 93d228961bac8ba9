"""A version that was told wrongly, told again: the fact is replaced in place, which is no modification.

Everything that follows is what it would be had the version been told so from the beginning: earlier periods by their
own facts, posted into the first that is open. Invariants: of several corrections of one version the highest (day,
object, version) counts, whatever order they arrive in, and it starts from what was told first; what was emitted on the
old fact is never erased, the difference is posted; a version that was withdrawn counts as a number and as nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import asdict, replace

from tieout.agents.accounting.agreed import Folded
from tieout.agents.accounting.agreement import layers_of
from tieout.agents.accounting.layers import assumed_in
from tieout.agents.accounting.modification import opens, particulars
from tieout.agents.contracts import amendments, lifecycle, ownership, renewals, versions
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import admitted_contract, check_day
from tieout.agents.contracts.amendments import check_folded, past_credit_id
from tieout.agents.contracts.built_on import check_built_on
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import object_of, with_contract, with_version_replaced
from tieout.agents.contracts.orders import order_corrected, upsert_customer
from tieout.agents.contracts.refolding import refold
from tieout.agents.contracts.standing_versions import (
    last_day_of,
    parties_of,
    status_of,
    versions_of,
)
from tieout.agents.contracts.telling import tell_booked, tell_modification
from tieout.agents.contracts.told import CORRECTABLE, Teller, Versioned, in_scale, told_again
from tieout.agents.contracts.versions import with_arrangement
from tieout.avro.events import ContractCorrected, Day, OwnerTransferred
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Correction, Terms, Told

WITHDRAWN = "withdrawn"
_RULES: Rules = {**versions.RULES, **amendments.RULES, **renewals.RULES, **lifecycle.RULES, **ownership.RULES}
_ABOUT = ("envelope", "currency", "corrects", "withdrawn", "cleared", "effective_day")
"""Fields of a correction that no version has under that name."""


_OF_A_TRANSFER = {"customer_id": "new_customer_id", "price_minor": "consideration_minor"}
"""Field of a correction -> what a transfer calls it."""

_UNSTATED = {
    "price_change_minor": 0,
    "past_credit_minor": 0,
    "fee_minor": 0,
    "consideration_minor": 0,
    "price_status": "fixed",
    "enforceable": True,
    "material_right": False,
    "access_paused": True,
}
"""What a field that is no list means where it is not stated; any other means nothing."""

_NEVER_CLEARED = (
    "envelope",
    "currency",
    "base_version",
    "approved_date",
    "price_minor",
    "end_date",
    "start_date",
)
"""What every version of its kind states."""


class _Again(NamedTuple):
    """A version told again: what it does now, its contract's parties and term, and when it opens an arrangement."""

    terms: tuple[Terms, ...]
    contract: Contract
    opened: dict[str, Day]


def correct(state: GroupState, event: ContractCorrected, draft: Draft) -> Accepted:
    """Version ``corrects`` as it should have been told; withdrawn, it never was."""
    contract = admitted_contract(state, event, event.currency)
    old = tuple([each for each in versions_of(state, contract.id) if each.version == event.corrects])
    if not old:
        detail = f"version {event.corrects} of contract {contract.id!r} is not accepted"
        if event.corrects > contract.watermark:
            raise Refused("SEQUENCE_GAP", detail, "version")
        raise Refused("VALUE_INVALID", detail)
    stamp = Correction(event.envelope.effective_date, object_of(event), event.envelope.object_version)
    if not _supersedes(stamp, particulars(old[0]).correction):
        return Accepted(state, effect=False)
    told = particulars(old[0]).told or _told(contract, old)
    _check_correctable(state, event, told)
    again = (
        _withdrawn(contract, told, draft) if event.withdrawn else _again(state, event, contract, told, draft)
    )
    again = again._replace(terms=_stamped(again.terms, stamp, told))
    return _replaced(state, event, contract, old, again, draft)


def _supersedes(stamp: Correction, known: Correction | None) -> bool:
    return known is None or (known.at, known.object, known.version) < (stamp.at, stamp.object, stamp.version)


def _told(contract: Contract, terms: tuple[Terms, ...]) -> Told:
    """A version as it was told first; its parties and term are the contract's where it is the first one."""
    if terms[0].version > 1:
        return Told(terms)
    last = last_day_of(terms, contract.last)
    return Told(terms, contract.customer, contract.bill_to, contract.first, last)


def _check_correctable(state: GroupState, event: ContractCorrected, told: Told) -> None:
    first = told.terms[0]
    if event.withdrawn and opens(first) and first.version == 1:
        raise Refused(
            "MOD_UNSUPPORTED", "the first version of a contract is not withdrawn: cancel the contract"
        )
    credit = past_credit_id(first.contract, first.version)
    if any(each.id == credit for each in state.facts.components):
        raise Refused(
            "EVENT_UNSUPPORTED",
            f"version {first.version} credits the past of another arrangement: credit it back by a memo",
        )
    if event.withdrawn:
        return
    if first.kind not in CORRECTABLE or particulars(first).price_open:
        raise Refused(
            "EVENT_UNSUPPORTED",
            f"version {first.version} ({first.kind}) cannot be told again in part: withdraw it, and send it anew",
        )
    if first.version == 1 and state.arrangement(first.arrangement).contracts:
        raise Refused(
            "EVENT_UNSUPPORTED",
            f"the first version of a contract that shares {first.arrangement} is not corrected",
        )


def _again(
    state: GroupState, event: ContractCorrected, contract: Contract, told: Told, draft: Draft
) -> _Again:
    """The version as its own rule admits it, on what had been agreed before it."""
    restated = _restated(event, told_again(Teller(event.envelope, contract.currency, told)))
    before = _before(state, contract, event.corrects)
    scales = {item.po: item.qty_scale for each in before.facts.terms for item in each.add}
    restated = in_scale(restated, scales) if event.change is None else restated
    accepted = _RULES[type(restated)](before, restated, Draft(before, draft.view, draft.cause))
    terms = [each for each in versions_of(accepted.state, contract.id) if each.version == event.corrects]
    opened = {
        each.arrangement: accepted.state.arrangement(each.arrangement).opened for each in terms if opens(each)
    }
    if set(opened) != {each.arrangement for each in told.terms if opens(each)}:
        raise Refused(
            "EVENT_UNSUPPORTED",
            f"version {event.corrects} would be accounted for as another kind of change (606-10-25-12): withdraw it, and "
            "send it anew",
        )
    now = accepted.state.contract(contract.id)
    assert now is not None, contract
    if event.effective_day is None and event.approved_date is None:
        terms = [_dated_as_told(each, told) for each in terms]
    if event.lines is None and event.add is None:
        terms = [_pinned_as_told(each, told) for each in terms]
    return _Again(tuple(terms), now, opened)


def _dated_as_told(terms: Terms, told: Told) -> Terms:
    """The version from the day on which it counted, which by policy may have come from the period that was open then."""
    days = [each.at for each in told.terms if each.arrangement == terms.arrangement]
    return replace(terms, at=days[0]) if days else terms


def _pinned_as_told(terms: Terms, told: Told) -> Terms:
    """The version with the pins under which its lines were promised, where those are not told again."""
    known = {item.po: item for each in told.terms for item in each.add}
    pins = next((each.pins for each in told.terms if each.arrangement == terms.arrangement), terms.pins)
    items = [
        known[item.po] if replace(item, special=known[item.po].special) == known[item.po] else item
        for item in terms.add
    ]
    return replace(terms, add=tuple(items), pins=pins)


def _restated(event: ContractCorrected, version: Versioned) -> Versioned:
    """The version's event with what the correction states in place of what it said."""
    fields = asdict(version)
    names = _OF_A_TRANSFER if isinstance(version, OwnerTransferred) else {}
    stated = {
        names.get(name, name): value
        for name, value in asdict(event).items()
        if value is not None and name not in _ABOUT
    }
    unknown = sorted(
        ({*stated, *event.cleared} - set(fields) - {"reason"}) | ({*event.cleared} & {*_NEVER_CLEARED})
    )
    if unknown:
        raise Refused("VALUE_INVALID", f"{type(version).EVENT_TYPE} states no {', '.join(unknown)}")
    stated = {name: value for name, value in stated.items() if name in fields}
    stated |= {name: _nothing(name, fields[name]) for name in event.cleared}
    if event.effective_day is not None:
        check_day("effective_day", event.effective_day)
        stated["envelope"] = replace(version.envelope, effective_date=event.effective_day)
    return replace(version, **(_term(event, version) | stated))


def _nothing(name: str, value: object) -> object:
    """What a field is where a version does not state it."""
    if isinstance(value, tuple):
        return ()
    return _UNSTATED.get(name)


def _term(event: ContractCorrected, version: Versioned) -> dict[str, Day]:
    """The term of an activation or renewal whose lines are told again: that of its lines, where it is not stated."""
    lasts = [line.to_date for line in event.lines or () if line.to_date is not None]
    firsts = [line.from_date for line in event.lines or () if line.from_date is not None]
    term: dict[str, Day] = {}
    if lasts and hasattr(version, "end_date"):
        term["end_date"] = max(lasts)
    if firsts and hasattr(version, "start_date"):
        term["start_date"] = min(firsts)
    return term


def _before(state: GroupState, contract: Contract, version: int) -> GroupState:
    """What had been agreed when the version was told: without it and what came behind it."""
    gone = [each for each in state.facts.terms if each.contract == contract.id and each.version >= version]
    kept = tuple([each for each in state.facts.terms if each not in gone])
    opened = {f"{contract.id}@{each.version}" for each in gone if opens(each)}
    arrangements = tuple([each for each in state.group.arrangements if each.id not in opened])
    others = tuple([each for each in state.group.contracts if each.id != contract.id])
    if version > 1:
        own = [each for each in kept if each.contract == contract.id]
        then = replace(
            contract, watermark=version - 1, status=status_of(own), last=last_day_of(own, contract.first)
        )
        others = tuple(sorted((*others, then), key=lambda each: each.id))
    return replace(
        state,
        group=replace(state.group, contracts=others, arrangements=arrangements),
        facts=replace(state.facts, terms=kept),
        layers=(),
        derived=None,
    )


def _withdrawn(contract: Contract, told: Told, draft: Draft) -> _Again:
    """A version that never was: its number is taken, and in what it was about stands nothing else of it."""
    gone = [
        Terms(
            contract=each.contract,
            version=each.version,
            kind=WITHDRAWN,
            arrangement=each.arrangement,
            treatment="none",
            approved=each.approved,
            effective=each.effective,
            at=each.at,
            pool=0,
            add=(),
            change=(),
            drop=(),
            ssp_now=(),
            reasons=("the version is withdrawn: it never was", "no modification"),
            pins=(),
            cause=draft.cause.pointer,
        )
        for each in told.terms
    ]
    return _Again(tuple(gone), contract, {})


def _stamped(terms: tuple[Terms, ...], stamp: Correction, told: Told) -> tuple[Terms, ...]:
    """Each effect with its correction; the first one remembers what was told."""
    return tuple(
        [
            replace(each, more=replace(particulars(each), correction=stamp, told=None if place else told))
            for place, each in enumerate(terms)
        ]
    )


def _replaced(
    state: GroupState,
    event: ContractCorrected,
    contract: Contract,
    old: tuple[Terms, ...],
    again: _Again,
    draft: Draft,
) -> Accepted:
    """The state with the version as it is now, and what is told of it."""
    others = [each for each in versions_of(state, contract.id) if each.version != event.corrects]
    parties = parties_of(state, contract)
    check_built_on(old, again.terms, [each for each in others if each.version > event.corrects])
    standing = [*others, *again.terms]
    now = replace(
        contract,
        status=status_of(standing),
        last=last_day_of(standing, contract.last),
    )
    if event.corrects == 1:
        now = replace(
            now, customer=again.contract.customer, bill_to=again.contract.bill_to, first=again.contract.first
        )
    state = with_contract(state, now)
    for arrangement, day in again.opened.items():
        state = with_arrangement(state, now, replace(state.arrangement(arrangement), opened=day))
    about = sorted({each.arrangement for each in (*old, *again.terms)})
    before = {each: assumed_in(layers_of(state, state.arrangement(each))) for each in about}
    state = with_version_replaced(state, again.terms)
    if parties_of(state, now) != parties:
        state = upsert_customer(state, contract.id, state.arrangements_of(contract.id)[0], draft)
    folds = {each: refold(state, each) for each in about}
    for each, folded in folds.items():
        check_folded(before[each], folded)
    _tell(state, old, again.terms, folds, draft)
    now = state.contract(contract.id) or now
    order_corrected(state, now, old, again.terms, draft)
    first = {
        each: min(terms.at for terms in (*old, *again.terms) if terms.arrangement == each) for each in about
    }
    return Accepted(state, tuple([Touched(each, first[each]) for each in about]))


def _tell(
    state: GroupState, old: tuple[Terms, ...], new: tuple[Terms, ...], folds: dict[str, Folded], draft: Draft
) -> None:
    """What the correction adds to the price, and how the version is accounted for now."""
    before = {each.arrangement: each.pool for each in old}
    for terms in new:
        arrangement: Arrangement = state.arrangement(terms.arrangement)
        moved = replace(terms, pool=terms.pool - before.pop(terms.arrangement, 0))
        tell_booked(state, arrangement, moved, None, draft)
        if terms.version > 1:
            tell_modification(terms, folds[terms.arrangement], draft, corrected=True)
    for name, pool in sorted(before.items()):
        arrangement = state.arrangement(name)
        moved = replace(new[0], arrangement=name, pool=-pool)
        tell_booked(state, arrangement, moved, None, draft)


RULES: Rules = {ContractCorrected: correct}
