"""A server process behind its guard: it ends when its owner ends, and it is known by its id.

Invariant: a signal is only sent while the guard still holds the process, so that its id belongs to nobody else.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tieout.streams.operate.servers import guard
from tieout.streams.operate.servers.guarded import start_guarded

_TAIL_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Guarded:
    """``pid`` is the process's own, not the guard's."""

    pid: int
    _guard: subprocess.Popen[bytes]

    @classmethod
    def start(cls, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Self:
        """Start it; ``environment`` comes on top of ours, ``log`` takes what it says."""
        process = start_guarded(command, environment, log)
        assert process.stdout is not None
        with process.stdout as answer:
            first = answer.readline()
        return cls(int(first or 0), process)

    def is_running(self) -> bool:
        """Whether it is there."""
        return self._guard.poll() is None

    def children(self) -> list[int]:
        """Ids of the processes that it has started (Linux)."""
        with contextlib.suppress(FileNotFoundError):
            return [
                int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            ]
        return []

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end and wait; killed when it takes longer than a guard allows."""
        self._signal(how)
        try:
            self._guard.wait(guard.STOP_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        self._let_go()

    def kill(self) -> None:
        """SIGKILL for it and all that it has started."""
        children = self.children()
        self._signal(signal.SIGKILL)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._let_go()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid and self.is_running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _let_go(self) -> None:
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.close()
        self._guard.wait()


def tail(log: Path) -> str:
    """The end of what a process said."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return stream.read().decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return "(nothing)"
