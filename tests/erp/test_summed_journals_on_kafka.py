"""Goal: journals that are summed are in the ERP once each, as batches, and every contract hears of it once.

Method: broker, worker and stand-in as processes; worker and ERP are killed on the way; the ERP's books are compared with
the commands of the log, and the detail in revenue-events with what the contracts were told.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from erp.booked import booked
from erp.posting_ground import CODEC, INBOXES, PostingGround, apart
from erp.standin_ground import started
from oracle.batches import is_batch

from tieout.avro.commands import JournalPost
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.topics import DECISIONS, REVENUE_EVENTS

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
[erp-us]
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
def ground(tmp_path, standin):
    agents = {"STANDIN_KEY": KEY, "TIEOUT_AGENTS": "contracts,control,posting"}
    with PostingGround(tmp_path, ACCOUNTS.format(url=standin.url), agents) as ground:
        yield ground


def test_summed_journals_are_in_the_erp_once_and_each_contract_is_told_of_its_batches(
    tmp_path, ground, standin
):
    reference = tmp_path / "reference.jsonl"
    rows = (LINKED / "reference.jsonl").read_text().splitlines()
    reference.write_text("\n".join(map(summing, rows)))
    ground.tieout("reference", "publish", str(reference), "--activate", "--tenant", "acme")
    ground.tieout(
        *("ingest", "zuora-export", str(LINKED)),
        *("--tenant", "acme", "--entity", "US", "--price-is-ssp"),
    )
    died(ground)
    standin.kill()
    standin.start()
    ground.tieout("run-revenue", "2025-12-31", "--tenant", "acme")
    died(ground)
    commands = ground.commands()
    detail = [each for each in read(ground, REVENUE_EVENTS) if each.batch_id is not None]
    shares = {(each.contract_id, each.batch_id) for each in detail}
    ground.until("every command is told", lambda: len(ground.accepted()) == len(commands))
    ground.until("every share is told", lambda: len(posted(ground)) >= len(shares))

    ids = Counter(each.header.command_id for each in commands)
    assert ground.accepted() == ids
    assert Counter(each["document"]["external_id"] for each in documents(standin)) == ids
    assert balances(standin) == booked(commands)
    assert {is_batch(each) for each in commands if isinstance(each, JournalPost)} == {True}
    batches = {each.header.command_id for each in commands if is_batch(each)}
    assert {batch for _, batch in shares} == batches
    assert len(shares) > len(batches)
    assert Counter(posted(ground)) == Counter(shares)


def died(ground: PostingGround) -> None:
    """The worker is killed, and another one goes on."""
    ground.worker.kill()
    ground.restart()


def summing(row: str) -> str:
    """A reference row; of an entity, with its journals summed."""
    data = json.loads(row)
    if data["header"]["kind"] == "entity":
        data["policy"].append({"name": "journal_grain", "value": "summary"})
    return json.dumps(data)


def read(ground: PostingGround, topic: str) -> list:
    found: list = []
    bootstrap = ground.environment["TIEOUT_BOOTSTRAP"]
    apart(read_topics(bootstrap, {topic: INBOXES}, CODEC, lambda message, *_: found.append(message)))
    return found


def posted(ground: PostingGround) -> list[tuple[str, str]]:
    """(contract, batch), as often as it was told."""
    told = [each for each in read(ground, DECISIONS) if each.outcome == "posted"]
    return [(each.contract_id, each.detail.split()[1]) for each in told]


def documents(standin) -> list[dict]:
    return standin.ask("GET", "/admin/documents")["documents"]


def balances(standin) -> dict[tuple[str, str], int]:
    return {
        (line["account"], line["currency"]): line["balance_minor"]
        for line in standin.ask("GET", "/admin/trial-balance")
        if line["balance_minor"]
    }
