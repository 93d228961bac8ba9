"""Contracts that are accounted for as one: their promises share one price, and one net position (606-10-25-9).

A contract says at its activation with which one it was negotiated; that one may itself have joined another. Invariant:
what joins is promised as if all had been agreed at once: one basis of allocation over all lines, from the day on which
the last of them counts.
"""

from __future__ import annotations

from typing import NamedTuple

from tieout.agents.accounting.inception_basis import Bundles
from tieout.agents.accounting.modification import opens, particulars
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.draft import Draft
from tieout.agents.contracts.limits import OBLIGATIONS_MAX
from tieout.agents.contracts.policy import policy_of
from tieout.agents.contracts.pricing import PricedOn, check_weighable, with_plausible_residuals
from tieout.avro.events import ContractActivated, ContractOpenedMidlife, Minor
from tieout.tables.contract import Arrangement, Contract, GroupState
from tieout.tables.facts import Item, Terms


class Joined(NamedTuple):
    """The arrangement that a contract joins, with what it was opened by and all lines that it ever promised."""

    arrangement: Arrangement
    named: Contract
    inceptions: tuple[Terms, ...]
    promised: tuple[Item, ...]

    def with_contract(self, contract: str) -> tuple[str, ...]:
        """All contracts of the arrangement, this one among them."""
        before = self.arrangement.contracts or (self.arrangement.contract,)
        return tuple(sorted((*before, contract)))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why its lines share the price of others."""
        return (
            f"negotiated with contract {self.named.id}: accounted for as one contract",
            "606-10-25-9",
        )


def joined_of(
    state: GroupState, event: ContractActivated | ContractOpenedMidlife, draft: Draft
) -> Joined | None:
    """What an activation joins; None where it stands alone. It waits for a contract that has not opened yet."""
    other = event.combine_with
    if other is None:
        return None
    own = event.envelope.contract_id
    if other == own:
        raise Refused("VALUE_INVALID", f"contract {own!r} is combined with itself")
    named = state.contract(other)
    if named is None:
        raise Refused(
            "SEQUENCE_GAP",
            f"contract {other!r}, with which {own!r} is combined, has not opened yet",
            "opening",
        )
    _check_parties(event, named)
    arrangement = state.arrangements_of(named.id)[0]
    terms = [each for each in state.facts.terms if each.arrangement == arrangement.id]
    first = next(each for each in terms if (each.contract, each.version) == (named.id, 1))
    if first.kind != "activate":
        raise Refused(
            "EVENT_UNSUPPORTED", f"contract {other!r} came over in mid-life: joining it is not supported yet"
        )
    _check_dates(event, first, policy_of(draft.view, arrangement).combination)
    promised = tuple([item for each in terms for item in each.add])
    return Joined(arrangement, named, tuple([each for each in terms if opens(each)]), promised)


def with_one_basis(
    joined: Joined, items: tuple[Item, ...], bundles: Bundles, price: Minor, book: PricedOn
) -> tuple[Item, ...]:
    """The promises of a contract that joins: each line is named once in the arrangement, and all can be weighed."""
    both = {item.po for item in joined.promised} & {item.po for item in items}
    if both:
        raise Refused(
            "VALUE_INVALID",
            f"lines {sorted(both)} are promised in {joined.arrangement.id} already: combined lines need ids of their own",
        )
    if len(joined.promised) + len(items) > OBLIGATIONS_MAX:
        raise Refused("LIMIT_EXCEEDED", f"more than {OBLIGATIONS_MAX} lines in contracts that are combined")
    standing = tuple([item for terms in joined.inceptions for item in terms.add])
    subsets = tuple([bundle for terms in joined.inceptions for bundle in particulars(terms).bundles])
    subsets, total = (*subsets, *bundles), price + sum([terms.pool for terms in joined.inceptions])
    together = tuple(sorted((*standing, *items), key=lambda item: item.po))
    check_weighable(together, subsets, total)
    kept = with_plausible_residuals(together, subsets, total, book)
    changed = {item.po for item in standing} & {item.po for item in {*kept} - {*together}}
    if changed:
        raise Refused(
            "SSP_RESIDUAL_IMPLAUSIBLE",
            f"with further lines {sorted(changed)} would take a residual outside of their range",
            "reference",
        )
    own = {item.po for item in items}
    return tuple([item for item in kept if item.po in own])


def _check_parties(event: ContractActivated | ContractOpenedMidlife, named: Contract) -> None:
    """One entity, one currency, one customer or a related one: somebody that both contracts name (25-9)."""
    if event.currency != named.currency:
        raise Refused("CURRENCY_MIXED", f"{event.currency} with contract {named.id!r} in {named.currency}")
    if event.envelope.legal_entity != named.entity:
        raise Refused(
            "ENTITY_UNRESOLVED",
            f"entity {event.envelope.legal_entity!r} with contract {named.id!r} of {named.entity!r}",
        )
    if {event.customer_id, event.bill_to_id or event.customer_id}.isdisjoint(
        {named.customer, named.bill_to or named.customer}
    ):
        raise Refused(
            "CUSTOMER_UNRESOLVED",
            f"contract {named.id!r} is another customer's, and neither pays for the other: not related as far as known",
        )


def _check_dates(event: ContractActivated | ContractOpenedMidlife, first: Terms, combination: str) -> None:
    """COMBINATION_REVIEW where policy says how near in time they must be, and they are not: people decide."""
    if not combination.isdecimal() or event.approved_date is None:
        return
    apart = abs(event.approved_date - first.approved)
    if apart > int(combination):
        raise Refused(
            "COMBINATION_REVIEW",
            f"contract {first.contract!r} was agreed {apart} days apart; policy combines within {combination}",
        )
