"""Goal: an ERP account that lets nobody in stops, wakes a person, and goes on without a restart when that person says so.

Method: broker, worker and stand-in as processes; the key that the worker has is wrong, then mended in its file.
"""

from __future__ import annotations

from collections import Counter

import pytest
from erp.many_contracts import many_contracts
from erp.posting_ground import CODEC, INBOXES, PostingGround, apart
from erp.standin_ground import KEY, NAMES, started

from tieout.avro.outcomes import PostingTotals
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.topics import CONTROL_TOTALS

pytestmark = pytest.mark.broker

ACCOUNT = """
[erp]
partition = 0
adapter = "standin"
url = "{url}"
secret_file = "erp.key"
slots = 5
"""
COUNT = 12


def totals(ground: PostingGround) -> dict[tuple[str, str, str, str], int]:
    """(entity, period, kind, outcome) -> count, as the latest control totals of the account have it."""
    found: dict[tuple[str, str], PostingTotals] = {}

    def take(message, *_) -> None:
        assert isinstance(message, PostingTotals)
        found[message.entity, message.period] = message

    apart(read_topics(ground.environment["TIEOUT_BOOTSTRAP"], {CONTROL_TOTALS: INBOXES}, CODEC, take))
    return {
        (each.entity, each.period, row.event_type, row.outcome): row.count
        for each in found.values()
        for row in each.totals
    }


def test_a_stopped_account_goes_on_with_its_mended_secret_when_a_person_says_so(tmp_path):
    secret = tmp_path / "erp.key"
    secret.write_text("the key of last year")
    sent = many_contracts(NAMES, COUNT, seed=7, wish=lambda _: {})
    with started(tmp_path) as erp, PostingGround(tmp_path, ACCOUNT.format(url=erp.url), {}) as ground:
        ground.write(sent)
        ground.until("it is stopped", lambda: (now := ground.status().get("erp")) and now.stopped)
        status = ground.status()["erp"]
        assert (status.unposted, status.posted, status.drain_seconds) == (COUNT, 0, None)
        with pytest.raises(AssertionError, match="erp was resumed and is stopped again"):
            ground.tieout("posting", "resume", "erp")
        secret.write_text(KEY)
        assert "erp goes on: posting" in ground.tieout("posting", "resume", "erp", "--wait-seconds", "60")
        ground.until("all are posted", lambda: len(ground.accepted()) == COUNT)
        by_key = Counter((each.header.entity, each.header.posting_period, each.header.kind) for each in sent)
        ground.until(
            "the totals say so",
            lambda: totals(ground) == {(*key, "accepted"): n for key, n in by_key.items()},
        )
        by_kind = Counter(each.header.kind for each in sent)
        ground.until("the heartbeat says so", lambda: ground.status()["erp"].received == by_kind)
        assert "erp is not stopped" in ground.tieout("posting", "resume", "erp")
        with pytest.raises(AssertionError, match="there is no ERP account 'other'; there is erp"):
            ground.tieout("posting", "resume", "other")
    log = (tmp_path / "worker.log").read_text()
    assert "ERP account erp is stopped" in log
    assert "tieout posting resume erp" in log
    assert KEY not in log
