"""A server that outlives the command that started it: started in the background, stopped by its directory.

The background process is the command's own ``run``, so there is one way to own a server. Invariant: a process is only ever
signalled when its directory's lock is held and its note says that a signal is how to stop it; the caller sees to that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from tieout.streams.operate.servers import directory_lock
from tieout.streams.operate.servers.errors import LaunchError

_PAUSE_SECONDS = 0.1
_ENTRY = "from tieout.streams.operate.cli import main; main()"


class Announced(Protocol):
    """A note by which a server's owner says that it works."""

    @property
    def pid(self) -> int:
        """The owner's process id."""
        ...


_T = TypeVar("_T", bound=Announced)


def launch(
    command: str, directory: Path, options: Sequence[str], announced: Callable[[], _T | None], log: Path
) -> _T:
    """Start ``tieout COMMAND run`` with ``options`` in the background; its note, once its server works.

    Raises:
        LaunchError: it ended instead; carries what it said and its exit status.

    """
    run = [
        sys.executable,
        "-P",
        "-c",
        _ENTRY,
        command,
        "run",
        "--outlive-parent",
        "--data-dir",
        str(directory),
    ]
    with log.open("ab") as output:
        begins = output.tell()
        process = subprocess.Popen(
            [*run, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while process.poll() is None:
            note = announced()
            if note is not None and note.pid == process.pid:
                return note
            time.sleep(_PAUSE_SECONDS)
    except BaseException:  # interrupted while waiting: what was not asked for any more is not left running
        process.terminate()
        raise
    said = log.read_bytes()[begins:].decode("utf-8", "replace")
    raise LaunchError(said, process.returncode if process.returncode > 0 else 1, log)


def ends(directory: Path, pid: int | None, seconds_max: float) -> bool:
    """Ask an owner to end (None: one that ends by itself); whether the directory was free in time."""
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds_max
    while directory_lock.is_held(directory):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
