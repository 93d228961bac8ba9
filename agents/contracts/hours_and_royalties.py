"""Hours at a rate, and royalties: amounts that a promise earns as they come, outside the allocation.

Hours are worth what may be invoiced for them (606-10-55-18); a royalty on a licence of intellectual property counts when
the sale or use happens, no earlier than the licence begins (606-10-55-65). Invariant: each report is rounded once, for
itself; of one source object the highest version counts, whatever order its versions arrive in.
"""

from __future__ import annotations

from tieout.agents.accounting.dated_amounts import HOURS, ROYALTY
from tieout.agents.accounting.progress import micro
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.contracts.accepted import Accepted, Rules
from tieout.agents.contracts.admission import admitted_contract, check_amounts, check_quantity
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.evidence_lines import line_of
from tieout.agents.contracts.facts import object_of
from tieout.agents.contracts.limits import SUM_MAX
from tieout.agents.contracts.work import worked
from tieout.avro.events import Minor, RoyaltyReported, TimesheetApproved
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import MICRO_DIGITS, Item, Terms
from tieout.tables.work import Work

_HOUR: int = 10**MICRO_DIGITS


def timesheet(state: GroupState, event: TimesheetApproved, draft: Draft) -> Accepted:
    """Hours at their own rate, or at the line's price of a unit."""
    contract = admitted_contract(state, event, event.currency)
    terms, item = _line(state, contract, event.po, HOURS)
    check_quantity(f"hours of {event.po!r}", event.hours, event.hours_scale)
    check_amounts(rate=event.rate_minor)
    hours = micro(event.hours, event.hours_scale)
    return worked(state, contract, terms, item, _work(event, hours, _worth(item, hours, event), draft))


def royalty(state: GroupState, event: RoyaltyReported, draft: Draft) -> Accepted:
    """A sale or use by the licensee, in minor units of what it brings."""
    contract = admitted_contract(state, event, event.currency)
    terms, item = _line(state, contract, event.po, ROYALTY)
    check_amounts(amount=event.amount_minor)
    return worked(state, contract, terms, item, _work(event, 0, event.amount_minor, draft))


def _work(event: TimesheetApproved | RoyaltyReported, hours: int, amount: Minor, draft: Draft) -> Work:
    return Work(
        object_of(event),
        event.envelope.object_version,
        HOURS if isinstance(event, TimesheetApproved) else ROYALTY,
        event.envelope.effective_date,
        hours,
        amount,
        draft.cause.pointer,
    )


def _worth(item: Item, hours: int, event: TimesheetApproved) -> Minor:
    special = item.special
    assert special is not None, item
    rate, scale = event.rate_minor, event.rate_scale
    if rate is None:
        rate, scale = special.unit_price, special.unit_price_scale
    if rate is None:
        raise Refused("VALUE_INVALID", f"neither the timesheet nor line {item.po!r} states a rate per hour")
    amount = rounded_share(hours, rate, _HOUR * 10**scale)
    if amount > SUM_MAX:
        raise Refused("LIMIT_EXCEEDED", f"hours of line {item.po!r} come to {amount}, over {SUM_MAX}")
    return amount


def _line(state: GroupState, contract: Contract, po: str, kind: str) -> tuple[Terms, Item]:
    terms, item = line_of(state, contract, po)
    if item.special is None or item.special.amount_of != kind:
        raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not earned by {kind}")
    return terms, item


RULES: Rules = {TimesheetApproved: timesheet, RoyaltyReported: royalty}
