"""The estimated average price of all units of a metered line, where a tier changes the price of units used before.

Invariant: an estimate counts from its own day on, for every unit, used before or after (606-10-32-14, 55-216..220); the
one before stays true for its time. Where usage is priced as it is used (32-40), there is no such estimate.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.dated_amounts import UNIT_PRICE
from tieout.agents.accounting.usage_estimate import PRICE_DIGITS, RETROACTIVE, estimated
from tieout.agents.accounting.variable import estimate_id
from tieout.agents.contracts.accepted import Accepted, earned_from
from tieout.agents.contracts.admission import AMOUNT_MAX, admitted_contract
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.evidence_lines import line_of
from tieout.agents.contracts.facts import with_estimate
from tieout.avro.events import VariableEstimateChanged
from tieout.tables.contract import GroupState
from tieout.tables.facts import Estimate, Item


def unit_price(state: GroupState, event: VariableEstimateChanged, draft: Draft) -> Accepted:
    """Revenue of all usage of the line at another price, from the day of the estimate on (Example 24)."""
    contract = admitted_contract(state, event, event.currency)
    if event.po is None or event.amount_minor is not None:
        raise Refused("VALUE_INVALID", "an estimated price per unit names its line, and no amount beside it")
    terms, item = line_of(state, contract, event.po)
    _check_line(item)
    estimate = Estimate(
        estimate_id(contract.id, event.estimate_id),
        event.envelope.object_version,
        contract.id,
        item.po,
        UNIT_PRICE,
        event.envelope.effective_date,
        _price(event),
        draft.cause.pointer,
    )
    for each in state.facts.estimates:
        if (each.id, each.version) == (estimate.id, estimate.version):
            if replace(each, cause=estimate.cause) != estimate:
                raise Refused(
                    "ID_CONFLICT", f"estimate {each.id!r} has version {each.version} with other content"
                )
            return Accepted(state, effect=False)
    touched = {(terms.arrangement, item.po): estimate.at}
    return Accepted(with_estimate(state, estimate, {terms.arrangement: estimate.at}), earned_from(touched))


def _check_line(item: Item) -> None:
    special = estimated(item)
    if special is None or special.pricing != RETROACTIVE:
        raise Refused(
            "VALUE_INVALID",
            f"usage of line {item.po!r} is not estimated at one price for all units: its contract was opened without "
            "usage_pricing = retroactive_tier, or the line states no unit price",
        )


def _price(event: VariableEstimateChanged) -> int:
    stated, scale = event.unit_price_minor, event.unit_price_scale
    assert stated is not None, event.estimate_id
    finer: int = 10 ** max(0, PRICE_DIGITS - scale)
    if stated < 0 or scale > PRICE_DIGITS or stated * finer > AMOUNT_MAX:
        raise Refused(
            "VALUE_INVALID",
            f"estimate {event.estimate_id!r} prices a unit at {stated} (scale {scale}); it must be positive, with at "
            f"most {PRICE_DIGITS} further decimals, and within {AMOUNT_MAX} of the last of them",
        )
    return stated * finer
