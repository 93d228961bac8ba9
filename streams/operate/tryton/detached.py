"""An ERP that outlives the command that started it: started in the background, found again, stopped by its directory.

The background process is ``tieout tryton run``. Invariant: a process is only signalled while the directory's lock is held
and its note says that a signal is how to stop it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tieout.streams.operate.servers import background
from tieout.streams.operate.servers.errors import DiedError, DirectoryInUseError
from tieout.streams.operate.tryton.directory import ErpDirectory, RunningErp

_STOP_SECONDS_MAX = 60.0


def launch(data_dir: Path, options: Sequence[str]) -> RunningErp:
    """Start ``tieout tryton run`` in the background and wait until its ERP works. Raises LaunchError."""
    directory = ErpDirectory.at(data_dir)
    log = directory.path / "tryton.log"
    return background.launch("tryton", directory.path, options, directory.running, log)


def stop(data_dir: Path) -> bool:
    """Stop the directory's ERP and wait until it is gone; False when none ran. Raises ServerError."""
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
    if not background.ends(directory.path, running.pid, _STOP_SECONDS_MAX):
        raise DiedError(
            f"the ERP (process {running.pid}) did not end within {_STOP_SECONDS_MAX:g} s",
            where=directory.path,
            next_step="end the process with SIGKILL: its servers end with it",
        )
    return True


def status(data_dir: Path) -> RunningErp | None:
    """What runs in the directory; None: nothing that works."""
    directory = ErpDirectory(data_dir.resolve())
    return directory.running() if directory.is_held() else None
