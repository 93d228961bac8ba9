"""Worker processes of a campaign: started, armed, stopped, woken, killed, and never left behind.

Invariant: each runs under the broker's guard, so it ends when the campaign ends, however that ends; and it is only
ever signalled by its own process id.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tieout.streams.operate.servers.guarded import start_guarded

ENTRY = Path(__file__).with_name("job_worker.py")
STOP_SECONDS = 20.0


@dataclass(slots=True)
class Worker:
    """One process of the job. ``config`` is what ``job_worker.py`` reads."""

    worker_id: str
    folder: Path
    config: dict[str, Any]
    generation: int = 0
    faults: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    pid: int = 0
    _guard: subprocess.Popen[bytes] | None = None

    def start(self, faults: str = "") -> None:
        """Start it, with fault points armed from the first moment on."""
        assert not self.running, f"{self.worker_id} runs already"
        self.generation += 1
        path = self.folder / f"{self.worker_id}-config.json"
        path.write_text(
            json.dumps({**self.config, "status_file": str(self.status_file), "arm_file": str(self.arm_file)})
        )
        command = [*self.prefix, sys.executable, str(ENTRY), str(path)]
        environment = {**self.environment, "TIEOUT_FAULT_POINTS": faults}
        self._guard = start_guarded(command, environment, self.log_file)
        assert self._guard.stdout is not None
        self.pid = int(self._guard.stdout.readline() or 0)

    @property
    def status_file(self) -> Path:
        """Where this life of the process says how it is."""
        return self.folder / f"{self.worker_id}-status-{self.generation}.json"

    @property
    def arm_file(self) -> Path:
        """What to arm at the next SIGUSR1."""
        return self.folder / f"{self.worker_id}-arm"

    @property
    def log_file(self) -> Path:
        """What all its lives have logged."""
        return self.folder / f"{self.worker_id}.log"

    @property
    def running(self) -> bool:
        """Whether the process is there, stopped or not."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def exit_status(self) -> int | None:
        """As a shell gives it; None while it runs."""
        return None if self._guard is None else self._guard.poll()

    def is_frozen(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        return state == "T"

    def status(self) -> dict[str, Any]:
        """What this life has said last."""
        try:
            return dict(json.loads(self.status_file.read_text()))
        except FileNotFoundError:
            return {"tasks": [], "ready": False, "rebalances": {}}

    def tasks(self, *states: str) -> list[dict[str, Any]]:
        """Its partitions in one of those states; all of them without any."""
        if not self.running or self.is_frozen():
            return []
        return [task for task in self.status()["tasks"] if not states or task["state"] in states]

    def signal(self, number: int) -> None:
        """Send a signal to the process itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def arm(self, faults: str) -> None:
        """Arm fault points while it runs."""
        self.arm_file.write_text(faults)
        self.signal(signal.SIGUSR1)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        self.signal(signal.SIGKILL)
        self.await_end()

    def await_end(self, seconds: float = STOP_SECONDS) -> int | None:
        """Its exit status; None when it does not end in time."""
        assert self._guard is not None
        try:
            return self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> int | None:
        """Ask it to stop, and wait; None when it would not and was killed."""
        if self._guard is None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        status = self.await_end()
        if status is None:
            self.drop()
        return status

    def drop(self) -> None:
        """End it whatever it is doing."""
        if self._guard is None:
            return
        if self.running:
            self.signal(signal.SIGKILL)
            if self.await_end(5) is None:
                self._guard.kill()
                self._guard.wait()
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()
