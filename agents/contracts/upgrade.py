"""What is accepted while workers of the release before still run: what they, too, can read and go on from.

Invariant: with ``state_version`` set to the older release's, no fact enters a row that the older release would lose or
account for otherwise; the event waits by name, and is tried again at each activation of reference data. A release that
raises the state version writes these lists anew, from the one before.
"""

from __future__ import annotations

from collections.abc import Mapping

from tieout.agents.contracts.decision import Refused, View
from tieout.avro.events import (
    ContractActivated,
    ContractAmended,
    ContractCancelled,
    ContractRenewed,
    CreditMemoIssued,
    Event,
    GoodsDelivered,
    InvoicePosted,
    MilestoneCompleted,
    PaymentReceived,
    UsageRated,
)
from tieout.tables.codec import writes_previous
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.group_rows import fits_previous

_EVENTS = frozenset(
    {
        ContractActivated,
        ContractAmended,
        ContractCancelled,
        ContractRenewed,
        CreditMemoIssued,
        GoodsDelivered,
        InvoicePosted,
        MilestoneCompleted,
        PaymentReceived,
        UsageRated,
    }
)
"""Event types that the release before has a rule for."""

_MEASURES = ("time", "point", "units", "amount")

_SWITCHES: Mapping[str, tuple[str, ...]] = {
    "convention": ("months_prorated", "days", "months_even"),
    "schedule_rounding": ("cumulative",),
    "allocation_rounding": ("largest_remainder",),
    "progress_digits": ("none",),
    "modification_date": ("later_of", "approved", "effective"),
    "retroactive_price": ("prospective",),
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
"""Switch values of the release before. ``ssp_tolerance`` and ``credit_effect.REASON`` took any value that they take now."""

_OPEN_SWITCHES = ("ssp_tolerance", "credit_effect.")


def check_upgrade(before: GroupState, after: GroupState, event: Event, view: View) -> None:
    """EVENT_UNSUPPORTED for what the release before could not go on from, while its rows are written."""
    if not writes_previous():
        return
    if type(event) not in _EVENTS:
        _refuse(f"{event.EVENT_TYPE} has no rule")
    items = [item for terms in after.facts.terms for item in terms.add]
    if any(item.measure not in _MEASURES for item in items):
        _refuse("a line has a measure")
    if any(item.convention not in _SWITCHES["convention"] for item in items):
        _refuse("a line has a convention")
    contracting = {each.id: each.entity for each in after.group.arrangements}
    if any(
        item.entity != contracting[terms.arrangement] for terms in after.facts.terms for item in terms.add
    ):
        _refuse("a line that another entity performs")
    opened = {each.id for each in before.group.arrangements}
    for arrangement in after.group.arrangements:
        if arrangement.id not in opened:
            _check_policy(arrangement, view)
    if not fits_previous(before, after):
        _refuse("something in it has no place")


def _check_policy(arrangement: Arrangement, view: View) -> None:
    entity = view.reference.entity_version(arrangement.entity, arrangement.policy_version)
    assert entity is not None, f"entity {arrangement.entity!r} was known when {arrangement.id} opened"
    for switch in entity.policy:
        known = switch.value in _SWITCHES.get(switch.name, ())
        if not known and not switch.name.startswith(_OPEN_SWITCHES):
            _refuse(f"policy {switch.name} = {switch.value!r} of {arrangement.entity!r} has no rule")


def _refuse(what: str) -> None:
    raise Refused(
        "EVENT_UNSUPPORTED",
        f"{what} in the release before, whose rows are still written: it waits until state_version is this release's",
        "reference",
    )
