"""Worker processes of the demo: started, killed, restarted, and never left behind.

Invariant: each runs under the broker's guard, so that it ends when the demo ends, however the demo ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tieout.streams.operate.servers.guarded import start_guarded

_STOP_SECONDS = 20.0
_ENTRY = "from tieout.streams.operate.cli import main; main()"


@dataclass(slots=True)
class WorkerProcess:
    """One ``tieout worker``; ``environment`` carries its settings, ``log`` takes what it writes."""

    worker_id: str
    environment: Mapping[str, str]
    log: Path
    _guard: subprocess.Popen[bytes] | None = field(default=None, init=False)
    pid: int = field(default=0, init=False)

    def start(self) -> None:
        """Start it; returns at once."""
        command = [sys.executable, "-c", _ENTRY, "worker", "--worker-id", self.worker_id]
        self._guard = start_guarded(command, self.environment, self.log)
        assert self._guard.stdout is not None
        self.pid = int(self._guard.stdout.readline() or 0)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def exit_status(self) -> int | None:
        """As a shell gives it; None while it runs."""
        return self._guard.poll() if self._guard is not None else None

    def kill(self) -> float:
        """SIGKILL, as the out-of-memory killer would; gives the time of the kill (monotonic seconds)."""
        os.kill(self.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        assert self._guard is not None
        self._guard.wait(_STOP_SECONDS)
        return killed_at

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self._guard is not None and self.running:
            self._guard.terminate()

    def wait(self) -> None:
        """Wait for its end; kill it when it takes too long."""
        if self._guard is None:
            return
        try:
            self._guard.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-15:])
