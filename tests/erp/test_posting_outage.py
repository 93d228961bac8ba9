"""Goal: while an ERP is down, its commands are taken in up to a bounded window, other accounts go on, and all is posted after.

Method: one worker, two stand-ins; one is killed and stays down for a while, under load for both. The ten minutes of the issue
are virtual (tests/simulation/test_the_erp_is_away.py); here time is real, and shorter.
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from erp.killed_erps import standin_journal
from erp.many_contracts import many_contracts
from erp.posting_ground import PostingGround
from erp.standin_ground import KEY, NAMES, SCRIPT, started
from posting.judging import anomalies

from tieout.agents.posting.task import PostingSettings

pytestmark = pytest.mark.broker

LIVE_MAX = PostingSettings(input_topic="", inbox="", dead_letters="").live_max
AWAY, WELL = (replace(NAMES, erp_account=name) for name in ("away", "well"))
ACCOUNT = """
[{name}]
partition = {partition}
adapter = "standin"
url = "{url}"
secret_env = "STANDIN_KEY"
slots = 5
call_seconds_max = 2.0
server_seconds_max = 0.5
"""


@pytest.mark.parametrize(
    ("down_seconds", "count"), [(4.0, 600), pytest.param(30.0, LIVE_MAX + 2_000, marks=pytest.mark.full)]
)
def test_an_erp_that_is_down_fills_its_window_and_stops_nobody_else(tmp_path, down_seconds, count):
    for name in ("away", "well"):
        (tmp_path / name).mkdir()
    with (
        started(tmp_path / "away", SCRIPT) as away,
        started(tmp_path / "well", SCRIPT) as well,
        PostingGround(
            tmp_path,
            ACCOUNT.format(name="away", partition=0, url=away.url)
            + ACCOUNT.format(name="well", partition=1, url=well.url),
            {"STANDIN_KEY": KEY},
            partitions=2,
        ) as ground,
    ):
        before = many_contracts(AWAY, 50, seed=1, prefix="before-")
        ground.write(before)
        ground.until("the account is posted to", lambda: len(ground.accepted()) == len(before))
        away.kill()
        began = time.monotonic()
        meanwhile = many_contracts(AWAY, count, seed=2)
        elsewhere = many_contracts(WELL, count // 2, seed=3, prefix="well-")
        ground.write(meanwhile)
        ground.write(elsewhere, partition=1)
        window = min(count, LIVE_MAX)
        ground.until("the account is told of", lambda: "away" in ground.status())
        ground.until("the window is full", lambda: ground.status()["away"].unposted == window)
        ground.until("the breaker is open", lambda: ground.status()["away"].paused_seconds > 0)
        ground.until("the other account is posted to", lambda: len(standin_journal(well)) == len(elsewhere))
        while time.monotonic() < began + down_seconds:
            assert ground.status()["away"].unposted == window
        away.start()
        sent = [*before, *meanwhile]
        ground.until("all of it is told", lambda: len(ground.accepted()) == len(sent) + len(elsewhere))
        assert list(anomalies(sent, standin_journal(away))) == []
        assert list(anomalies(elsewhere, standin_journal(well))) == []
        assert set(ground.accepted().values()) == {1}
        assert ground.ledger() == []
