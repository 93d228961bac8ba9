"""The reason codes of the contract agent by owner and severity, each with what to do next (domain model, section 5).

Invariant: each code stands here once; a code is never given another meaning, because open exceptions outlive releases.
"""

from __future__ import annotations

BY_OWNER: tuple[tuple[str, int, dict[str, str]], ...] = (
    (
        "integration",
        1,
        {
            "ID_CONFLICT": "compare both contents at the source; send the right one as a new version",
            "ERP_UNKNOWN_OVERDUE": "read back whether the ERP has the command",
        },
    ),
    (
        "integration",
        2,
        {
            "SEQUENCE_GAP": "send the missing version of the contract from its source",
            "VERSION_BASE_MISMATCH": "send the version again on the last accepted one as its base",
            "LIMIT_EXCEEDED": "split the contract, or raise the limit with engineering",
            "HELD_OVERFLOW": "send the missing version; then re-send what was refused",
            "VALUE_INVALID": "correct the value at the source and send the event again",
            "EVENT_UNSUPPORTED": (
                "account for it by hand, or send it in a form that has a rule; a rule that is missing altogether is "
                "looked for again at each activation of reference data"
            ),
            "DEDUP_HORIZON": "say whether it is new or was seen before, and send it again if it is new",
            "ERP_REFERENCE": "create the master data in the ERP, then send the same command again",
        },
    ),
    (
        "integration",
        3,
        {
            "SOR_REFUSED": "let the system that owns the field send it, or override with an approver",
        },
    ),
    (
        "sales operations",
        2,
        {
            "CUSTOMER_UNRESOLVED": "sync the customer, or merge it into the one that is known",
            "HIERARCHY_AMBIGUOUS": "name the account in the customer's hierarchy that is billed",
        },
    ),
    (
        "sales operations",
        3,
        {
            "MOD_PENDING": "approve or withdraw the change; the old contract goes on meanwhile",
        },
    ),
    (
        "deal desk",
        2,
        {
            "PRODUCT_UNMAPPED": "map the product to an ERP item, then activate the reference data",
            "DATES_INVALID": "send a version with dates in order",
            "AMOUNT_MISMATCH": "send lines that add up to the price",
            "APPROVAL_MISSING": "approve the contract and send it with its approval date",
        },
    ),
    (
        "legal",
        2,
        {
            "MOD_ENFORCEABILITY_UNKNOWN": "state whether the change is enforceable (606-10-25-10)",
        },
    ),
    (
        "revenue accounting",
        2,
        {
            "CURRENCY_MIXED": "use the contract's currency, or open a contract in the other one",
            "POLICY_MISSING": "set the policy switch to a supported value, then activate",
            "SSP_MISSING": "state the stand-alone selling price of every remaining line",
            "DISTINCT_UNKNOWN": "state whether the remaining goods are distinct",
            "MOD_UNSUPPORTED": "decide the treatment with an approver and send it as plain changes",
            "MOD_OVERLAP": "re-date the change behind the later version of the same lines",
            "MOD_SPLIT_MISSING": "state how the price change splits over what it touches",
            "MOD_NEGATIVE_REMAINING": "decide how much of the reduction concerns the past",
            "MOD_PRICE_OPEN": "give an estimate of the price after the constraint",
            "MOD_BACKDATED": "decide whether the closed periods are restated",
            "RECOGNISED_NEGATIVE": "decide how much of the reduction is a claim on the customer",
            "GROUP_MOVE": "end the contract in its group and open it in the other one",
            "COMBINATION_REVIEW": "decide whether the contracts are accounted for as one (606-10-25-9)",
            "SSP_RESIDUAL_IMPLAUSIBLE": "check the residual against its range, or state a stand-alone selling price (606-10-32-34(c))",
            "METHOD_MISSING": "choose the measure of progress for the line (606-10-25-31)",
            "MOD_DECISION_CHANGED": "review the treatment, which later facts have changed, and decide about the closed periods",
        },
    ),
    (
        "revenue accounting",
        3,
        {
            "FINANCING_SUSPECTED": "decide whether the price has a significant financing component (606-10-32-15..20)",
            "POLICY_REVIEW": "review the contract, which keeps the policy it was opened under, and decide sign_off (exception_resolved)",
            "CONTRACT_LOSS": "acknowledge the expected loss, and provide for it in the ERP (605-35-25-45)",
        },
    ),
    (
        "finance",
        1,
        {
            "ACCOUNT_UNMAPPED": "map the ledger class to an account, then activate the reference data",
            "ERP_DRIFT": "compare the ERP's balance with the ledger, and correct the one that is wrong",
        },
    ),
    (
        "finance",
        2,
        {
            "ENTITY_UNRESOLVED": "publish the legal entity, its currencies and its ERP account, then activate",
            "CREDIT_HOLD": "release the customer's credit, or cancel the order",
            "ERP_BUSINESS": "correct in the ERP what refused the command, then send the same command again",
            "ERP_PERIOD_CLOSED": "reopen the ERP's period and decide retry; or decide redate, or withdraw (exception_resolved)",
        },
    ),
    (
        "tax",
        2,
        {
            "TAX_NEXUS_MISSING": "register the jurisdiction with the tax engine, then determine the tax again",
            "TAX_REJECTED": "correct what the tax engine rejected and determine the tax again",
        },
    ),
    (
        "billing operations",
        2,
        {
            "CREDIT_REASON_UNKNOWN": "send the credit memo again, as a new version, with its reason",
            "CREDIT_UNREFERENCED": "name the contract version, document, payment or dispute that it is about",
            "BILLING_RULE_MISSING": "publish the billing rule of the product, then set the billing up again",
            "BILLING_SETUP_FAILED": "repair the set-up in the billing system and try it again",
            "BILLED_OVER_PRICE": "send the missing version or usage, or credit what was billed too much",
        },
    ),
    (
        "treasury",
        1,
        {
            "FX_RATE_MISSING": "publish the exchange rate of the day and type, then activate the reference data",
        },
    ),
    (
        "treasury",
        3,
        {
            "CASH_UNIDENTIFIED": "apply the cash to a contract or an invoice",
        },
    ),
    (
        "credit",
        2,
        {
            "COLLECTABILITY_FAILED": "reassess the customer; revenue goes on when collecting is probable again (606-10-25-1(e))",
        },
    ),
    (
        "project / logistics",
        3,
        {
            "EVIDENCE_UNKNOWN_PO": "send the contract version with this line, or correct the line id",
            "EVIDENCE_OVER_SCOPE": "correct the quantity, or amend the contract for more",
            "PROGRESS_DOWN": "confirm the lower progress, or correct it",
            "EAC_MISSING": "state the expected cost at completion of the line",
        },
    ),
    (
        "project",
        3,
        {
            "ACCEPTANCE_OVERDUE": "obtain the customer's acceptance, or its rejection",
            "ACCEPTANCE_REJECTED": "remedy what was rejected and have it accepted",
        },
    ),
    (
        "metering",
        1,
        {
            "USAGE_UNRATED": "rate the usage of the period",
            "USAGE_INCOMPLETE": "send the rest of the period's usage, and close it with its count",
            "USAGE_DETAIL_GONE": "restate the total of the usage period, whose details are gone",
        },
    ),
    (
        "controller",
        1,
        {
            "PERIOD_CALENDAR_MISSING": "publish the calendar's periods, then activate the reference data",
            "PERIOD_NONE_OPEN": "publish the periods behind the closed ones, then activate the reference data",
            "LATE_MATERIAL": "decide post_now or restate (exception_resolved), or reopen the period",
            "LATE_AGGREGATE": "post the small effects together now, reopen the period, or restate",
        },
    ),
    (
        "engineering",
        1,
        {
            "INVARIANT_BROKEN": "send the event's coordinates to engineering; nothing was posted",
            "INTERNAL_ERROR": "send the event's coordinates to engineering; nothing was posted",
        },
    ),
)
"""Owner, severity, and code -> next step. Severity 1 stops a close, 2 stops one contract, 3 ages."""
