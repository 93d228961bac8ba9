"""Policy switches as the core reads them: what is chosen where the standard leaves a choice (domain model, section 3).

Invariants: the first value of a switch is its default; a value whose rule is not built is refused when a contract
opens under it, so that no figure ever rests on a switch that was ignored; an arrangement keeps the rows that it was
opened under.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from msgspec.structs import replace

from tieout.agents.accounting import (
    allocation,
    contra,
    dated_amounts,
    functional_currency,
    modification,
    performance,
    performing_entities,
    position,
    progress,
    receivables,
    remaining,
    service_time,
    vendor_rounding,
)
from tieout.agents.accounting.policy import NUMBER, CreditEffect, Materiality, Policy, Switches
from tieout.agents.contracts import periods
from tieout.agents.contracts.decision import Refused, View
from tieout.avro.days import iso
from tieout.avro.events import Day
from tieout.avro.reference import EntityPublished, PolicySwitch
from tieout.tables.contract import Arrangement

_FAMILIES: tuple[Switches, ...] = (
    service_time.SWITCHES,
    progress.SWITCHES,
    performance.SWITCHES,
    allocation.SWITCHES,
    vendor_rounding.SWITCHES,
    modification.SWITCHES,
    dated_amounts.SWITCHES,
    receivables.SWITCHES,
    remaining.SWITCHES,
    contra.SWITCHES,
    position.SWITCHES,
    performing_entities.SWITCHES,
    functional_currency.SWITCHES,
    periods.SWITCHES,
)

SWITCHES: Switches = dict(chain.from_iterable(family.items() for family in _FAMILIES))
"""Switch -> values that are built, the default first."""

assert len(SWITCHES) == sum(map(len, _FAMILIES)), "one switch in two families"

_CREDIT = "credit_effect."
_REACHES = ("none", "performed", "version", "price_only")

_CREDIT_DEFAULTS: Mapping[str, CreditEffect] = {
    **dict.fromkeys(
        ("billing_error", "rebill", "tax_only", "duplicate", "settles_modification"), CreditEffect("none", "")
    ),
    **dict.fromkeys(
        ("concession_past", "sla_credit", "implicit_concession", "concession"), CreditEffect("performed", "")
    ),
    **dict.fromkeys(("refund_proportional", "rebate", "consideration_payable"), CreditEffect("version", "")),
    "future_discount": CreditEffect("price_only", ""),
}


def _listed(value: str) -> tuple[str, ...]:
    return tuple(value.split(","))


def _materiality(value: str) -> Materiality | None:
    """``none``, an amount in minor units, or ``amount=N,percent=P`` with either left out."""
    if value.isdecimal():
        return Materiality(int(value), 0)
    stated = dict(part.split("=") for part in value.split(",")) if value != "none" else {}
    if not stated:
        return None
    return Materiality(int(stated.get("amount", 0)), int(stated.get("percent", 0)))


_MATERIALITY = re.compile(r"amount=[0-9]{1,18}(,percent=[0-9]{1,3})?|percent=[0-9]{1,3}")


def _unless_none(value: str) -> int | None:
    return None if value == "none" else int(value)


PER_BOOK = ("books", "fx_policy", "cl_lots", "ca_rate", "ic_model")
"""Switches that a further book may set in its own way: those that no fact is admitted by."""

_BOOKS = re.compile(r"[a-z][a-z0-9_]{0,31}(,[a-z][a-z0-9_]{0,31}){0,7}")


def _are_exemptions(value: str) -> bool:
    kinds = _listed(value)
    return len(set(kinds)) == len(kinds) and set(kinds) <= set(remaining.EXEMPTIONS)


_FORMS: Mapping[str, Callable[[str], object]] = {
    "materiality": _MATERIALITY.fullmatch,
    "books": _BOOKS.fullmatch,
    "rpo_exempt": _are_exemptions,
}
"""Switch -> whether a value that is not listed has a form that is built."""

_TYPED: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "ssp_tolerance": ("ssp_tolerance_percent", int),
    "progress_digits": ("progress_digits", _unless_none),
    "materiality": ("materiality", _materiality),
    "rpo_exempt": ("rpo_exempt", _listed),
    "books": ("books", lambda value: () if value == "one" else _listed(value)),
}
"""Switch -> its field of ``Policy`` and how its value is read; any other is the text of the field of its name."""


@lru_cache(maxsize=1_024)
def policy_from(switches: tuple[PolicySwitch, ...]) -> Policy:
    """The choices that these switches make, with the default of each that is not among them."""
    chosen: dict[str, Any] = {}
    effects: dict[str, CreditEffect] = {}
    for switch in switches:
        if switch.name.startswith(_CREDIT):
            reach, _, contra = switch.value.partition(":")
            effects[switch.name.removeprefix(_CREDIT)] = CreditEffect(
                reach, f"contra_revenue.{contra}" if contra else ""
            )
            continue
        field, read = _TYPED.get(switch.name, (switch.name, str))
        chosen[field] = read(switch.value)
    return Policy(credit_effects=effects, **chosen)


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
        _check_switches(entity.header.id, published.switches)
        theirs = policy_from(published.switches)
        if replace(theirs, **{name: getattr(own, name) for name in PER_BOOK}) != own:
            what = f"book {book!r} of entity {entity.header.id!r} differs from {entity.book!r}"
            raise Refused("POLICY_MISSING", f"{what} in more than {', '.join(PER_BOOK[1:])}", "reference")


def credit_effect(policy: Policy, reason: str | None) -> CreditEffect | None:
    """Effect by reason (2.6); a switch ``credit_effect.REASON`` has the value ``reach`` or ``reach:contra``."""
    if reason is None:
        return None
    return policy.credit_effects.get(reason) or _CREDIT_DEFAULTS.get(reason)


def check_policy(entity: EntityPublished) -> None:
    """POLICY_MISSING for a switch or value whose rule is not built."""
    _check_switches(entity.header.id, entity.policy)


def _check_switches(entity: str, switches: tuple[PolicySwitch, ...]) -> None:
    for each in switches:
        if each.name.startswith(_CREDIT):
            if each.value.partition(":")[0] in _REACHES:
                continue
        elif _is_built(each):
            continue
        what = f"policy {each.name} = {each.value!r} of entity {entity!r}"
        ruled = _REACHES if each.name.startswith(_CREDIT) else SWITCHES.get(each.name, ())
        known = ", ".join(["a number" if value == NUMBER else value for value in ruled])
        detail = f"{what} has no rule in this release" + (f"; one of {known} has" if known else "")
        raise Refused("POLICY_MISSING", detail, "reference")


def policy_on(view: View, entity: str, book: str, day: Day) -> Policy:
    """The choices of an entity's book that count on a day: those that govern posting, whatever an arrangement pinned.

    Refused where they name a value without a rule.
    """
    row = view.reference.entity(entity, day)
    assert row is not None, f"entity {entity!r} was known before {iso(day)}"
    published = view.reference.policy(entity, book, day)
    switches = row.policy if published is None else published.switches
    _check_switches(entity, switches)
    return policy_from(switches)


def _is_built(switch: PolicySwitch) -> bool:
    if switch.name in _FORMS and _FORMS[switch.name](switch.value):
        return True
    values = SWITCHES.get(switch.name, ())
    return switch.value in values or (
        NUMBER in values and switch.value.isdecimal() and switch.value.isascii()
    )
