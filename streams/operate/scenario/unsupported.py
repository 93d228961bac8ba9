"""What a scenario may say and this release does not know yet: a difference of its own, never a silent skip.

Invariant: the words of the format that have no counterpart in the event language, in reference data or in what can be
compared are named with their place; a scenario that needs one of them fails.
"""

from __future__ import annotations

from tieout.streams.operate.scenario.places import Spot


class NotSupported(Exception):  # noqa: N818 - a limit of this release, told as a difference
    """``what`` at ``spot`` is part of the format and has no counterpart here; ``why`` says what is missing."""

    def __init__(self, spot: Spot, what: str, why: str) -> None:
        super().__init__(f"{spot}: {what} is not supported yet: {why}")
        self.spot = spot
        self.what = what
        self.why = why
