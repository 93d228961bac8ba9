"""Entities that perform a promise of another one's contract, checked before they take it on.

Invariant: a promise is only taken on by an entity whose journals can be written on that day, for a claim whose rule is
built; whatever is missing waits for reference data, by name.
"""

from __future__ import annotations

from collections.abc import Iterable

from tieout.agents.accounting.ledger_targets import GAIN, PAYABLE, RECEIVABLE
from tieout.agents.accounting.performing_entities import SWITCHES
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.pricing import PricedOn
from tieout.agents.contracts.switches import policy_from
from tieout.avro.days import iso
from tieout.avro.events import Day
from tieout.avro.reference import EntityPublished
from tieout.tables.reference import Reference

_CLASSES = ("revenue", "contract_liability", "contract_asset", RECEIVABLE)


def admitted_performer(performing: str, contracting: EntityPublished, book: PricedOn, day: Day) -> str:
    """The entity that performs a line. ENTITY_UNRESOLVED, ACCOUNT_UNMAPPED, PERIOD_CALENDAR_MISSING, POLICY_MISSING."""
    reference = book.view.reference
    entity = reference.entity(performing, day)
    if entity is None or reference.erp_account(entity.erp_account) is None:
        what = f"performing entity {performing!r}, or its ERP account, is not published for {iso(day)}"
        raise Refused("ENTITY_UNRESOLVED", what, "reference")
    if reference.calendar(entity.calendar) is None:
        what = f"no calendar {entity.calendar!r} is published"
        raise Refused("PERIOD_CALENDAR_MISSING", what, "reference")
    foreign = (GAIN,) if entity.functional_currency != book.currency else ()
    _check_mapped(reference, performing, (*_CLASSES, *foreign), day)
    _check_mapped(reference, contracting.header.id, (PAYABLE,), day)
    _check_built(reference, performing, contracting, day)
    return performing


def _check_mapped(reference: Reference, entity: str, classes: Iterable[str], day: Day) -> None:
    for account_class in classes:
        if reference.account(entity, account_class, day) is None:
            what = f"{account_class} of {entity!r} has no account on {iso(day)}"
            raise Refused("ACCOUNT_UNMAPPED", what, "reference")


def _check_built(reference: Reference, performing: str, contracting: EntityPublished, day: Day) -> None:
    """POLICY_MISSING for a transfer price, and for contra revenue, whose entity nobody states."""
    agreed = reference.intercompany(contracting.header.id, performing, day)
    if agreed is not None:
        own_share = agreed.share_ppm is not None or agreed.margin_ppm
        if own_share or agreed.model not in (None, *SWITCHES["ic_model"]):
            what = f"the agreement of {contracting.header.id!r} with {performing!r}: a share, a margin or {agreed.model!r}"
            raise Refused("POLICY_MISSING", f"{what} has no rule in this release", "reference")
    if policy_from(contracting.policy).shows_contra:
        what = f"contra revenue of {contracting.header.id!r} in a contract that {performing!r} performs"
        raise Refused("POLICY_MISSING", f"{what} has no rule in this release", "reference")
