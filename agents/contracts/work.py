"""Costs, hours, progress and draw-downs: the inputs of measures that are not deliveries (606-10-25-31..37).

Invariant: work names a line of an accepted version of its contract, or waits for one. An event type of the
family that is not in ``RULES`` is parked by name until a release has its rule.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Rules

RULES: Rules = {}
