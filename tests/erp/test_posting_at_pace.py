"""Goal: a day's commands are in the ERP once each and in order, at the pace that it takes, whatever stands meanwhile.

Method: broker, worker and stand-in as processes; the stand-in loses answers after its commit, refuses for its pace with HTTP
400, refuses 2 % of the documents, and has January closed. Which commands must stand is worked out from its script, not asked.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from random import Random

import pytest
from erp.killed_erps import standin_journal
from erp.many_contracts import many_contracts
from erp.posting_ground import PostingGround
from erp.standin_ground import KEY, NAMES, SCRIPT, started
from msgspec import convert
from posting.judging import anomalies

from tieout.avro.commands import Command
from tieout.streams.operate.standin.process import StandinProcess
from tieout.streams.operate.standin.script import Script

pytestmark = pytest.mark.broker

SLOTS = 5
ROUGH = """
slots = {slots}
over_slots = "400"
latency_ms = {latency_ms}
lost_rate = 0.01
business_error_rate = 0.02
"""
ACCOUNT = """
[erp]
partition = 0
adapter = "standin"
url = "{url}"
secret_env = "STANDIN_KEY"
slots = 8
batch_items_max = 1
call_seconds_max = 5.0
server_seconds_max = 0.5
"""


def some_in_january(chance: Random) -> dict[str, object]:
    """The locked period's journals."""
    return {"day": NAMES.closed_day, "period": NAMES.closed_period} if chance.random() < 0.005 else {}


@pytest.mark.parametrize(
    ("count", "latency_ms"),
    [
        (400, 20.0),
        pytest.param(20_000, 20.0, marks=pytest.mark.full),
        pytest.param(500, 1_000.0, marks=pytest.mark.full),
    ],
)
def test_every_command_is_posted_once_at_the_pace_of_the_erp_and_nobody_waits_for_a_parked_one(
    tmp_path, count, latency_ms
):
    script = ROUGH.format(slots=SLOTS, latency_ms=latency_ms) + SCRIPT
    sent = many_contracts(NAMES, count, seed=7, wish=some_in_january)
    standing = stand(sent, convert(tomllib.loads(script), Script))
    with (
        started(tmp_path, script) as erp,
        PostingGround(tmp_path, ACCOUNT.format(url=erp.url), {"STANDIN_KEY": KEY}) as ground,
    ):
        ground.write(sent)
        ground.until(
            "all are posted that need not wait for a refused one",
            lambda: erp.ask("GET", "/admin/counters")["posted"] >= count - len(standing),
            seconds=60 + 4 * count * latency_ms / 1000 / SLOTS,
        )
        ground.until("their contracts are told", lambda: len(ground.accepted()) >= count - len(standing))
        refused = ground.rejected()
        assert {each.reason for each in refused} == {"REFERENCE_MISSING", "PERIOD_CLOSED"}
        assert {each.envelope.object_id for each in refused} <= standing
        assert {each.header.command_id for each in sent} - set(standin_journal(erp)) == standing
        in_flight_converged(erp, ground)
        erp.ask("POST", "/admin/mended", {"everything": True})
        erp.ask("POST", "/admin/periods", {"entity": NAMES.entity, "month": "2025-01", "closed": False})
        ground.retry(refused)
        ground.until(
            "what stood is posted too",
            lambda: erp.ask("GET", "/admin/counters")["posted"] >= count,
            seconds=60 + 4 * len(standing) * latency_ms / 1000,
        )
        ground.until("each contract is told", lambda: len(ground.accepted()) >= count)
        assert list(anomalies(sent, standin_journal(erp))) == []
        assert erp.ask("GET", "/admin/counters")["duplicates"] == 0, (
            "what was in doubt was sent, not asked about"
        )
        assert set(ground.accepted().values()) == {1}
        assert ground.ledger() == []


def stand(sent: Iterable[Command], script: Script) -> set[str]:
    """Ids that the script refuses, and those that come after one of them."""
    found: set[str] = set()
    lanes: set[tuple[str, str]] = set()
    for each in sent:
        header = each.header
        lane = (header.group_id, header.lane)
        if (
            lane in lanes
            or found & set(header.after)
            or header.posting_date == NAMES.closed_day
            or script.chance("business", header.command_id, 0) < script.business_error_rate
        ):
            found.add(header.command_id)
            lanes.add(lane)
    return found


def in_flight_converged(erp: StandinProcess, ground: PostingGround) -> None:
    """The limit is about what the ERP takes, and only few calls were one too many."""
    counters = erp.ask("GET", "/admin/counters")
    assert counters["in_flight_max"] == SLOTS
    assert counters["lost"] > 0
    assert 0 < counters["throttled"] < 0.1 * counters["calls"]
    assert SLOTS - 2 <= ground.status()["erp"].limit <= SLOTS + 2
