"""Versions that pause, resume or hand over a contract (606-10-25-13, domain model 2.5).

Invariant: a version is accepted whole or refused whole, in the order of its contract. An event type of the
family that is not in ``RULES`` is parked by name until a release has its rule.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Rules

RULES: Rules = {}
