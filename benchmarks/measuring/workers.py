"""A worker process under the broker's guard, so that it ends when the benchmark ends, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tieout.streams.operate.servers.guarded import start_guarded

_STOP_SECONDS = 20.0


@dataclass(slots=True)
class Worker:
    """One process: ``program`` (the interpreter) with ``command``, ``environment`` on top of ours, ``log`` its output."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    program: str = sys.executable
    pid: int = field(default=0, init=False)
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; returns at once."""
        self._guard = start_guarded([self.program, *self.command], self.environment, self.log)
        assert self._guard.stdout is not None
        with self._guard.stdout as answer:
            self.pid = int(answer.readline() or 0)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._guard is not None and self._guard.poll() is None

    def kill(self) -> float:
        """SIGKILL; the moment of it."""
        os.kill(self.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        self._let_go()
        return killed_at

    def ask_to_stop(self) -> float:
        """SIGTERM; the moment of it."""
        if self._guard is not None and self.running:
            self._guard.terminate()
        return time.monotonic()

    def stop(self) -> None:
        """SIGTERM, and wait for the end."""
        self.ask_to_stop()
        self._let_go()

    def _let_go(self) -> None:
        if self._guard is None:
            return
        try:
            self._guard.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-15:])
