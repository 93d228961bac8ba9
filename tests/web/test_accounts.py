"""Goal: page, /api/stats, metrics and command line tell the same of an ERP account, and what is not known is called unknown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import msgspec
import pytest
from typer.testing import CliRunner

from tieout.streams.operate import account_words, heartbeats
from tieout.streams.operate.cli import app
from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.cluster import Cluster
from tieout.streams.operate.snapshot import snapshot
from tieout.streams.operate.verdict import judge
from tieout.streams.operate.web.page import page

STOPPED = "the ERP does not let us in (401)"


@pytest.fixture
def seen(sample):
    def observed(**changes):
        cluster = Cluster()
        cluster.hear(sample.poster(**changes), sample.START + 10 * sample.SECOND)
        return cluster.observe(sample.START + 10 * sample.SECOND)

    return observed


@pytest.fixture
def ask(seen, monkeypatch):
    """``tieout posting status`` where the workers' heartbeats say this."""

    def asked(*options: str, **changes):
        async def observe(_bootstrap):
            return seen(**changes) if changes.pop("posts", True) else SimpleNamespace(furthest={})

        monkeypatch.setattr(heartbeats, "observe_now", observe)
        monkeypatch.setenv("COLUMNS", "240")
        return CliRunner().invoke(app, ["posting", "status", *options])

    return asked


def test_api_page_and_command_line_show_the_same_numbers(seen, ask, sample):
    now = snapshot(seen())
    api = json.loads(msgspec.json.encode(now))["accounts"]
    assert json.loads(ask("--json").stdout) == api
    assert api[0]["amounts"] == {"USD": 240_100, "JPY": 1_800}
    for text in (page(now), ask().stdout):
        for words in (
            "us-erp",
            "1,203",
            "800 unread",
            "2,401.00 USD",
            "1,800 JPY",
            "40,000",
            "3 of 3.4",
            "5 slots",
        ):
            assert words in text, words
        for words in (
            "invoice.create",
            "REFERENCE_MISSING",
            "integration",
            "5 min to 1 h",
            "1 min 36 s",
            "at the slot limit 40 s",
        ):
            assert words in text, words


def test_parked_lanes_and_a_stopped_account_want_attention_and_nothing_else_does(ask):
    assert ask().exit_code == Exit.ATTENTION
    assert ask(parked_lanes=()).exit_code == Exit.OK
    assert ask(parked_lanes=(), stopped=STOPPED).exit_code == Exit.ATTENTION


def test_where_no_worker_posts_the_command_says_how_to_start_one(ask):
    assert "TIEOUT_ERP_FILE" in ask(posts=False).stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"drain_seconds": None}, "unknown: nothing is being posted, 40 s"),
        (
            {"drain_seconds": None, "drain_seconds_at_slots": None},
            "unknown: nothing is being posted, unknown",
        ),
        ({"drain_seconds": 0.0}, "nothing to post, 40 s"),
    ],
)
def test_a_time_to_drain_that_is_unknown_is_called_so(sample, changes, words):
    account = sample.account(**changes)
    assert f"{account_words.drains(account)}, {account_words.drains_at_slots(account)}" == words


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({"stopped": STOPPED}, "broken", f"ERP account us-erp is stopped: {STOPPED}"),
        ({"stopped": STOPPED}, "broken", "tieout posting resume us-erp"),
        ({"breaker": "open", "paused_seconds": 4.0}, "attention", "nothing is sent for 4 s"),
        ({"breaker": "half_open"}, "attention", "one call is being tried"),
        ({}, "fine", "Every event received is accounted for"),
    ],
)
def test_the_first_sentence_of_the_page_tells_of_an_account_that_nothing_is_sent_to(
    seen, changes, level, words
):
    now = snapshot(seen(**changes))
    assert judge(now).level == level
    assert words in judge(now).sentence
    assert level == "fine" or words in page(now)


def test_a_cluster_that_posts_nowhere_has_no_box_of_accounts(sample):
    cluster = sample.two_workers()
    assert "Not in the ERP yet" not in page(snapshot(cluster.observe(sample.START + 10 * sample.SECOND)))
