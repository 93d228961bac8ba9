"""Policy switches of an entity: what is chosen where the standard leaves a choice (domain model, section 3).

Invariant: the first value of a switch is its default; a value whose rule is not built is refused when a contract
opens under it, so that no figure ever rests on a switch that was ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.measures import CONVENTIONS
from tieout.avro.reference import EntityPublished

SUPPORTED: Mapping[str, tuple[str, ...]] = {
    "convention": CONVENTIONS,
    "schedule_rounding": ("cumulative",),
    "allocation_rounding": ("largest_remainder",),
    "progress_digits": ("none",),
    "modification_date": ("later_of", "approved", "effective"),
    "retroactive_price": ("prospective",),
    "ssp_tolerance": ("0",),
    "prospective_scope": ("arrangement",),
    "negative_remaining": ("queue",),
    "combination": ("stated",),
    "netting": ("arrangement",),
    "ar_owner": ("erp", "billing_mirrored"),
    "receivable_when": ("invoiced",),
    "start_gate": ("contract_start",),
    "renewals_expected": ("no",),
    "emission": ("month_end_run", "daily_run"),
    "late_effects": ("first_open_period",),
    "catch_up": ("on",),
    "materiality": ("none",),
    "parked_contract_revenue": ("continue_on_last_version",),
    "journal_grain": ("arrangement",),
    "books": ("one",),
}
"""Switch -> values that are built, the default first. ``ssp_tolerance`` also takes any whole percent."""

_CREDIT = "credit_effect."


class CreditEffect(NamedTuple):
    """What a credit memo does to the price: reach none, performed, version or price_only; a contra class or none."""

    reach: str
    contra: str


_CREDIT_DEFAULTS: Mapping[str, CreditEffect] = {
    **dict.fromkeys(
        ("billing_error", "rebill", "tax_only", "duplicate", "settles_modification"), CreditEffect("none", "")
    ),
    **dict.fromkeys(("concession_past", "sla_credit", "implicit_concession"), CreditEffect("performed", "")),
    **dict.fromkeys(("refund_proportional", "rebate", "consideration_payable"), CreditEffect("version", "")),
    "future_discount": CreditEffect("price_only", ""),
}


def switch(entity: EntityPublished, name: str) -> str:
    """The value of a switch, or its default."""
    for each in entity.policy:
        if each.name == name:
            return each.value
    return SUPPORTED[name][0]


def credit_effect(entity: EntityPublished, reason: str | None) -> CreditEffect | None:
    """Effect by reason (2.6); a switch ``credit_effect.REASON`` has the value ``reach`` or ``reach:contra``."""
    for each in entity.policy:
        if each.name == f"{_CREDIT}{reason}":
            reach, _, contra = each.value.partition(":")
            return CreditEffect(reach, f"contra_revenue.{contra}" if contra else "")
    return _CREDIT_DEFAULTS.get(reason) if reason is not None else None


def check_policy(entity: EntityPublished) -> None:
    """POLICY_MISSING for a switch or value whose rule is not built."""
    for each in entity.policy:
        if each.name.startswith(_CREDIT):
            reach = each.value.partition(":")[0]
            if reach in ("none", "performed", "version", "price_only"):
                continue
        elif each.value in SUPPORTED.get(each.name, ()) or (
            each.name == "ssp_tolerance" and each.value.isdigit()
        ):
            continue
        what = f"policy {each.name} = {each.value!r} of entity {entity.header.id!r}"
        raise Refused("POLICY_MISSING", f"{what} has no rule in this release", "reference")
