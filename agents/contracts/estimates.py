"""Estimates of the price: bonus, penalty, rebate, right of return, concession (606-10-32-5..14, 32-42..45).

Invariant: an estimate counts from its own day on, and the one before stays true for its time (32-14); one name means
one thing: what it reaches never changes.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

from msgspec.structs import replace

from tieout.agents.accounting.series_days import DAYS, SPAN_DAYS_MAX
from tieout.agents.accounting.variable import estimate_id
from tieout.agents.contracts.accepted import Accepted, Rules, Touched
from tieout.agents.contracts.admission import admitted_contract, check_amounts
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.evidence_lines import line_of
from tieout.agents.contracts.facts import with_component
from tieout.agents.contracts.modification import check_earned
from tieout.agents.contracts.unit_prices import unit_price
from tieout.avro.events import Day, Minor, VariableEstimateChanged
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Component, Terms

_REACHES = ("version", "obligation", "performed", "none")


class _Reached(NamedTuple):
    """Where an estimate goes: its arrangement, and the version or the promise in it (empty: neither)."""

    arrangement: str
    ref: str


def estimate(state: GroupState, event: VariableEstimateChanged, draft: Draft) -> Accepted:
    """Variable consideration as estimated, after its constraint, from a day on; 0 ends it (606-10-32-8, 32-11)."""
    if event.unit_price_minor is not None:
        return unit_price(state, event, draft)
    contract = admitted_contract(state, event, event.currency)
    amount = _amount(event)
    reached, days = _reached(state, contract, event), _days(state, contract, event)
    component = Component(
        id=estimate_id(contract.id, event.estimate_id),
        version=event.envelope.object_version,
        arrangement=reached.arrangement,
        at=max(event.envelope.effective_date, state.arrangement(reached.arrangement).opened),
        amount=amount,
        reach=event.reach if days is None else DAYS,
        contra="",
        cause=draft.cause.pointer,
        ref=reached.ref,
        refundable=event.refundable,
        days=days,
    )
    if _is_known(state, component):
        return Accepted(state, effect=False)
    state = with_component(state, component)
    check_price_left(state, component)
    return Accepted(state, (Touched(component.arrangement, component.at),))


def _amount(event: VariableEstimateChanged) -> Minor:
    """The estimate: no more than it would be before the constraint, which can only lower it (32-11)."""
    if not event.estimate_id:
        raise Refused("VALUE_INVALID", "an estimate without an id")
    amount, unconstrained = event.amount_minor, event.unconstrained_minor
    if amount is None:
        raise Refused("VALUE_INVALID", f"estimate {event.estimate_id!r} states no amount")
    check_amounts(amount=abs(amount))
    if unconstrained is not None and amount > unconstrained:
        raise Refused(
            "VALUE_INVALID",
            f"estimate {event.estimate_id!r} is {amount} after the constraint, which cannot raise it above "
            f"{unconstrained} (606-10-32-11)",
        )
    return amount


def _reached(state: GroupState, contract: Contract, event: VariableEstimateChanged) -> _Reached:
    """Reach ``version`` and ``performed`` without a version mean the first; a line names its own arrangement."""
    if event.reach not in _REACHES:
        raise Refused(
            "VALUE_INVALID", f"estimate {event.estimate_id!r} reaches {event.reach!r}; one of {_REACHES}"
        )
    if event.po is not None:
        if event.reach == "version":
            raise Refused(
                "VALUE_INVALID",
                f"estimate {event.estimate_id!r} names a line: it reaches that, or no version",
            )
        arrangement = _arrangement_of_line(state, contract, event.po, event.reach)
        return _Reached(arrangement, event.po if event.reach == "obligation" else "")
    if event.reach == "obligation":
        raise Refused("VALUE_INVALID", f"estimate {event.estimate_id!r} reaches a line and names none")
    number = event.version if event.version is not None else 1
    terms = _version(state, contract, number)
    if event.reach == "version":
        check_earned(state, terms.arrangement, terms.at)
    return _Reached(terms.arrangement, f"{contract.id}@{number}" if event.reach == "version" else "")


def _arrangement_of_line(state: GroupState, contract: Contract, po: str, reach: str) -> str:
    for terms in state.facts.terms:
        if terms.contract == contract.id:
            for item in terms.add:
                if item.po == po:
                    if reach == "obligation" and item.measure == "amount":
                        raise Refused(
                            "EVENT_UNSUPPORTED",
                            f"line {po!r} is earned as amounts of a day: it has no share that an estimate could join",
                            "reference",
                        )
                    return terms.arrangement
    raise Refused("EVIDENCE_UNKNOWN_PO", f"line {po!r} is not in contract {contract.id!r}", "version")


def _days(state: GroupState, contract: Contract, event: VariableEstimateChanged) -> tuple[Day, Day] | None:
    """The days of a series that the amount belongs to wholly (606-10-32-40); None for an amount of a whole promise."""
    if event.service_from is None and event.service_to is None:
        return None
    named = f"estimate {event.estimate_id!r}"
    if event.service_from is None or event.service_to is None or event.reach != "obligation":
        raise Refused(
            "VALUE_INVALID", f"{named}: days of a series are a first and a last day of a line that it reaches"
        )
    first, last = event.service_from, event.service_to
    if last < first or last - first >= SPAN_DAYS_MAX:
        raise Refused(
            "DATES_INVALID", f"{named}: a distinct period of a series has 1 to {SPAN_DAYS_MAX} days"
        )
    _, line = line_of(state, contract, event.po or "")
    if line.measure != "time" or line.first is None or line.last is None:
        raise Refused("VALUE_INVALID", f"{named}: line {event.po!r} is no series of days")
    extended = (
        change.value
        for terms in state.facts.terms
        if terms.contract == contract.id
        for change in terms.change
        if (change.po, change.field) == (line.po, "last")
    )
    if first < line.first or last > max((line.last, *extended)):
        raise Refused("DATES_INVALID", f"{named}: its days are not days of line {event.po!r}", "version")
    return first, last


def _version(state: GroupState, contract: Contract, number: int) -> Terms:
    """The version that promised the amount: where it is not accepted yet, the estimate waits for it."""
    found = [each for each in state.facts.terms if (each.contract, each.version) == (contract.id, number)]
    if not found:
        raise Refused(
            "VERSION_BASE_MISMATCH",
            f"version {number} of contract {contract.id!r} is not accepted",
            "version",
        )
    if len(found) > 1:
        names = [each.arrangement for each in found]
        raise Refused("MOD_SPLIT_MISSING", f"version {number} is in the arrangements {names}: name a line")
    if found[0].treatment == "none" and found[0].kind != "withdrawn":
        raise Refused(
            "VALUE_INVALID", f"version {number} changes neither scope nor price: an amount has no place in it"
        )
    return found[0]


def check_price_left(state: GroupState, component: Component) -> None:
    """RECOGNISED_NEGATIVE where the price would fall below nothing; what else is agreed may make room for it."""
    for layers in state.layers:
        if layers.arrangement != component.arrangement or component.amount >= 0:
            continue
        apart = component.amount if component.days is not None else 0
        ends = [step.from_day for step in layers.steps[1:]]
        for step, end in zip_longest(layers.steps, ends):
            price = sum([share.base + share.amount for share in step.shares]) + apart
            if price < 0 and (end is None or end > component.at):
                raise Refused(
                    "RECOGNISED_NEGATIVE", f"with {component.amount} the price would be {price}", "fact"
                )


def _is_known(state: GroupState, component: Component) -> bool:
    """Whether it is said already. ID_CONFLICT for other content; VALUE_INVALID where the name means another thing."""
    for each in state.facts.components:
        if each.id != component.id:
            continue
        if each.version == component.version:
            if replace(each, cause=component.cause) != component:
                raise Refused(
                    "ID_CONFLICT", f"estimate {each.id!r} has version {each.version} with other content"
                )
            return True
        before = each.arrangement, each.reach, each.ref, each.refundable, each.days
        named = component.arrangement, component.reach, component.ref, component.refundable, component.days
        if before != named:
            raise Refused(
                "VALUE_INVALID",
                f"estimate {each.id!r} reached {each.reach} {each.ref!r} before: end it with 0",
            )
    return False


RULES: Rules = {VariableEstimateChanged: estimate}
