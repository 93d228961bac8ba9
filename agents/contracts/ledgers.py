"""The ledgers that an arrangement is kept in where one in the contract's currency is not enough.

Each further book (IFRS beside US GAAP, say) has ledgers of its own, under its own policy, over the same facts. Each entity
that performs has one of its own (ASC 810, 850), in its own calendar, with its own closes and runs; an entity
whose functional currency is another one keeps it in both (ASC 830-10). Invariant: the entity that contracts comes first;
who performs, and in which currencies, follows from the facts and from the rows that the arrangement was opened under.
"""

from __future__ import annotations

from functools import cached_property

from msgspec.structs import replace

from tieout.agents.accounting.bookings import Booking, bookings_of
from tieout.agents.accounting.ledger_targets import LedgerTargets, booked_by_class
from tieout.agents.accounting.performing_entities import Performers, performers_of
from tieout.agents.accounting.policy import Policy
from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.decision import View
from tieout.agents.contracts.exchange import Exchange
from tieout.agents.contracts.periods import BILLING_SUMMARY, Ground, ground_of
from tieout.agents.contracts.policy import policy_of
from tieout.tables.codec import writes_previous
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.ledger import Account


class Ledgers:
    """The ledgers of one arrangement, as its facts stand, in its own book or, by name, in a ``further`` one."""

    def __init__(self, state: GroupState, arrangement: Arrangement, view: View, further: str = "") -> None:
        self.state, self.view, self.further = state, view, further
        self.arrangement = replace(arrangement, book=further) if further else arrangement
        self.policy: Policy = policy_of(view, self.arrangement)
        self.targets = Targets(state, self.arrangement)

    @cached_property
    def performers(self) -> Performers | None:
        """Who performs; None where it is the contracting entity alone."""
        arrangement = self.arrangement
        of = performers_of(self.state, arrangement)
        others = tuple(sorted(set(of.values()) - {arrangement.entity}))
        if not others:
            return None
        return Performers(
            arrangement.entity,
            of,
            others,
            {each: claim_model(self.view, arrangement, each, self.policy) for each in others},
        )

    @cached_property
    def bookings(self) -> list[Booking]:
        """Documents and cash."""
        return bookings_of(self.state, self.arrangement)

    def all(self) -> list[Kept]:
        """The contracting entity's ledger, then those of the others by name."""
        others = () if self.performers is None else self.performers.others
        return [Kept(self, each) for each in (self.arrangement.entity, *others)]


class Kept:
    """One ledger: ``arrangement`` as this entity keeps it."""

    def __init__(self, ledgers: Ledgers, entity: str) -> None:
        self.ledgers = ledgers
        self.is_own = entity == ledgers.arrangement.entity
        self.arrangement = ledgers.arrangement
        if not self.is_own:
            since = min(
                terms.at
                for terms in ledgers.state.facts.terms
                if terms.arrangement == self.arrangement.id
                and any(item.entity == entity for item in terms.add)
            )
            row = ledgers.view.reference.entity(entity, since)
            assert row is not None, f"entity {entity!r} was known when it took a promise on"
            self.arrangement = replace(
                self.arrangement,
                entity=entity,
                book=ledgers.further or row.book,
                policy_version=row.header.version,
                opened=since,
            )

    @property
    def name(self) -> str:
        """Of the ledger's account: empty for the arrangement's own entity."""
        return "" if self.is_own else self.arrangement.entity

    @cached_property
    def ground(self) -> Ground:
        """Entity and books. Refused where the calendar is not published."""
        return ground_of(self.ledgers.view, self.arrangement)

    @cached_property
    def exchange(self) -> Exchange | None:
        """Rates into the functional currency; None where that is the contract's."""
        pair = self.arrangement.currency, self.ground.entity.functional_currency
        if pair[0] == pair[1]:
            return None
        return Exchange(self.ledgers.view.reference, pair, self.ledgers.arrangement.opened)

    @property
    def journals_billing(self) -> bool:
        """Whether documents and cash are journalled here."""
        return self.is_own and self.ledgers.policy.ar_owner == BILLING_SUMMARY

    @cached_property
    def targets(self) -> LedgerTargets:
        ledgers = self.ledgers
        booked = booked_by_class(ledgers.bookings) if self.journals_billing else None
        return LedgerTargets(ledgers.targets, self.arrangement.entity, ledgers.performers, booked)

    def account(self, state: GroupState) -> Account:
        """What was emitted."""
        return state.ledger.account(self.arrangement.id, self.arrangement.book, self.name)


def further_books(arrangement: Arrangement) -> tuple[str, ...]:
    """Books beside the arrangement's own that it is kept in."""
    return tuple([book for book, _ in arrangement.policies if book != arrangement.book])


def claim_model(view: View, arrangement: Arrangement, performing: str, policy: Policy) -> str:
    """When another entity has a claim: as agreed between the two when the arrangement opened, else as the policy says."""
    agreed = view.reference.intercompany(arrangement.entity, performing, arrangement.opened)
    return policy.ic_model if agreed is None or agreed.model is None else agreed.model


def needs_ledgers(state: GroupState, arrangement: Arrangement, ground: Ground) -> bool:
    """Whether one ledger in the contract's currency is not enough.

    While rows of the release before are written it has to be: they have no place for anything else.
    """
    if ground.plain_in != arrangement.currency:
        return not writes_previous()
    entities = state.extent.entities
    if len(entities) == 1 and entities[0] == arrangement.entity:
        return False
    return set(performers_of(state, arrangement).values()) - {arrangement.entity} != set()
