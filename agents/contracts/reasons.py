"""Why something waits, who owns it, how bad it is and what to do: the one table of reason codes.

Severity 1 stops a close, 2 stops one contract, 3 ages. Invariant: every code that is raised anywhere is in this
table, so that no exception is without an owner and a next step (domain model, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Reason(NamedTuple):
    """A reason code and what it means for people."""

    code: str
    owner: str
    severity: int
    next_step: str


_TABLE = (
    Reason(
        "ID_CONFLICT",
        "integration",
        1,
        "compare both contents at the source; send the right one as a new version",
    ),
    Reason("SEQUENCE_GAP", "integration", 2, "send the missing version of the contract from its source"),
    Reason(
        "VERSION_BASE_MISMATCH",
        "integration",
        2,
        "send the version again on the last accepted one as its base",
    ),
    Reason("LIMIT_EXCEEDED", "integration", 2, "split the contract, or raise the limit with engineering"),
    Reason("HELD_OVERFLOW", "integration", 2, "send the missing version; then re-send what was refused"),
    Reason("VALUE_INVALID", "integration", 2, "correct the value at the source and send the event again"),
    Reason(
        "EVENT_UNSUPPORTED",
        "integration",
        2,
        "account for it by hand, or send it in a form that has a rule; a rule that is missing altogether is looked for again"
        " at each activation of reference data",
    ),
    Reason(
        "CURRENCY_MIXED",
        "revenue accounting",
        2,
        "use the contract's currency, or open a contract in the other one",
    ),
    Reason(
        "ENTITY_UNRESOLVED",
        "finance",
        2,
        "publish the legal entity, its currencies and its ERP account, then activate",
    ),
    Reason(
        "PRODUCT_UNMAPPED", "deal desk", 2, "map the product to an ERP item, then activate the reference data"
    ),
    Reason(
        "ACCOUNT_UNMAPPED",
        "finance",
        1,
        "map the ledger class to an account, then activate the reference data",
    ),
    Reason(
        "POLICY_MISSING", "revenue accounting", 2, "set the policy switch to a supported value, then activate"
    ),
    Reason("DATES_INVALID", "deal desk", 2, "send a version with dates in order"),
    Reason("AMOUNT_MISMATCH", "deal desk", 2, "send lines that add up to the price"),
    Reason("APPROVAL_MISSING", "deal desk", 2, "approve the contract and send it with its approval date"),
    Reason(
        "SSP_MISSING", "revenue accounting", 2, "state the stand-alone selling price of every remaining line"
    ),
    Reason("DISTINCT_UNKNOWN", "revenue accounting", 2, "state whether the remaining goods are distinct"),
    Reason(
        "MOD_PENDING",
        "sales operations",
        3,
        "approve or withdraw the change; the old contract goes on meanwhile",
    ),
    Reason(
        "MOD_UNSUPPORTED",
        "revenue accounting",
        2,
        "decide the treatment with an approver and send it as plain changes",
    ),
    Reason(
        "MOD_OVERLAP",
        "revenue accounting",
        2,
        "re-date the change behind the later version of the same lines",
    ),
    Reason(
        "MOD_SPLIT_MISSING", "revenue accounting", 2, "state how the price change splits over what it touches"
    ),
    Reason(
        "MOD_NEGATIVE_REMAINING",
        "revenue accounting",
        2,
        "decide how much of the reduction concerns the past",
    ),
    Reason("MOD_PRICE_OPEN", "revenue accounting", 2, "give an estimate of the price after the constraint"),
    Reason("MOD_BACKDATED", "revenue accounting", 2, "decide whether the closed periods are restated"),
    Reason(
        "EVIDENCE_UNKNOWN_PO",
        "project / logistics",
        3,
        "send the contract version with this line, or correct the line id",
    ),
    Reason(
        "EVIDENCE_OVER_SCOPE",
        "project / logistics",
        3,
        "correct the quantity, or amend the contract for more",
    ),
    Reason(
        "CREDIT_REASON_UNKNOWN",
        "billing operations",
        2,
        "send the credit memo again, as a new version, with its reason",
    ),
    Reason(
        "CREDIT_UNREFERENCED",
        "billing operations",
        2,
        "name the contract version that the credit memo settles",
    ),
    Reason(
        "RECOGNISED_NEGATIVE",
        "revenue accounting",
        2,
        "decide how much of the reduction is a claim on the customer",
    ),
    Reason(
        "PERIOD_CALENDAR_MISSING",
        "controller",
        1,
        "publish the calendar's periods, then activate the reference data",
    ),
    Reason(
        "PERIOD_NONE_OPEN",
        "controller",
        1,
        "publish the periods behind the closed ones, then activate the reference data",
    ),
    Reason(
        "INVARIANT_BROKEN",
        "engineering",
        1,
        "send the event's coordinates to engineering; nothing was posted",
    ),
    Reason(
        "INTERNAL_ERROR", "engineering", 1, "send the event's coordinates to engineering; nothing was posted"
    ),
)

REASONS: Mapping[str, Reason] = MappingProxyType({reason.code: reason for reason in _TABLE})
"""Code -> reason."""
