"""Scenarios that do not pass yet, and what they wait for. Whoever builds it takes them off this list."""

NOT_YET: dict[str, str] = {}
"""Scenario -> the mechanism that is missing."""
