"""The words and number formats of the page, in one place: what a finance person reads for each technical name."""

from __future__ import annotations

OUTCOME_WORDS = {
    "applied": ("applied", "changed a contract, a command or revenue"),
    "no_effect": ("no effect", "accepted, and nothing follows from it"),
    "duplicate": ("duplicate", "came before with equal content"),
    "superseded": ("superseded", "a newer version had already been applied"),
    "conflict": ("conflict", "same identity, other content: kept apart, a person decides"),
    "dead_lettered": ("dead letter", "could not be read or belongs to no contract"),
    "held": ("held now", "waits for an earlier version of its contract"),
    "parked": ("parked now", "waits for a person or for reference data"),
}

STATE_WORDS = {
    "starting": "starting",
    "restoring": "restoring its state",
    "running": "running",
    "waiting": "waiting",
    "paused": "paused",
    "halted": "halted",
    "stopped": "stopped",
    "silent": "owner not heard",
    "nobody": "nobody has it",
}

STATE_LEVELS = {"running": "fine", "halted": "broken", "nobody": "broken"}
"""Any other state wants attention."""

LEVEL_WORDS = {"fine": "OK", "attention": "Attention", "broken": "Broken"}
LEVEL_MARKS = {"fine": "✓", "attention": "!", "broken": "✗"}


def number(value: int) -> str:
    """12,345."""
    return f"{value:,}"


def rate(value: float) -> str:
    """12,345/s; one decimal below 10."""
    return f"{value:,.0f}/s" if value >= 10 or value == 0 else f"{value:.1f}/s"  # noqa: PLR2004 - two digits


def duration(seconds: float) -> str:
    """4.2 µs, 12 ms, 3.1 s, 12 min, 3.5 h."""
    for limit, size, unit in (
        (1e-3, 1e-6, "µs"),
        (1.0, 1e-3, "ms"),
        (120.0, 1.0, "s"),
        (7_200.0, 60.0, "min"),
    ):
        if seconds < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 3600:,.1f} h"


def per_event(seconds: float | None) -> str:
    """12 µs per event; words where no event came lately."""
    return "no event lately" if seconds is None else f"{duration(seconds)} per event"


def ago(seconds: float) -> str:
    """Just now, 3 s ago."""
    return "just now" if seconds < 1 else f"{duration(seconds)} ago"


def mebibytes(size: int) -> str:
    """190 MiB."""
    return f"{size / (1 << 20):,.0f} MiB"


def ranges(numbers: tuple[int, ...]) -> str:
    """0-3, 7."""
    parts: list[list[int]] = []
    for n in numbers:
        if parts and n == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], n]
        else:
            parts.append([n])
    return ", ".join("-".join(map(str, part)) for part in parts)
