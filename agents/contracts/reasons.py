"""Why something waits, who owns it, how bad it is and what to do: the one catalogue of reason codes.

Severity 1 stops a close, 2 stops one contract, 3 ages. Invariant: every code that is raised anywhere is in this
catalogue, so that no exception is without an owner and a next step (domain model, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tieout.agents.contracts.reason_table import BY_OWNER


class Reason(NamedTuple):
    """A reason code and what it means for people."""

    code: str
    owner: str
    severity: int
    next_step: str


REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        code: Reason(code, owner, severity, next_step)
        for owner, severity, next_steps in BY_OWNER
        for code, next_step in next_steps.items()
    }
)
"""Code -> reason."""

assert len(REASONS) == sum(len(next_steps) for _, _, next_steps in BY_OWNER), (
    "a code stands in the table twice"
)
