"""A broker that outlives the command that started it: started in the background, found again, stopped by name.

The background process is ``tieout broker run``, so there is one way to own a broker. Invariant: a process is only ever
signalled when the data directory's lock is held and its note says that a signal is how to stop it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tieout.streams.operate.broker import ready
from tieout.streams.operate.broker.errors import BrokerDiedError, BrokerError, DataDirInUseError
from tieout.streams.operate.broker.storage import DataDirectory, Running

_STOP_PATIENCE_S = 40.0
_ANSWER_S = 5.0
_PAUSE_S = 0.1

State = Literal["running", "not answering", "starting", "stopped"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known about the broker of a data directory; ``running`` is None unless it has announced itself."""

    state: State
    data_dir: Path
    running: Running | None


class LaunchError(BrokerError):
    """The background process ended before its broker worked; ``exit_code`` is what it ended with."""

    def __init__(self, said: str, exit_code: int, log: Path) -> None:
        super().__init__(
            said.strip() or "the background process ended", where=log, next_step="see above and the log"
        )
        self.exit_code = exit_code

    def __str__(self) -> str:
        """The background process's own message: it already says where and what next."""
        return self.what


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
    entry = "from tieout.streams.operate.cli import main; main()"
    run = [
        sys.executable,
        "-P",
        "-c",
        entry,
        "broker",
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
                return Status("running", directory.path, running)
            time.sleep(_PAUSE_S)
    except BaseException:  # interrupted while waiting: what was not asked for any more is not left running
        process.terminate()
        raise
    said = log.read_bytes()[begins:].decode("utf-8", "replace")
    raise LaunchError(said, process.returncode if process.returncode > 0 else 1, log)


def stop(data_dir: Path) -> bool:
    """Stop the directory's broker and wait until it is gone. False when none was running.

    Raises:
        DataDirInUseError: another program owns it and stops it itself.
        BrokerDiedError: it does not end.

    """
    directory = DataDirectory(data_dir.resolve())
    if not directory.is_held():
        return False
    running = directory.running()
    if running is not None and not running.stops_on_signal:
        raise DataDirInUseError(
            f"the broker belongs to another program (process {running.pid}), which stops it when it ends",
            where=directory.path,
            next_step="end that program",
        )
    if running is not None:
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_PATIENCE_S
    while directory.is_held():
        if time.monotonic() > deadline:
            who = f"process {running.pid}" if running else "a process that has not announced itself"
            raise BrokerDiedError(
                f"the broker ({who}) did not end within {_STOP_PATIENCE_S:g} s",
                where=directory.path,
                next_step="look at broker.log there, then end the process with SIGKILL: its Java ends with it",
            )
        time.sleep(_PAUSE_S)
    return True
