"""Goal: an export of a source system ends as documents of an ERP, once each, whoever dies on the way.

Method: broker, worker and stand-in as processes, driven by the commands that a user types; the ERP's own books are compared
with the commands of the log, command by command and account by account.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from erp.booked import booked
from erp.standin_ground import started
from posting.closed_loop import books
from posting.closed_loop import told as told_of

from tieout.avro.codec import Codec
from tieout.avro.commands import JournalPost
from tieout.avro.control import CommandResolved, Tick
from tieout.avro.events import ErpAccepted, ErpRejected
from tieout.avro.outcomes import RevenueEvent
from tieout.streams.operate.broker import EmbeddedBroker
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.operate.demo.workers import WorkerProcess
from tieout.streams.topics import CONTRACT_EVENTS, ERP_COMMANDS, REVENUE_EVENTS

pytestmark = pytest.mark.broker
LINKED = Path(__file__).resolve().parents[1] / "fixtures" / "zuora-linked"
KEY = "a-key-of-the-stand-in"
SCRIPT = f"""
key = "{KEY}"
master_data = "required"
latency_ms = 5
lost_rate = 0.1
unavailable_rate = 0.1
"""
ACCOUNTS = """
[{account}]
partition = 0
adapter = "standin"
url = "{url}"
secret_env = "STANDIN_KEY"
slots = 5
call_seconds_max = 1.0
server_seconds_max = 0.5
"""


@pytest.fixture
def standin(tmp_path):
    with started(tmp_path, SCRIPT) as process:
        yield process


@pytest.fixture
def environment(tmp_path, standin):
    accounts = tmp_path / "erps.toml"
    accounts.write_text(ACCOUNTS.format(account="erp-us", url=standin.url))
    with EmbeddedBroker(tmp_path / "kafka") as broker:
        yield {
            "TIEOUT_BOOTSTRAP": broker.bootstrap,
            "TIEOUT_PARTITIONS": "2",
            "TIEOUT_STATE_DIR": str(tmp_path / "state"),
            "TIEOUT_TICK_SECONDS": "1",
            "TIEOUT_AGENTS": "contracts,control,posting",
            "TIEOUT_ERP_FILE": str(accounts),
            "STANDIN_KEY": KEY,
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


def read(environment, topics) -> list:
    found: list = []
    asyncio.run(
        read_topics(
            environment["TIEOUT_BOOTSTRAP"], topics, Codec.load(), lambda message, *_: found.append(message)
        )
    )
    return found


def until(what: str, condition, instead, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what}: not yet; {instead()}")
        time.sleep(0.3)


def test_what_the_log_commands_is_in_the_erp_once_although_the_worker_and_the_erp_die(
    tmp_path, environment, standin
):
    tieout(environment, "topics", "apply")
    worker = WorkerProcess("w1", environment, tmp_path / "worker.log")
    worker.start()
    try:
        reference = str(LINKED / "reference.jsonl")
        tieout(environment, "reference", "publish", reference, "--activate", "--tenant", "acme")
        tieout(
            environment,
            *("ingest", "zuora-export", str(LINKED)),
            *("--tenant", "acme", "--entity", "US", "--price-is-ssp"),
        )
        worker.kill()
        worker.start()
        standin.kill()
        standin.start()
        tieout(environment, "run-revenue", "2025-12-31", "--tenant", "acme")
        commands = [each for each in read(environment, {ERP_COMMANDS: 1}) if not isinstance(each, Tick)]
        until(
            "every command is posted",
            lambda: len(documents(standin)) >= len(commands),
            lambda: refusals(environment),
        )
        until("every contract is told", lambda: len(told(environment)) == len(commands), list)
    finally:
        worker.ask_to_stop()
        worker.wait()
    ids = Counter(document["document"]["external_id"] for document in documents(standin))
    assert ids == Counter(command.header.command_id for command in commands)
    assert Counter(told(environment)) == ids
    assert balances(standin) == booked(commands)


def test_what_the_erp_has_closed_ahead_is_posted_once_into_the_first_open_month(
    tmp_path, environment, standin
):
    closed = {f"2025-{month:02}" for month in (5, 6)}
    for month in sorted(closed):
        standin.ask("POST", "/admin/periods", {"entity": "US", "month": month, "closed": True})
    tieout(environment, "topics", "apply")
    worker = WorkerProcess("w1", environment, tmp_path / "worker.log")
    worker.start()
    try:
        reference = str(LINKED / "reference.jsonl")
        tieout(environment, "reference", "publish", reference, "--activate", "--tenant", "acme")
        tieout(
            environment,
            *("ingest", "zuora-export", str(LINKED)),
            *("--tenant", "acme", "--entity", "US", "--price-is-ssp"),
        )
        tieout(environment, "run-revenue", "2025-12-31", "--tenant", "acme")
        until(
            "what was not voided is posted",
            lambda: len(documents(standin)) == len(standing(environment)),
            lambda: refusals(environment)[-3:],
        )
    finally:
        worker.ask_to_stop()
        worker.wait()
    commands = standing(environment)
    ids = Counter(document["document"]["external_id"] for document in documents(standin))
    assert ids == Counter(command.header.command_id for command in commands)
    assert balances(standin) == booked(commands)
    journals = [each for each in commands if isinstance(each, JournalPost)]
    assert closed < {line.service_period for each in journals for line in each.lines}
    assert not closed & {each.header.posting_period for each in journals}
    events = [each for each in read(environment, {REVENUE_EVENTS: 2}) if isinstance(each, RevenueEvent)]
    assert books(journals) == told_of(events)


def standing(environment) -> list:
    """Commands that no other one stands for."""
    said = [each for each in read(environment, {ERP_COMMANDS: 1}) if not isinstance(each, Tick)]
    gone = {each.command_id for each in said if isinstance(each, CommandResolved)}
    commands = [each for each in said if not isinstance(each, CommandResolved)]
    return [each for each in commands if each.header.command_id not in gone]


def refusals(environment) -> list[tuple[str, str, str]]:
    return [
        (message.kind, message.reason, message.text)
        for message in read(environment, {CONTRACT_EVENTS: 2})
        if isinstance(message, ErpRejected)
    ]


def documents(standin) -> list[dict]:
    return standin.ask("GET", "/admin/documents")["documents"]


def told(environment) -> list[str]:
    return [
        message.envelope.object_id
        for message in read(environment, {CONTRACT_EVENTS: 2})
        if isinstance(message, ErpAccepted)
    ]


def balances(standin) -> dict[tuple[str, str], int]:
    return {
        (line["account"], line["currency"]): line["balance_minor"]
        for line in standin.ask("GET", "/admin/trial-balance")
        if line["balance_minor"]
    }
