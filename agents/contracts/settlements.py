"""What happens to documents afterwards: voids, write-offs, recoveries, disputes, rights, customer balances.

Invariant: no act moves progress; what it does to the price follows from policy and reason alone. An event
type of the family that is not in ``RULES`` is parked by name until a release has its rule.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Rules

RULES: Rules = {}
