"""Scenarios that do not pass yet, and what they wait for. Whoever builds it takes them off this list."""

NOT_YET = {
    "derived-eur-on-usd-books": "figures in the functional currency (830-10)",
    "stripe-fx-loss-on-payment": "figures in the functional currency (830-10)",
    "stripe-fx-multi-settlement": "figures in the functional currency (830-10)",
    "zuora-delete-cancel-order-then-renew": "a version that is withdrawn",
    "rule-multi-entity-performance-split": "several performing entities",
}
"""Scenario -> the mechanism that is missing."""
