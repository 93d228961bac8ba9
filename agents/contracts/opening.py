"""Contracts that were running before they came to us: what was earned and billed by then is preset, not posted.

Invariant: an opening presets facts and ledger alike, so that nothing of it is journalled again. An event type
of the family that is not in ``RULES`` is parked by name until a release has its rule.
"""

from __future__ import annotations

from tieout.agents.contracts.accepted import Rules

RULES: Rules = {}
