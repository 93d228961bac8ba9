"""Ends the process when its event loop is stuck: the one failure that no task can report.

Invariant: it counts its own looks, not the clock's time, so that a process which was stopped and continued is not
taken for a stuck one.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import threading
import time

log = logging.getLogger("tieout.engine")

LOOK_SECONDS = 1.0
EXIT_STATUS = 71
"""A supervisor restarts on it; the crash journal finds the record that did it."""


class Watchdog:
    """A thread that looks whether ``beat`` has been called since its last look."""

    def __init__(self, patience_seconds: float) -> None:
        self._patience = patience_seconds
        self._beats = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def beat(self) -> None:
        """Say that the loop turns."""
        self._beats += 1

    def stop(self) -> None:
        """End it."""
        self._stopped.set()

    def _watch(self) -> None:
        seen, missed = -1, 0
        while not self._stopped.is_set():
            time.sleep(LOOK_SECONDS)
            missed = missed + 1 if self._beats == seen else 0
            seen = self._beats
            if missed * LOOK_SECONDS >= self._patience:
                log.critical("the event loop has not turned for %g s: the process ends", self._patience)
                faulthandler.dump_traceback()
                os._exit(EXIT_STATUS)
