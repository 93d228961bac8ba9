"""A broker that outlives the command that started it: started in the background, found again, stopped by name.

The background process is ``tieout broker run``, so there is one way to own a broker. Invariant: a process is only ever
signalled when the data directory's lock is held and its note says that a signal is how to stop it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tieout.streams.operate.broker import ready
from tieout.streams.operate.broker.storage import DataDirectory, Running
from tieout.streams.operate.servers import background
from tieout.streams.operate.servers.errors import DiedError, DirectoryInUseError

_STOP_PATIENCE_S = 40.0
_ANSWER_S = 5.0

State = Literal["running", "not answering", "starting", "stopped"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known about the broker of a data directory; ``running`` is None unless it has announced itself."""

    state: State
    data_dir: Path
    running: Running | None


def status(data_dir: Path) -> Status:
    """Look at the directory's lock and note, then ask the broker itself."""
    directory = DataDirectory(data_dir.resolve())
    if not directory.is_held():
        return Status("stopped", directory.path, None)
    running = directory.running()
    if running is None:
        return Status("starting", directory.path, None)
    answers = ready.probe(ready.Address(running.bootstrap, running.nodes, running.cluster_id), _ANSWER_S)
    return Status("running" if answers else "not answering", directory.path, running)


def launch(data_dir: Path, options: Sequence[str]) -> Status:
    """Start ``tieout broker run`` with ``options`` in the background and wait until its broker works.

    Raises:
        LaunchError: it ended instead; carries what it said and its exit status.

    """
    directory = DataDirectory.at(data_dir)
    log = directory.path / "broker.log"
    running = background.launch("broker", directory.path, options, directory.running, log)
    return Status("running", directory.path, running)


def stop(data_dir: Path) -> bool:
    """Stop the directory's broker and wait until it is gone. False when none was running.

    Raises:
        DirectoryInUseError: another program owns it and stops it itself.
        DiedError: it does not end.

    """
    directory = DataDirectory(data_dir.resolve())
    if not directory.is_held():
        return False
    running = directory.running()
    if running is not None and not running.stops_on_signal:
        raise DirectoryInUseError(
            f"the broker belongs to another program (process {running.pid}), which stops it when it ends",
            where=directory.path,
            next_step="end that program",
        )
    if not background.ends(directory.path, running.pid if running else None, _STOP_PATIENCE_S):
        who = f"process {running.pid}" if running else "a process that has not announced itself"
        raise DiedError(
            f"the broker ({who}) did not end within {_STOP_PATIENCE_S:g} s",
            where=directory.path,
            next_step="look at broker.log there, then end the process with SIGKILL: its Java ends with it",
        )
    return True
