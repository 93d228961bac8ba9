"""Goal: an export of a source system ends as journals, by the commands that a user types.

Method: broker, topics, reference data, worker, ingest, revenue run and close through the command line, on a broker of
its own; the journals are read back read committed.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tieout.avro.codec import Codec
from tieout.avro.commands import JournalPost
from tieout.streams.operate.broker import EmbeddedBroker
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.operate.demo.workers import WorkerProcess
from tieout.streams.topics import ERP_COMMANDS

pytestmark = pytest.mark.broker
LINKED = Path(__file__).resolve().parents[1] / "fixtures" / "zuora-linked"


@pytest.fixture
def environment(tmp_path):
    with EmbeddedBroker(tmp_path / "kafka") as broker:
        yield {
            "TIEOUT_BOOTSTRAP": broker.bootstrap,
            "TIEOUT_PARTITIONS": "2",
            "TIEOUT_STATE_DIR": str(tmp_path / "state"),
            "TIEOUT_TICK_SECONDS": "1",
        }


def tieout(environment, *arguments: str) -> str:
    entry = "from tieout.streams.operate.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", entry, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_zuora_export_becomes_journals_by_the_commands_of_a_user(tmp_path, environment):
    tieout(environment, "topics", "apply")
    worker = WorkerProcess("zuora", environment, tmp_path / "worker.log")
    worker.start()
    try:
        reference = str(LINKED / "reference.jsonl")
        tieout(environment, "reference", "publish", reference, "--activate", "--tenant", "acme")
        told = tieout(
            environment,
            *("ingest", "zuora-export", str(LINKED)),
            *("--tenant", "acme", "--entity", "US", "--price-is-ssp"),
        )
        assert "18 events and 0 exceptions published" in told
        assert "4 groups" in tieout(environment, "run-revenue", "2025-12-31", "--tenant", "acme")
        assert "2 of 2 partitions" in tieout(environment, "close", "2025-12", "--tenant", "acme")
    finally:
        worker.ask_to_stop()
        worker.wait()
    revenue: Counter[str] = Counter()

    def sink(message, *_) -> None:
        if isinstance(message, JournalPost):
            for line in message.lines:
                if line.account_class == "revenue":
                    revenue[message.header.contract_id] += line.credit_minor - line.debit_minor

    asyncio.run(read_topics(environment["TIEOUT_BOOTSTRAP"], {ERP_COMMANDS: 1}, Codec.load(), sink))
    assert sum(1 for amount in revenue.values() if amount > 0) == 4
    assert worker.exit_status == 0
