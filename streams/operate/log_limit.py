"""Holds back a message that repeats itself, so that a broker outage does not bury what matters.

aiokafka writes about 5,000 equal lines during three seconds without a broker. Invariant: the first lines of each
message always come through, and what was held back is counted and told; nothing vanishes without a trace. Messages
are told apart by where in the code they are written, because libraries format values into the text.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

WINDOW_SECONDS = 10.0
OUR_BURST = 50
"""Lines of one of our own messages in a window: enough for each partition of a worker to say something."""
LIBRARY_BURST = 5
MOST_KINDS = 1_000
"""Distinct messages that are remembered; the oldest windows are told and dropped above it."""
OURS = "tieout"


class Kind(NamedTuple):
    """One message: which logger writes it, where, how severe."""

    logger: str
    level: int
    place: str


class _Window:
    __slots__ = ("held_back", "passed", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.passed = 0
        self.held_back = 0


class Repeats:
    """Counts messages per kind in windows of ``WINDOW_SECONDS``. Not thread-safe: the handler's lock guards it."""

    def __init__(self) -> None:
        self._windows: dict[Kind, _Window] = {}

    def admit(self, kind: Kind, now: float) -> bool:
        """Whether this line is written. ``now`` is monotonic seconds."""
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = _Window(now)
        ours = kind.logger == OURS or kind.logger.startswith(OURS + ".")
        if window.passed < (OUR_BURST if ours else LIBRARY_BURST):
            window.passed += 1
            return True
        window.held_back += 1
        return False

    def ended(self, now: float, *, everything: bool = False) -> Iterator[tuple[Kind, int, float]]:
        """Close the windows that are over (or all): kind, lines held back, seconds. Only those that held any."""
        for kind, window in list(self._windows.items()):
            crowded = len(self._windows) > MOST_KINDS
            if everything or crowded or now - window.since >= WINDOW_SECONDS:
                del self._windows[kind]
                if window.held_back:
                    yield kind, window.held_back, now - window.since


class LimitedHandler(logging.StreamHandler[TextIO]):
    """Writes records to a stream, repeated ones only a few times per window, and then how many there were."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._repeats = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging with the handler's lock held."""
        now = self._clock()
        self._tell(now)
        if self._repeats.admit(_kind(record), now):
            super().emit(record)

    def close(self) -> None:
        """Tell what was still held back, at the end of the process."""
        self.acquire()
        try:
            self._tell(self._clock(), everything=True)
        finally:
            self.release()
        super().close()

    def _tell(self, now: float, *, everything: bool = False) -> None:
        for kind, lines, seconds in self._repeats.ended(now, everything=everything):
            told = logging.LogRecord(
                kind.logger,
                kind.level,
                kind.place,
                0,
                "%d more lines like this in %.0f seconds, from %s",
                None,
                None,
            )
            told.args = (lines, seconds, kind.place)
            super().emit(told)


def _kind(record: logging.LogRecord) -> Kind:
    message: str | Mapping[str, object] = record.msg
    place = str(message.get("event")) if isinstance(message, dict) else f"{record.filename}:{record.lineno}"
    return Kind(record.name, record.levelno, place)
