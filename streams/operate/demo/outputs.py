"""The topics that the contract agent says things on, and how many partitions each has in a demo."""

from __future__ import annotations

from tieout.streams.operate.generate import Generation
from tieout.streams.topics import (
    CONTROL_TOTALS,
    DEAD_LETTERS,
    DECISIONS,
    ERP_COMMANDS,
    EXCEPTIONS,
    REVENUE_EVENTS,
)

OUTCOME_TOPICS = (REVENUE_EVENTS, EXCEPTIONS, DECISIONS, DEAD_LETTERS, CONTROL_TOTALS)
"""All but the commands: as many partitions as the inbox."""


def erp_accounts(generation: Generation) -> int:
    """How many ERP accounts the reference data of a generation posts to."""
    return 1 + max(getattr(row, "command_partition", 0) for row in generation.reference())


def outputs_of(generation: Generation, partitions: int) -> dict[str, int]:
    """Topic -> number of partitions, of everything that the contract agent says."""
    return {ERP_COMMANDS: erp_accounts(generation), **dict.fromkeys(OUTCOME_TOPICS, partitions)}
