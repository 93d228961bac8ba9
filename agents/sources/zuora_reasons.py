"""Why a row of a Zuora export is not (part of) an event: a named reason, who owns it, what they do next.

Invariant: every refused row has exactly one of these reasons, so that counts per reason add up to the rows refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from tieout.agents.sources.zuora_rows import RowId
from tieout.avro.outcomes import ExceptionItem


@dataclass(frozen=True, slots=True)
class Reason:
    """Who owns it, how urgent it is (2 stops this contract, 3 ages), and the next step."""

    owner: str
    severity: int
    next_step: str


_INTEGRATION, _SALES, _BILLING, _REVENUE = (
    "integration",
    "sales operations",
    "billing operations",
    "revenue accounting",
)

REASONS: Mapping[str, Reason] = {
    "ROW_UNREADABLE": Reason(_INTEGRATION, 3, "correct the named cell in the source and export again"),
    "ROW_REPEATED": Reason(_INTEGRATION, 3, "export one row per id"),
    "DELETED_IN_SOURCE": Reason(
        _INTEGRATION, 3, "nothing, unless it was deleted by mistake: then restore it"
    ),
    "SUBSCRIPTION_MISSING": Reason(_INTEGRATION, 3, "export the subscription version that this row names"),
    "PREVIOUS_VERSION_MISSING": Reason(_INTEGRATION, 2, "export all versions of this subscription"),
    "AMENDMENT_MISSING": Reason(_INTEGRATION, 2, "export the amendment that made this version"),
    "NEW_VERSION_MISSING": Reason(
        _INTEGRATION, 2, "export the subscription version that this amendment made"
    ),
    "CHARGES_MISSING": Reason(_INTEGRATION, 2, "export the rate plan charges of this version"),
    "CHARGE_MISSING": Reason(_INTEGRATION, 2, "export the charge that this item names"),
    "INVOICE_MISSING": Reason(_INTEGRATION, 3, "export the invoice that this item names"),
    "ITEMS_MISSING": Reason(_INTEGRATION, 3, "export the items of this invoice"),
    "NOT_ACTIVE": Reason(_SALES, 3, "nothing: it becomes an event once the source activates it"),
    "CUSTOMER_MISSING": Reason(_SALES, 2, "name the account in the source"),
    "DATES_INVALID": Reason(_SALES, 2, "correct the dates in the source"),
    "CURRENCY_MIXED": Reason(_REVENUE, 2, "split by currency in the source"),
    "TERM_OPEN_ENDED": Reason(_REVENUE, 2, "decide the term of an evergreen subscription"),
    "AMENDMENT_UNSUPPORTED": Reason(_REVENUE, 2, "decide this kind of amendment by hand"),
    "CHARGE_UNSUPPORTED": Reason(
        _REVENUE, 2, "send the delivery or usage of this charge from its own system"
    ),
    "NOT_POSTED": Reason(_BILLING, 3, "nothing: it becomes an event once it is posted"),
    "AMOUNT_MISMATCH": Reason(_BILLING, 2, "correct the invoice: its items do not add up to it"),
    "CREDIT_UNREFERENCED": Reason(_BILLING, 2, "send it as a credit memo with its reason"),
    "BLOCKED": Reason(_INTEGRATION, 3, "resolve the row that the detail names; this one follows"),
}
"""Reason -> owner, severity, next step."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One row that is not part of an event. ``contract`` and ``changed_at`` where the row tells them."""

    row: RowId
    reason: str
    detail: str
    contract: str = ""
    currency: str = ""
    amount_minor: int = 0
    changed_at: int = 0

    def item(self, tenant: str) -> ExceptionItem | None:
        """The work item for the exceptions topic; None where no contract group is known."""
        if not self.contract:
            return None
        reason = REASONS[self.reason]
        fact = f"zuora/{self.row.table}/{self.row.id}"
        identity = f"{tenant}\0{fact}\0{self.reason}"
        return ExceptionItem(
            exception_id=blake2b(identity.encode(), digest_size=16).hexdigest(),
            code=self.reason,
            severity=reason.severity,
            owner=reason.owner,
            status="open",
            tenant=tenant,
            group_id=self.contract,
            contract_id=self.contract,
            scope="source",
            fact_id=fact,
            event_type="",
            amount_minor=self.amount_minor,
            currency=self.currency,
            opened_at=self.changed_at,
            resolved_at=None,
            detail=self.detail,
            next_step=reason.next_step,
            causes=(),
        )
