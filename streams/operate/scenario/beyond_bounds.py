"""Events that the event language cannot carry: an amount beyond its bounds, or beyond the 64 bits of a number.

Invariant: such an event never reaches its contract (the agent sets it aside as a dead letter, a writer cannot even write
it); a scenario sees it as what the catalogue calls it, VALUE_INVALID, at its place among the exceptions.
"""

from __future__ import annotations

from typing import NamedTuple

from tieout.agents.arrival import Arrival
from tieout.agents.findings import exception_about
from tieout.avro.codec import Codec, Undecodable
from tieout.avro.events import Event
from tieout.avro.outcomes import ExceptionItem
from tieout.avro.refusals import Unencodable

CODE = "VALUE_INVALID"


class Refused(NamedTuple):
    """An event beyond bounds: outputs before it, its record's offset (None: no record can hold it), what is said of it."""

    outputs_before: int
    offset: int | None
    item: ExceptionItem


class Written(NamedTuple):
    """An event as bytes; ``fault`` where they do not give it back. No bytes where there can be none."""

    event: Event
    value: bytes | None
    fault: str | None

    def refused(self, topic: str, outputs_before: int, offset: int, now_ms: int) -> Refused | None:
        """What becomes of it at this place of the log; None for what can be taken."""
        if self.fault is None:
            return None
        arrival = Arrival(self.event, self.value or b"", topic, 0, offset, now_ms)
        item = exception_about(arrival, CODE, self.fault, now_ms * 1000)
        return Refused(outputs_before, None if self.value is None else offset, item)


def written(codec: Codec, event: Event) -> Written:
    """The event as bytes, read back once. Raises Unencodable for what is no matter of size: a defect of the writer."""
    try:
        value = codec.encode(event)
    except Unencodable as error:
        if not isinstance(error.__cause__, OverflowError):
            raise
        return Written(event, None, str(error))
    try:
        codec.decode(value)
    except Undecodable as error:
        return Written(event, value, error.detail)
    return Written(event, value, None)
