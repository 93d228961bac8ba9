"""Scenarios that do not pass yet, and what they wait for. Whoever builds it takes them off this list."""

NOT_YET = {
    "derived-eur-on-usd-books": "figures in the functional currency (830-10)",
    "stripe-fx-loss-on-payment": "figures in the functional currency (830-10)",
    "stripe-fx-multi-settlement": "figures in the functional currency (830-10)",
    "zuora-delete-cancel-order-then-renew": "a version that is withdrawn",
    "fasb-ex5b-mod-prospective-with-defect-credit": "a credit for the past in a modification (606-10-55-115)",
    "fasb-ex8-cumulative-catch-up": "progress by cost, and catch-up of a modification (606-10-25-13(b), (c))",
    "rule-modification-mixed": "progress by cost, and catch-up of a modification (606-10-25-13(b), (c))",
    "rule-unapproved-change-then-approved": "progress by cost, and catch-up of a modification (606-10-25-13(b), (c))",
    "rule-multi-entity-performance-split": "several performing entities",
}
"""Scenario -> the mechanism that is missing."""
