"""The lock of a data directory: a file named ``lock`` that its owner holds (flock) as long as it lives.

Invariant: two owners never hold one directory; the system lets go of the lock when the last process that has it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

_PAUSE_SECONDS = 0.05


def acquire(directory: Path, patience_seconds: Callable[[], float]) -> int | None:
    """Lock the directory; the descriptor returned holds it. None when another still holds it after so many seconds.

    ``patience_seconds`` is asked again while waiting: a holder that is just going away deserves more.
    """
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    begun = time.monotonic()
    while not _try(handle):
        if time.monotonic() - begun > patience_seconds():
            os.close(handle)
            return None
        time.sleep(_PAUSE_SECONDS)
    return handle


def is_held(directory: Path) -> bool:
    """Whether somebody holds the directory now."""
    try:
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(handle)
    finally:
        os.close(handle)


def _try(handle: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
