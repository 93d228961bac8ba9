"""``tieout doctor`` on a Kafka of its own, from an empty one to a stuck transaction: it names what is wrong, and when not."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tieout.streams.operate.broker import EmbeddedBroker

pytestmark = pytest.mark.broker

ENTRY = [sys.executable, "-c", "from tieout.streams.operate.cli import main; main()"]


class Installation:
    """One Kafka, its topics and a worker, by the commands that people use."""

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


@pytest.fixture
def installation(tmp_path):
    with EmbeddedBroker(tmp_path / "kafka") as own:
        made = Installation(own.bootstrap, tmp_path)
        yield made
        made.end_worker()


def test_the_doctor_names_what_is_wrong_and_finds_nothing_when_all_is_well(installation, wait_until):
    status, wrong = installation.findings()
    assert status == 1
    assert "missing: tieout.source-events" in wrong["topics"][0]["found"]
    assert wrong["topics"][0]["next_step"] == "tieout topics apply"
    assert installation.run("topics", "apply").returncode == 0
    status, wrong = installation.findings()
    assert (status, set(wrong)) == (1, {"groups", "workers"})
    assert wrong["workers"][0]["found"] == "no worker has ever reported"
    installation.start_worker()
    wait_until("all is well", lambda: installation.findings() == (0, {}), 90)
    done = installation.run("doctor")
    assert (done.returncode, "0 broken, 0 to look at" in done.stdout) == (0, True)
    assert "3 clocks" in done.stdout or "2 clocks" in done.stdout
    asyncio.run(look_while_a_transaction_stands_open(installation))
    installation.worker.kill()
    installation.worker.wait(10)
    wait_until("it is missed", lambda: "not been heard" in str(installation.findings()[1].get("workers")), 60)


async def look_while_a_transaction_stands_open(installation: Installation) -> None:
    squatter = AIOKafkaProducer(
        bootstrap_servers=installation.environment["TIEOUT_BOOTSTRAP"],
        transactional_id="squatter",
        transaction_timeout_ms=60_000,
    )
    await squatter.start()
    await squatter.begin_transaction()
    await squatter.send_and_wait("tieout.decisions", b"x", b"foreign", partition=1)
    status, wrong = await asyncio.to_thread(installation.findings)
    await squatter.abort_transaction()
    await squatter.stop()
    assert (status, list(wrong)) == (9, ["transactions"])
    assert "tieout.decisions" in wrong["transactions"][0]["found"]
    assert "partition 1 is readable up to" in wrong["transactions"][0]["found"]
