"""Policy switches: what may be chosen where the standard leaves a choice, and how a value is written (domain model, section 3).

Invariants: the first value of a switch is its default; a value whose rule is not built is refused by name, so that no
figure ever rests on a switch that was ignored. Which choices count for an arrangement is ``policy``'s to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from tieout.agents.accounting import (
    allocation,
    contra,
    dated_amounts,
    functional_currency,
    modification,
    negative_remaining,
    performance,
    performing_entities,
    position,
    progress,
    receivables,
    remaining,
    retroactive_price,
    service_time,
    vendor_rounding,
)
from tieout.agents.accounting.policy import BY_REASON, NUMBER, CreditEffect, Materiality, Policy, Switches
from tieout.agents.contracts import periods
from tieout.agents.contracts.decision import Refused
from tieout.avro.reference import PolicySwitch

_FAMILIES: tuple[Switches, ...] = (
    service_time.SWITCHES,
    progress.SWITCHES,
    performance.SWITCHES,
    allocation.SWITCHES,
    vendor_rounding.SWITCHES,
    modification.SWITCHES,
    negative_remaining.SWITCHES,
    retroactive_price.SWITCHES,
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
_CONTRA = "contra_revenue."
_REACHES = ("none", "performed", "version", "price_only")
_FROM_REVENUE = ("performed", "version")
"""Reaches of which a part takes from revenue; what re-bases the future takes nothing from the past."""

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


def _are_exemptions(value: str) -> bool:
    kinds = _listed(value)
    return len(set(kinds)) == len(kinds) and set(kinds) <= set(remaining.EXEMPTIONS)


class Form(NamedTuple):
    """How a value is written. ``read`` gives what the ``field`` of ``Policy`` holds.

    ``fits``: whether a value that ``SWITCHES`` does not list is built all the same; ``words`` say what such a value is.
    """

    field: str
    read: Callable[[str], Any]
    fits: Callable[[str], object] = lambda _: False
    words: str = ""


_FORMS: Mapping[str, Form] = {
    "ssp_tolerance": Form("ssp_tolerance_percent", int),
    "progress_digits": Form("progress_digits", lambda value: None if value == "none" else int(value)),
    "materiality": Form(
        "materiality",
        _materiality,
        re.compile(r"amount=[0-9]{1,18}(,percent=[0-9]{1,3})?|percent=[0-9]{1,3}").fullmatch,
        "amount=N,percent=P with either left out",
    ),
    "rpo_exempt": Form("rpo_exempt", _listed, _are_exemptions, "several of these, separated by commas"),
    "books": Form(
        "books",
        lambda value: () if value == "one" else _listed(value),
        re.compile(r"[a-z][a-z0-9_]{0,31}(,[a-z][a-z0-9_]{0,31}){0,7}").fullmatch,
        "names of books, separated by commas",
    ),
}
"""Switch -> its form; any other is the text of the field of its name, one of the values that are listed."""


def form_of(name: str) -> Form:
    """Of a switch that there is, ``credit_effect.`` ones left out."""
    return _FORMS.get(name, Form(name, str))


def values_in_words(name: str) -> list[str]:
    """The values of a switch that are built, the default first; none where there is no such switch."""
    if name.startswith(_CREDIT):
        return list(_REACHES)
    listed = ["a number" if value == NUMBER else value for value in SWITCHES.get(name, ())]
    words = form_of(name).words
    return [*listed, words] if words else listed


@lru_cache(maxsize=1_024)
def policy_from(switches: tuple[PolicySwitch, ...]) -> Policy:
    """The choices that these switches make, with the default of each that is not among them."""
    chosen: dict[str, Any] = {}
    effects: dict[str, CreditEffect] = {}
    for switch in switches:
        if switch.name.startswith(_CREDIT):
            reach, _, contra = switch.value.partition(":")
            effects[switch.name.removeprefix(_CREDIT)] = CreditEffect(
                reach, f"{_CONTRA}{contra}" if contra else ""
            )
            continue
        form = form_of(switch.name)
        chosen[form.field] = form.read(switch.value)
    return Policy(credit_effects=effects, **chosen)


def credit_effect(policy: Policy, reason: str | None) -> CreditEffect | None:
    """Effect by reason (2.6); a switch ``credit_effect.REASON`` has the value ``reach`` or ``reach:contra``.

    With ``contra_accounts`` by reason, what takes from revenue and names no class is shown as ``contra_revenue.REASON``.
    """
    if reason is None:
        return None
    effect = policy.credit_effects.get(reason) or _CREDIT_DEFAULTS.get(reason)
    if effect is None or effect.contra or policy.contra_accounts != BY_REASON:
        return effect
    return effect._replace(contra=f"{_CONTRA}{reason}") if effect.reach in _FROM_REVENUE else effect


def check_switches(entity: str, switches: tuple[PolicySwitch, ...]) -> None:
    """POLICY_MISSING for a switch or value of an entity whose rule is not built."""
    for each in switches:
        if each.name.startswith(_CREDIT):
            if each.value.partition(":")[0] in _REACHES:
                continue
        elif _is_built(each):
            continue
        what = f"policy {each.name} = {each.value!r} of entity {entity!r}"
        known = ", ".join(values_in_words(each.name))
        detail = f"{what} has no rule in this release" + (f"; one of {known} has" if known else "")
        raise Refused("POLICY_MISSING", detail, "reference")


def _is_built(switch: PolicySwitch) -> bool:
    values = SWITCHES.get(switch.name, ())
    return (
        switch.value in values
        or (NUMBER in values and switch.value.isdecimal() and switch.value.isascii())
        or bool(form_of(switch.name).fits(switch.value))
    )
