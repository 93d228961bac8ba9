"""An ERP that outlives the command that started it: started in the background, found again, stopped by its directory.

The background process is ``tieout tryton run``. Invariant: a process is only signalled while the directory's lock is held
and its note says that a signal is how to stop it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tieout.streams.operate.tryton.directory import ErpDirectory, RunningErp
from tieout.streams.operate.tryton.errors import DirectoryInUseError, ServerDiedError, TrytonError

_STOP_SECONDS_MAX = 60.0
_PAUSE_SECONDS = 0.1


class LaunchError(TrytonError):
    """The background process ended before its ERP worked; ``exit_code`` is what it ended with."""

    def __init__(self, said: str, exit_code: int, log: Path) -> None:
        super().__init__(
            said.strip() or "the background process ended", where=log, next_step="see above and the log"
        )
        self.exit_code = exit_code

    def __str__(self) -> str:
        """The background process's own message: it already says where and what next."""
        return self.what


def launch(data_dir: Path, options: Sequence[str]) -> RunningErp:
    """Start ``tieout tryton run`` in the background and wait until its ERP works. Raises LaunchError."""
    directory = ErpDirectory.at(data_dir)
    log = directory.path / "tryton.log"
    entry = "from tieout.streams.operate.cli import main; main()"
    run = [
        sys.executable,
        "-P",
        "-c",
        entry,
        "tryton",
        "run",
        "--outlive-parent",
        "--data-dir",
        str(directory.path),
    ]
    with log.open("ab") as output:
        begins = output.tell()
        process = subprocess.Popen(
            [*run, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while process.poll() is None:
            running = directory.running()
            if running is not None and running.pid == process.pid:
                return running
            time.sleep(_PAUSE_SECONDS)
    except BaseException:  # interrupted while waiting: what was not asked for any more is not left running
        process.terminate()
        raise
    said = log.read_bytes()[begins:].decode("utf-8", "replace")
    raise LaunchError(said, process.returncode if process.returncode > 0 else 1, log)


def stop(data_dir: Path) -> bool:
    """Stop the directory's ERP and wait until it is gone; False when none ran. Raises TrytonError."""
    directory = ErpDirectory(data_dir.resolve())
    if not directory.is_held():
        return False
    running = directory.running()
    if running is None or not running.stops_on_signal:
        raise DirectoryInUseError(
            f"the ERP belongs to {'another program, which stops it when it ends' if running else 'a process that starts'}",
            where=directory.path,
            next_step="end that program, or wait until the ERP has started",
        )
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    while directory.is_held():
        if time.monotonic() > deadline:
            raise ServerDiedError(
                f"the ERP (process {running.pid}) did not end within {_STOP_SECONDS_MAX:g} s",
                where=directory.path,
                next_step="end the process with SIGKILL: its servers end with it",
            )
        time.sleep(_PAUSE_SECONDS)
    return True


def status(data_dir: Path) -> RunningErp | None:
    """What runs in the directory; None: nothing that works."""
    directory = ErpDirectory(data_dir.resolve())
    return directory.running() if directory.is_held() else None
