"""Scenarios that do not pass yet, and what they wait for. Whoever builds it takes them off this list."""

NOT_YET = {
    "zuora-delete-cancel-order-then-renew": "a version that is withdrawn",
}
"""Scenario -> the mechanism that is missing."""
