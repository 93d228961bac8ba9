"""Which choices count: for an arrangement those that it was opened under, for posting those of the day.

Invariant: an arrangement keeps the rows that it was opened under, whatever is published later; a further book differs
from its entity's own in what no fact is admitted by, and in nothing else.
"""

from __future__ import annotations

from msgspec.structs import replace

from tieout.agents.accounting.policy import Policy
from tieout.agents.contracts.decision import Refused, View
from tieout.agents.contracts.switches import check_switches, policy_from
from tieout.avro.days import iso
from tieout.avro.events import Day
from tieout.avro.reference import EntityPublished
from tieout.tables.contract import Arrangement

PER_BOOK = ("books", "fx_policy", "cl_lots", "ca_rate", "ic_model")
"""Switches that a further book may set in its own way: those that no fact is admitted by."""


def policy_of(view: View, arrangement: Arrangement) -> Policy:
    """The choices that the arrangement was opened under: those of its entity's row that it pinned."""
    return policy_from(pinned(view, arrangement).policy)


def pinned(view: View, arrangement: Arrangement) -> EntityPublished:
    """The entity's row that the arrangement was opened under, with the switches of its book."""
    entity = view.reference.entity_version(arrangement.entity, arrangement.policy_version)
    assert entity is not None, (
        f"entity {arrangement.entity!r}@{arrangement.policy_version} was known when it was pinned"
    )
    for book, version in arrangement.policies:
        if book == arrangement.book:
            published = view.reference.policy_version(arrangement.entity, book, version)
            assert published is not None, f"policy {version} of {book!r} was known when it was pinned"
            return replace(entity, policy=published.switches)
    return entity


def governed(view: View, entity: EntityPublished, day: Day) -> EntityPublished:
    """The entity's row with the switches that count in its book on a day: those published for the book, else its own."""
    published = view.reference.policy(entity.header.id, entity.book, day)
    return entity if published is None else replace(entity, policy=published.switches)


def to_pin(view: View, entity: EntityPublished, day: Day) -> tuple[tuple[str, int], ...]:
    """(book, version) of the policy that an arrangement opened on a day pins; none where the entity's own row governs."""
    pins: list[tuple[str, int]] = []
    for book in (entity.book, *further_books(entity)):
        published = view.reference.policy(entity.header.id, book, day)
        if published is not None:
            pins.append((book, published.header.version))
    return tuple(pins)


def further_books(entity: EntityPublished) -> tuple[str, ...]:
    """The books beside its own that an entity keeps, by the policy that governs it."""
    return tuple([book for book in policy_from(entity.policy).books if book != entity.book])


def check_books(view: View, entity: EntityPublished, day: Day) -> None:
    """POLICY_MISSING for a further book without a policy of its own, or with one that differs where no rule is built."""
    own = policy_from(entity.policy)
    for book in further_books(entity):
        published = view.reference.policy(entity.header.id, book, day)
        if published is None:
            what = f"policy of book {book!r} of entity {entity.header.id!r}"
            raise Refused("POLICY_MISSING", f"{what} is not published for {iso(day)}", "reference")
        check_switches(entity.header.id, published.switches)
        theirs = policy_from(published.switches)
        if replace(theirs, **{name: getattr(own, name) for name in PER_BOOK}) != own:
            what = f"book {book!r} of entity {entity.header.id!r} differs from {entity.book!r}"
            raise Refused("POLICY_MISSING", f"{what} in more than {', '.join(PER_BOOK[1:])}", "reference")


def check_policy(entity: EntityPublished) -> None:
    """POLICY_MISSING for a switch or value whose rule is not built."""
    check_switches(entity.header.id, entity.policy)


def policy_on(view: View, entity: str, book: str, day: Day) -> Policy:
    """The choices of an entity's book that count on a day: those that govern posting, whatever an arrangement pinned.

    Refused where they name a value without a rule.
    """
    row = view.reference.entity(entity, day)
    assert row is not None, f"entity {entity!r} was known before {iso(day)}"
    published = view.reference.policy(entity, book, day)
    switches = row.policy if published is None else published.switches
    check_switches(entity, switches)
    return policy_from(switches)
