"""Rated usage: what metered promises have earned. It moves neither the price of what is fixed, nor what is due.

Invariants: usage names a meter of an accepted version of its contract, or waits for one; of one source object the
highest version counts, whatever order its versions arrive in.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Accepted, Rules, earned_from
from tieout.agents.contracts.admission import admitted_contract, check_amounts, check_dates, check_quantity
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.facts import known_fact, object_of
from tieout.agents.contracts.facts_work import with_usage, without_usage
from tieout.agents.contracts.limits import check_usage_row
from tieout.avro.events import UsageRated
from tieout.tables.contract import Contract, GroupState
from tieout.tables.facts import Item, Terms
from tieout.tables.work import RatedUsage, UsageBucket


def usage(state: GroupState, event: UsageRated, draft: Draft) -> Accepted:
    """A rated amount is revenue of the last day of its usage (606-10-32-40)."""
    contract = admitted_contract(state, event, event.currency)
    check_quantity(f"usage of {event.meter!r}", event.quantity or 1, event.quantity_scale)
    check_amounts(amount=event.amount_minor)
    check_dates(usage=(event.usage_from, event.usage_to))
    terms, item = _metered(state, contract, event.meter)
    rated = RatedUsage(
        id=object_of(event),
        at=event.usage_to,
        qty=event.quantity,
        qty_scale=event.quantity_scale,
        amount=event.amount_minor,
        cause=draft.cause.pointer,
        version=event.envelope.object_version,
    )
    touched = {(terms.arrangement, item.po): event.usage_to}
    if state.extent.knows_rated(rated.id):
        before, known = _rated(state, rated.id)
        if known.version >= rated.version:
            return Accepted(state, effect=False)
        state = without_usage(state, before, known)
        earlier = (before.arrangement, before.po)
        touched[earlier] = min(known.at, touched.get(earlier, known.at))
    bucket = UsageBucket(contract.id, event.meter, event.usage_from, terms.arrangement, item.po, ())
    state, bucket = with_usage(state, bucket, rated)
    check_usage_row(bucket)
    return Accepted(state, earned_from(touched))


def _rated(state: GroupState, rated_id: str) -> tuple[UsageBucket, RatedUsage]:
    """The rated amount of this id, which is known, and its bucket."""
    found = ((bucket, known_fact(bucket.rated, rated_id)) for bucket in state.usage)
    return next((bucket, known) for bucket, known in found if known is not None)


def _metered(state: GroupState, contract: Contract, meter: str) -> tuple[Terms, Item]:
    for terms in state.facts.terms:
        if terms.contract == contract.id:
            for item in terms.add:
                if item.meter == meter and item.measure == "amount":
                    return terms, item
    raise Refused(
        "EVIDENCE_UNKNOWN_PO", f"no line of contract {contract.id!r} has meter {meter!r}", "version"
    )


RULES: Rules = {UsageRated: usage}
