"""What a decision is made of: what it may look at, and what it answers.

Invariant: a refused decision leaves the state as it was and says nothing else; everything that a decision emits is
a function of state, event, view and cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from tieout.avro.commands import Cause, Command, JournalPost
from tieout.avro.control import CommandResolved
from tieout.avro.events import Day, Micros
from tieout.avro.outcomes import CrmFeedback, DecisionRecorded, ExceptionItem, RevenueEvent
from tieout.tables.batches import Batch
from tieout.tables.contract import GroupState
from tieout.tables.controls import Controls
from tieout.tables.reference import Reference

if TYPE_CHECKING:
    from tieout.agents.contracts.periods import Ground

Retry = Literal["never", "version", "fact", "opening", "reference"]
"""When the same event is worth trying again: not by itself, after the next version or after any further fact of its contract
or of one that is combined with it, after another contract of the group opened, or after the next activation of reference
data or reopening of a period."""


class View(NamedTuple):
    """What lies outside the group: reference data and markers as of ``control_seq``; ``now`` labels, never computes.

    ``grounds``, if given, remembers grounds by entity, book, day and pinned policies: whoever passes it on passes it with the same reference
    data, markers and ``control_seq``, of which it is a function.
    """

    reference: Reference
    controls: Controls
    control_seq: int
    now: Micros
    grounds: dict[tuple[str, str, Day, tuple[tuple[str, int], ...]], Ground] | None = None


class CausedBy(msgspec.Struct, frozen=True, gc=False):
    """What a decision answers: the identity text of an event, or ``control/<seq>``, and where it stands."""

    id: str
    pointer: Cause


class Refusal(NamedTuple):
    """A business "no": a code of the reason table and what was wrong."""

    code: str
    detail: str
    retry: Retry


class Refused(Exception):  # noqa: N818 - a business answer on its way out of admission, not an error
    """Carries a refusal to the one place where it becomes a value."""

    def __init__(self, code: str, detail: str, retry: Retry = "never") -> None:
        super().__init__(f"{code}: {detail}")
        self.refusal = Refusal(code, detail, retry)


class Summed(NamedTuple):
    """A journal that is not sent: its lines are added to those of a batch."""

    batch: Batch
    journal: JournalPost


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The group's next state and everything that it says."""

    state: GroupState
    outcome: Literal["applied", "no_effect", "refused"]
    refusal: Refusal | None = None
    commands: tuple[Command, ...] = ()
    revenue: tuple[RevenueEvent, ...] = ()
    exceptions: tuple[ExceptionItem, ...] = ()
    decisions: tuple[DecisionRecorded, ...] = ()
    releases: tuple[CommandResolved, ...] = ()
    feedback: tuple[CrmFeedback, ...] = ()
    summed: tuple[Summed, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether it says nothing at all."""
        said = self.commands or self.revenue or self.exceptions or self.decisions or self.releases
        return not (said or self.feedback)
