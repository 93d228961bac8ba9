"""Costs, progress and draw-downs: the inputs of measures that are not deliveries (606-10-25-31..37, 55-16..21, 55-46..49).

Invariants: work and estimates name a line of an accepted version of their contract whose measure reads them, or wait for
one; of one source object the highest version counts, whatever order its versions arrive in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tieout.agents.contracts.accepted import Accepted, Rules, earned_from
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.deliveries import put
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.evidence_lines import (
    check_measure,
    holding,
    line_of,
    promised,
    stated_quantity,
)
from tieout.agents.contracts.facts import known_fact, object_of, with_estimate
from tieout.agents.contracts.facts_work import with_work, without_work
from tieout.agents.contracts.limits import check_work_row
from tieout.avro.events import (
    CostIncurred,
    MilestoneCompleted,
    PrepaidCreditConsumed,
    PrepaidCreditExpired,
    PrepaidCreditGranted,
    ProgressUpdated,
)
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import MICRO_DIGITS, Estimate, Evidence, Item, Terms
from tieout.tables.work import Work

_ONE: int = 10**MICRO_DIGITS

Drawn = PrepaidCreditConsumed | PrepaidCreditExpired


class _Stated(NamedTuple):
    """What an estimate states of a promise."""

    kind: str
    value: int


def cost(state: GroupState, event: CostIncurred, draft: Draft) -> Accepted:
    """One cost of a promise that is measured by cost (55-20); uninstalled goods count at cost alone (55-21)."""
    contract = admitted_contract(state, event, event.currency)
    terms, item = line_of(state, contract, event.po)
    check_measure(item, "cost", "cost")
    check_amounts(amount=event.amount_minor)
    if event.uninstalled and not (item.special is not None and item.special.uninstalled):
        raise Refused("EVIDENCE_OVER_SCOPE", f"line {event.po!r} plans no uninstalled cost (606-10-55-21)")
    work = Work(
        object_of(event),
        event.envelope.object_version,
        "uninstalled" if event.uninstalled else "cost",
        event.envelope.effective_date,
        0,
        event.amount_minor,
        draft.cause.pointer,
    )
    return worked(state, contract, terms, item, work)


def drawn(state: GroupState, event: Drawn, draft: Draft) -> Accepted:
    """Granted units were used, or lapse (55-46..49); a lapse without a quantity ends the promise."""
    contract = admitted_contract(state, event, None)
    terms, item = line_of(state, contract, event.po)
    check_measure(item, "units drawn down", "drawdown")
    consumed = isinstance(event, PrepaidCreditConsumed)
    quantity = stated_quantity(f"units of {event.po!r}", event.quantity, event.quantity_scale, 0)
    work = Work(
        object_of(event),
        event.envelope.object_version,
        "consumed" if consumed else "expired",
        event.envelope.effective_date,
        quantity,
        0,
        draft.cause.pointer,
    )
    return worked(state, contract, terms, item, work)


def granted(state: GroupState, event: PrepaidCreditGranted, draft: Draft) -> Accepted:
    """All units of a line, which lapse with its last day if it has one (55-48); the line itself says what is paid."""
    contract = admitted_contract(state, event, None)
    terms, item = line_of(state, contract, event.po)
    check_measure(item, "units drawn down", "drawdown")
    most = promised(state, terms, item)
    quantity = stated_quantity(f"units of {event.po!r}", event.quantity, event.quantity_scale, most)
    if quantity > most:
        raise Refused(
            "EVIDENCE_OVER_SCOPE", f"more of line {event.po!r} granted than any version promised", "fact"
        )
    lapses = event.expires_on
    if lapses is not None and quantity < most:
        raise Refused(
            "EVENT_UNSUPPORTED",
            f"a part of line {event.po!r} lapses on its own day: which units are drawn first is not known",
        )
    work = Work(
        object_of(event),
        event.envelope.object_version,
        "granted" if lapses is None else "expired",
        event.envelope.effective_date if lapses is None else lapses,
        0,
        0,
        draft.cause.pointer,
    )
    return worked(state, contract, terms, item, work)


def progress(state: GroupState, event: ProgressUpdated, draft: Draft) -> Accepted:
    """Expected cost, percent complete or breakage, from its day on: exactly one of the three (25-31..37, 55-48)."""
    contract = admitted_contract(state, event, event.currency)
    terms, item = line_of(state, contract, event.po)
    stated = [
        _Stated(kind, value)
        for kind, value in (
            ("eac", event.eac_minor),
            ("percent", event.percent_ppm),
            ("breakage", event.breakage_ppm),
        )
        if value is not None
    ]
    if len(stated) != 1:
        told = ", ".join(each.kind for each in stated) or "nothing"
        raise Refused(
            "VALUE_INVALID",
            f"an update of line {event.po!r} states {told}; it is one of eac, percent, breakage",
        )
    measure, check = _ESTIMATES[stated[0].kind]
    check_measure(item, stated[0].kind, measure)
    check(item, stated[0].value)
    return _estimated(state, contract, terms, stated[0], event, draft)


def milestone(state: GroupState, event: MilestoneCompleted, draft: Draft) -> Accepted:
    """A milestone as an output measure (55-17): its share of a promise measured by percent.

    That of all of a point is its transfer (25-30), of less none yet; of any other promise it has no effect.
    """
    contract = admitted_contract(state, event, None)
    terms, item = line_of(state, contract, event.po)
    if event.percent_ppm is None:
        return Accepted(state, effect=False)
    _check_percent(item, event.percent_ppm)
    if item.measure == "point":
        return _reached(state, contract, terms, event, draft)
    if item.measure != "percent":
        return Accepted(state, effect=False)
    return _estimated(state, contract, terms, _Stated("percent", event.percent_ppm), event, draft)


def _reached(
    state: GroupState, contract: Contract, terms: Terms, event: MilestoneCompleted, draft: Draft
) -> Accepted:
    """A milestone of a point, kept whatever its share: of its versions the highest counts, in any order."""
    evidence = Evidence(
        id=object_of(event),
        contract=contract.id,
        po=event.po,
        at=event.envelope.effective_date,
        qty=0,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
        kind="milestone" if event.percent_ppm == _ONE else "partial",
    )
    known = known_fact(state.facts.evidence, evidence.id)
    if known is not None and known.version >= evidence.version:
        return Accepted(state, effect=False)
    return put(state, terms, evidence, known)


def worked(state: GroupState, contract: Contract, terms: Terms, item: Item, work: Work) -> Accepted:
    """The work on its promise, in place of its earlier version wherever that stands."""
    touched = {(terms.arrangement, item.po): work.at}
    for log in state.work:
        known = known_fact(log.entries, work.id)
        if known is None:
            continue
        if known.version >= work.version:
            return Accepted(state, effect=False)
        before = holding(state, log.contract, log.po), log.po
        touched[before] = min(known.at, touched.get(before, known.at))
        if (log.contract, log.po) != (contract.id, item.po):
            state = without_work(state, log, known)
    if item.measure == "drawdown":
        _check_drawn(state, contract, item, work, promised(state, terms, item))
    earned = earned_from(touched)
    first_days = {each.arrangement: each.first for each in earned}
    state, log = with_work(state, contract.id, item.po, work, first_days)
    check_work_row(log)
    return Accepted(state, earned)


def _check_drawn(state: GroupState, contract: Contract, item: Item, work: Work, granted: int) -> None:
    """EVIDENCE_OVER_SCOPE for more units than were ever granted."""
    logs = [log for log in state.work if (log.contract, log.po) == (contract.id, item.po)]
    others = sum([each.qty for log in logs for each in log.entries if each.id != work.id])
    if others + work.qty > granted:
        raise Refused("EVIDENCE_OVER_SCOPE", f"more of line {item.po!r} drawn down than was granted", "fact")


def _estimated(
    state: GroupState,
    contract: Contract,
    terms: Terms,
    stated: _Stated,
    event: ProgressUpdated | MilestoneCompleted,
    draft: Draft,
) -> Accepted:
    """One version of an estimate; older ones stay true for their time."""
    at = event.envelope.effective_date
    estimate = Estimate(
        object_of(event),
        event.envelope.object_version,
        contract.id,
        event.po,
        stated.kind,
        at,
        stated.value,
        draft.cause.pointer,
    )
    touched = {(terms.arrangement, event.po): at}
    first_days = {terms.arrangement: at}
    return Accepted(with_estimate(state, estimate, first_days), earned_from(touched))


def _check_eac(item: Item, value: int) -> None:
    """An expected cost has to leave something to measure by, beside goods that are not installed (55-21)."""
    check_amounts(eac=value)
    outside = item.special.uninstalled if item.special is not None else 0
    if value <= outside:
        raise Refused(
            "VALUE_INVALID",
            f"line {item.po!r} expects a cost of {value}, of which {outside} is not installed: nothing measures progress",
        )


def _check_percent(item: Item, value: int) -> None:
    if not 0 <= value <= _ONE:
        raise Refused(
            "VALUE_INVALID", f"line {item.po!r} is {value} millionths complete; it must lie in 0..{_ONE}"
        )


def _check_breakage(item: Item, value: int) -> None:
    if not 0 <= value < _ONE:
        raise Refused(
            "VALUE_INVALID", f"line {item.po!r} expects {value} millionths never used; it must lie below 1"
        )


_ESTIMATES: Mapping[str, tuple[str, Callable[[Item, int], None]]] = {
    "eac": ("cost", _check_eac),
    "percent": ("percent", _check_percent),
    "breakage": ("drawdown", _check_breakage),
}
"""What is estimated -> the measure that reads it, and its bounds."""

RULES: Rules = {
    CostIncurred: cost,
    PrepaidCreditConsumed: drawn,
    PrepaidCreditExpired: drawn,
    PrepaidCreditGranted: granted,
    ProgressUpdated: progress,
    MilestoneCompleted: milestone,
}
