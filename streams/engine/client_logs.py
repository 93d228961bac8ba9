"""Keeps the Kafka client's log lines bounded: three seconds without a broker make about 5,000 of them.

Invariant: the first line of a kind is always shown, then one per interval with the count of those left out.
"""

from __future__ import annotations

import logging
import time

INTERVAL_SECONDS = 10.0
PREFIXES = ("aiokafka", "faust", "mode")


class OncePerInterval(logging.Filter):
    """Lets one record of each (logger, message template) pass per interval."""

    def __init__(self, interval: float = INTERVAL_SECONDS) -> None:
        super().__init__()
        self._interval = interval
        self._last: dict[tuple[str, str], float] = {}
        self._dropped: dict[tuple[str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is shown."""
        kind = (record.name, str(record.msg))
        now = time.monotonic()
        if now - self._last.get(kind, -self._interval) < self._interval:
            self._dropped[kind] = self._dropped.get(kind, 0) + 1
            return False
        self._last[kind] = now
        dropped = self._dropped.pop(kind, 0)
        if dropped:
            record.msg = f"{record.getMessage()} ({dropped} like it left out in {self._interval:g} s)"
            record.args = ()
        return True


def limit_client_logs() -> None:
    """Install the limit on every logger of the client libraries; call it after they are imported."""
    limit = OncePerInterval()
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in PREFIXES:
            logger = logging.getLogger(name)
            if not any(isinstance(known, OncePerInterval) for known in logger.filters):
                logger.addFilter(limit)
