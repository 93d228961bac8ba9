"""Estimates of the price: variable consideration, prices that were open (606-10-32-5..14, 25-11).

Invariant: an estimate counts from its own day on, and the one before stays true for its time. An event type
of the family that is not in ``RULES`` is parked by name until a release has its rule.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Rules

RULES: Rules = {}
