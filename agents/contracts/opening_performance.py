"""What had been performed of a contract before it came over, as far as what was earned tells it.

Invariant: it stands in the facts like any other performance, dated on the opening day, so that whatever is delivered,
drawn or measured later goes on from there; it earns nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tieout.agents.accounting.opening_balances import is_over
from tieout.agents.accounting.progress import micro
from tieout.agents.accounting.rounding import rounded_share
from tieout.agents.accounting.transfer import passes
from tieout.agents.contracts.facts import with_estimate
from tieout.agents.contracts.facts_work import with_evidence, with_usage, with_work
from tieout.avro.events import Minor
from tieout.tables.contract import GroupState
from tieout.tables.facts import MICRO_DIGITS, Estimate, Evidence, Item, Terms
from tieout.tables.work import RatedUsage, UsageBucket, Work

_ONE: int = 10**MICRO_DIGITS
_GATES: Mapping[str, str] = {"access": "access", "acceptance": "accepted"}


def with_performance(state: GroupState, terms: Terms, shares: Mapping[str, Minor], source: str) -> GroupState:
    """The state with what each promise that earned something had performed; ``shares`` of the fixed price."""
    assert terms.more is not None
    earned = dict(terms.more.earned)
    for item in terms.add:
        was = earned.get(item.po, 0)
        if was and item.measure == "amount":
            state = _with_amount(state, terms, item, was, source)
        elif was:
            state = _with_progress(state, terms, item, (was, shares[item.po]), source)
    return state


def _with_progress(
    state: GroupState, terms: Terms, item: Item, part: tuple[Minor, Minor], source: str
) -> GroupState:
    """``part``: (earned, share of the price)."""
    for evidence in _evidence(terms, item, part, source):
        state = with_evidence(state, evidence, {})
    key = f"{source}\x1f{item.po}"
    whole = is_over(item, *part, terms.at)
    if item.measure == "percent":
        value = _ONE if whole else rounded_share(_ONE, *part)
        estimate = Estimate(key, 1, terms.contract, item.po, "percent", terms.at, value, terms.cause)
        state = with_estimate(state, estimate, {})
    if item.measure == "drawdown":
        quantity = 0 if whole else rounded_share(_granted(item), *part)
        kind = "expired" if whole else "consumed"
        work = Work(key, 1, kind, terms.at, quantity, 0, terms.cause)
        state, _ = with_work(state, terms.contract, item.po, work, {})
    return state


def _evidence(terms: Terms, item: Item, part: tuple[Minor, Minor], source: str) -> Iterator[Evidence]:
    """Goods that had passed, and what control waited for: it was there if anything was earned."""
    key, cause = f"{source}\x1f{item.po}", terms.cause
    gate = _GATES.get(item.special.gate) if item.special is not None else None
    if gate is not None:
        yield Evidence(f"{key}\x1f{gate}", terms.contract, item.po, terms.at, 0, cause, kind=gate)
    quantity = micro(item.qty, item.qty_scale)
    if item.measure == "units" and not is_over(item, *part, terms.at):
        unit = micro(1, item.qty_scale)
        quantity = rounded_share(quantity // unit, *part) * unit
    elif item.measure == "point" and not is_over(item, *part, terms.at):
        quantity = 0
    if item.measure in ("point", "units") and quantity:
        kind = "delivered" if passes(item, "delivered") else "shipped"
        yield Evidence(key, terms.contract, item.po, terms.at, quantity, cause, kind=kind)


def _with_amount(state: GroupState, terms: Terms, item: Item, was: Minor, source: str) -> GroupState:
    """Usage, hours and royalties of before are one amount of the opening day."""
    key = f"{source}\x1f{item.po}"
    assert item.special is not None, item
    if item.meter is None:
        work = Work(key, 1, item.special.amount_of, terms.at, 0, was, terms.cause)
        return with_work(state, terms.contract, item.po, work, {})[0]
    bucket = UsageBucket(terms.contract, item.meter, terms.at, terms.arrangement, item.po, ())
    usage = RatedUsage(key, terms.at, 0, 0, was, terms.cause, replaces=False)
    return with_usage(state, bucket, usage)[0]


def _granted(item: Item) -> int:
    """Millionths of a unit that will be drawn of a promise, as expected when it was made (55-46..49)."""
    breakage = item.special.breakage_ppm if item.special is not None else 0
    return micro(item.qty, item.qty_scale) * (_ONE - breakage) // _ONE
