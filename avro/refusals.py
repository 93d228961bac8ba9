"""The two ways in which bytes and records can fail to be each other, with the reason codes of dead letters.

Invariant: every codec of this package refuses with these and nothing else, so that a dead letter has the same reason
whichever of them runs.
"""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "tombstone": "the value is null; events are facts and are corrected by new ones, never deleted",
    "empty": "the value has no bytes",
    "bad_magic": "the value does not start with magic 0: it was not written with the framing of this log",
    "oversized": "the value is larger than the limit",
    "unknown_schema": "no released schema has this id: the writer is ahead of this release, or made it up",
    "truncated": "the bytes end inside the record",
    "trailing_bytes": "bytes follow the end of the record",
    "too_many_items": "a list is longer than its schema's maxItems",
    "malformed": "the bytes contradict the schema or its bounds",
}
"""Reason -> what it means, for the dead letter's reader."""


class Undecodable(ValueError):  # noqa: N818 - the word of the dead letter that it becomes
    """These bytes are not a record of ours. ``reason`` is one of ``REASONS``; ``detail`` names no content."""

    def __init__(self, reason: str, detail: str, schema_id: int | None = None) -> None:
        assert reason in REASONS, reason
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.schema_id = schema_id


class Unencodable(TypeError):  # noqa: N818 - pairs with Undecodable
    """A record of ours does not fit its own schema: a defect of the caller, naming record and field."""
