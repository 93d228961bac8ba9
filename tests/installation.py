"""One Kafka, its topics and a worker, by the commands that people use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ENTRY = [sys.executable, "-c", "from tieout.streams.operate.cli import main; main()"]


class Installation:
    """A worker with two partitions of the contract agent, and what the doctor says of it."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
        self.environment = clean | {
            "TIEOUT_BOOTSTRAP": bootstrap,
            "TIEOUT_STATE_DIR": str(folder / "state"),
            "TIEOUT_WORKER_ID": "w1",
            "TIEOUT_PARTITIONS": "2",
        }
        self.folder = folder
        self.worker: subprocess.Popen | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ENTRY, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start_worker(self) -> None:
        with (self.folder / "worker.log").open("w") as log:
            self.worker = subprocess.Popen([*ENTRY, "worker"], env=self.environment, stdout=log, stderr=log)

    def end_worker(self) -> None:
        if self.worker is not None and self.worker.poll() is None:
            self.worker.send_signal(signal.SIGTERM)
            self.worker.wait(30)

    def findings(self) -> tuple[int, dict[str, list[dict]]]:
        """Exit status, and what is not fine, by subject."""
        done = self.run("doctor", "--json")
        document = json.loads(done.stdout)
        wrong: dict[str, list[dict]] = {}
        for finding in document["findings"]:
            if finding["severity"] != "fine":
                wrong.setdefault(finding["about"], []).append(finding)
        return done.returncode, wrong
