"""Manual journals: what a person posts beside the targets, and how it is taken back.

Invariants: a manual journal balances, in each currency that it states; it is never altered, replaced or "corrected back"
by what the agent computes, only reversed, once, as a whole; a reversal has the service period of what it takes back.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Accepted
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import object_of
from tieout.agents.contracts.limits import SUM_MAX
from tieout.agents.contracts.manual_posting import Journal, functional_of, posted, side, taken_back
from tieout.agents.contracts.periods import Ground, ground_of
from tieout.avro.events import AdjustmentLine, ManualAdjustment
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.ledger import Manual
from tieout.tables.reference import Period

_AUTOMATIC = "\x1freversal"
"""Behind the id of a journal: the reversal that it announced itself."""


def manual_adjustment(state: GroupState, event: ManualAdjustment, draft: Draft) -> Accepted:
    """A journal of a person, posted as it is stated, or the reversal of one."""
    contract = admitted_contract(state, event, event.currency)
    source = object_of(event)
    if any(each.id == source for each in state.ledger.manual):
        raise Refused("VALUE_INVALID", "a manual journal is not replaced: reverse it, and post another one")
    if not event.approver.strip() or not event.reason.strip():
        raise Refused("VALUE_INVALID", "a manual journal names who approved it, and why")
    if event.reverses is not None:
        return _reversed(state, event, contract, draft)
    at = event.envelope.effective_date
    if event.reversal_date is not None and event.reversal_date <= at:
        raise Refused("DATES_INVALID", "a manual journal is reversed on a day behind its own")
    _check_lines(state, event)
    arrangement = _arrangement(state, contract, event.lines)
    if event.book != arrangement.book:
        detail = f"{arrangement.id} is kept in book {arrangement.book!r}, not {event.book!r}"
        raise Refused("VALUE_INVALID", detail)
    ground = ground_of(draft.view, arrangement)
    journal = Journal(contract, arrangement, ground, at, _service_period(event, ground))
    state, rows = posted(state, journal, source, event.lines, draft)
    if event.reversal_date is not None:
        back = journal._replace(day=event.reversal_date)
        state = taken_back(state, back, source + _AUTOMATIC, rows, event.reason, draft)
    return Accepted(state)


def _reversed(state: GroupState, event: ManualAdjustment, contract: Contract, draft: Draft) -> Accepted:
    """Refused where the journal was reversed already; waits where it is not known yet."""
    envelope = event.envelope
    source = f"{envelope.source}\x1f{envelope.object_type}\x1f{event.reverses}"
    rows = tuple(each for each in state.ledger.manual if each.id == source and each.contract == contract.id)
    if not rows:
        detail = f"no manual journal {event.reverses!r} of contract {contract.id!r} is known"
        raise Refused("CREDIT_UNREFERENCED", detail, "fact")
    if rows[0].reverses or any(each.reverses == source for each in state.ledger.manual):
        detail = f"manual journal {event.reverses!r} is reversed already, or is a reversal itself"
        raise Refused("VALUE_INVALID", detail)
    if event.reversal_date is not None:
        raise Refused("VALUE_INVALID", "a reversal is not reversed in its turn: post the journal again")
    arrangement = state.arrangement(rows[0].arrangement)
    ground = ground_of(draft.view, arrangement)
    _check_mirror(event, rows, ground)
    journal = Journal(contract, arrangement, ground, envelope.effective_date, rows[0].period)
    return Accepted(taken_back(state, journal, object_of(event), rows, event.reason, draft))


def _check_mirror(event: ManualAdjustment, rows: tuple[Manual, ...], ground: Ground) -> None:
    """VALUE_INVALID for a reversal that states something else than the journal that it takes back."""
    period = rows[0].period
    if _service_period(event, ground) != period:
        label = ground.books.calendar.label(period)
        raise Refused("VALUE_INVALID", f"a reversal has the service period of its journal, {label}")
    stated = sorted(side(line) for line in event.lines)
    if stated and stated != sorted((each.account_class, each.po, -each.amount) for each in rows):
        detail = "a reversal states no lines, or those of its journal with their sides changed"
        raise Refused("VALUE_INVALID", detail)


def _arrangement(state: GroupState, contract: Contract, lines: tuple[AdjustmentLine, ...]) -> Arrangement:
    """The arrangement of the promises that the lines name; the contract's first where they name none."""
    homes = {
        item.po: terms.arrangement
        for terms in state.facts.terms
        if terms.contract == contract.id
        for item in terms.add
    }
    named = {line.po for line in lines if line.po is not None}
    unknown = sorted(named - homes.keys())
    if unknown:
        detail = f"line {unknown[0]!r} is not in contract {contract.id!r}"
        raise Refused("EVIDENCE_UNKNOWN_PO", detail, "version")
    found = sorted({homes[po] for po in named})
    if len(found) > 1:
        raise Refused("VALUE_INVALID", f"a manual journal is about one arrangement, not {', '.join(found)}")
    return state.arrangement(found[0]) if found else state.arrangements_of(contract.id)[0]


def _check_lines(state: GroupState, event: ManualAdjustment) -> None:
    """VALUE_INVALID for a line without exactly one side, or a journal that does not balance."""
    for line in event.lines:
        check_amounts(debit=line.debit_minor, credit=line.credit_minor)
        check_amounts(
            functional_debit=line.functional_debit_minor, functional_credit=line.functional_credit_minor
        )
        if bool(line.debit_minor) == bool(line.credit_minor):
            raise Refused(
                "VALUE_INVALID", f"a line of {line.account_class!r} has exactly one side above zero"
            )
    debit = sum(line.debit_minor for line in event.lines)
    credit = sum(line.credit_minor for line in event.lines)
    if debit != credit or not event.lines:
        raise Refused("VALUE_INVALID", f"a manual journal balances: {debit} debit, {credit} credit")
    functional = [functional_of(line) for line in event.lines]
    stated = [each for each in functional if each is not None]
    if stated and (len(stated) < len(functional) or sum(stated) != 0):
        raise Refused("VALUE_INVALID", "functional amounts are stated for every line, and balance")
    if debit + sum(abs(each.amount) for each in state.ledger.manual) > SUM_MAX:
        raise Refused("LIMIT_EXCEEDED", f"manual journals of the group would add up to more than {SUM_MAX}")


def _service_period(event: ManualAdjustment, ground: Ground) -> Period:
    period = ground.books.calendar.period_labelled(event.service_period)
    if period is None:
        detail = f"the calendar has no period {event.service_period!r}"
        raise Refused("PERIOD_CALENDAR_MISSING", detail, "reference")
    return period
