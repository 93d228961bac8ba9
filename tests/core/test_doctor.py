"""Each thing that can be wrong is planted in otherwise healthy evidence; the doctor must name it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tieout.avro import record_codec
from tieout.streams.operate.cluster import Cluster
from tieout.streams.operate.doctor.evidence import Ends, Group, Machine, Seen
from tieout.streams.operate.doctor.findings import Finding, step_after_halt, worst
from tieout.streams.operate.doctor.judging import kafka_findings, machine_findings, nobody_answers
from tieout.streams.operate.doctor.looking import _codec
from tieout.streams.operate.snapshot import snapshot
from tieout.streams.operate.status import AgentStatus, PartitionStatus, WorkerStatus
from tieout.streams.settings import Settings
from tieout.streams.topics import CONTRACT_EVENTS, DECISIONS, Change, Plan, Refusal, changelog_of, topic_table

VERSION = "1.0"
NOW_US = 1_700_000_000_000_000
HERE = Machine(
    version=VERSION,
    python="3.11",
    codec="compiled",
    codec_trouble=None,
    extensions=None,
    state_dir=Path("state"),
    writable=True,
    free_bytes=50 << 30,
    total_bytes=100 << 30,
)
PLAN = Plan(create=(), change=(), refused=(), unchanged=(), unmanaged=(), overrides={})
TABLE = topic_table(2)
SETTING = TABLE[0].settings[0]


def partition(number: int, **changes) -> PartitionStatus:
    given = {"state": "running", "position": 100, "lag_records": 0} | changes
    return PartitionStatus(agent="contracts", partition=number, **given)


def cluster(*partitions: PartitionStatus, seconds_ago: float = 0.5, version: str = VERSION):
    heard = Cluster()
    status = WorkerStatus(
        worker_id="w1",
        version=version,
        started_us=0,
        reported_us=NOW_US,
        host="h",
        agents=(AgentStatus("contracts", CONTRACT_EVENTS, 2),),
        partitions=partitions or (partition(0), partition(1)),
    )
    heard.hear(status, NOW_US - int(seconds_ago * 1e6))
    return snapshot(heard.observe(NOW_US))


def seen(**changes) -> Seen:
    ends = {(CONTRACT_EVENTS, 0): Ends(0, 120, 120), (CONTRACT_EVENTS, 1): Ends(0, 100, 100)}
    healthy = {
        "bootstrap": "127.0.0.1:9092",
        "plan": PLAN,
        "apart_seconds": 3.0,
        "first": ends,
        "second": ends,
        "groups": (
            Group("contracts", "Stable", 1),
            Group("control", "Stable", 1),
            Group("posting", "Dead", 0),
        ),
        "positions": {("contracts", 0): 90, ("contracts", 1): 100},
        "cluster": cluster(),
        "ahead_seconds": {"": 0.1, "w1": -0.6},
    }
    return Seen(**(healthy | changes))


def wrong(given: Seen) -> list[Finding]:
    return [finding for finding in kafka_findings(given, VERSION) if finding.severity != "fine"]


def test_a_healthy_installation_has_one_fine_line_for_each_subject():
    findings = [*machine_findings(HERE), *kafka_findings(seen(), VERSION)]
    assert worst(findings) == "fine"
    subjects = [finding.about for finding in findings]
    assert len(subjects) == len(set(subjects)) == 10


def stood_still(topic: str, stable: int) -> dict:
    ends = {(topic, 1): Ends(0, stable, 50)}
    return {"first": ends, "second": {(topic, 1): Ends(0, stable, 70)}}


DEFECTS = {
    "missing topic": ({"plan": replace(PLAN, create=TABLE[:1])}, "broken", "missing: tieout.source-events"),
    "refused topic": (
        {"plan": replace(PLAN, refused=(Refusal("t", "has 3 partitions", "stop"),))},
        "broken",
        "t: has 3 partitions",
    ),
    "other setting": (
        {"plan": replace(PLAN, change=(Change("t", SETTING, "x"),))},
        "attention",
        "t has cleanup.policy=x",
    ),
    "no members": (
        {"groups": (Group("contracts", "Empty", 0),)},
        "broken",
        "nobody reads for agent contracts",
    ),
    "posting that has stopped": (
        {"groups": (Group("posting", "Empty", 0),)},
        "broken",
        "nobody reads for agent posting",
    ),
    "never started": (
        {"groups": (Group("contracts", "Dead", 0),)},
        "broken",
        "nobody reads for agent contracts",
    ),
    "rebalance": (
        {"groups": (Group("contracts", "PreparingRebalance", 2),)},
        "attention",
        "PreparingRebalance with 2 members",
    ),
    "silent worker": (
        {"cluster": cluster(seconds_ago=60)},
        "broken",
        "not been heard for 60 s; 2 of its partitions have no new owner",
    ),
    "old worker": ({"cluster": cluster(version="0.9")}, "attention", "runs tieout 0.9, this is 1.0"),
    "halted": (
        {"cluster": cluster(partition(0, state="halted", reason="log_truncated: x"), partition(1))},
        "broken",
        "partition 0 of contracts has halted: log_truncated: x",
    ),
    "waiting": (
        {"cluster": cluster(partition(0, state="waiting", reason="the broker is silent"), partition(1))},
        "attention",
        "is waiting: the broker is silent",
    ),
    "nobody": ({"cluster": cluster(partition(0))}, "broken", "nobody works on partition 1"),
    "stuck": (
        {"cluster": cluster(partition(0), partition(1, lag_records=7))},
        "attention",
        "partition 1 of contracts has not moved for 3 s, 7 records unread",
    ),
    "behind": (
        {"cluster": cluster(partition(0, lag_records=7, lag_seconds=600.0), partition(1))},
        "attention",
        "10 minutes behind",
    ),
    "unbalanced": ({"cluster": cluster(partition(0, received=3), partition(1))}, "broken", "are not the sum"),
    "truncated": (
        {"cluster": cluster(partition(0, position=121), partition(1))},
        "broken",
        "log_truncated: it is to read 121 next",
    ),
    "overtaken": (
        {"second": {(CONTRACT_EVENTS, 0): Ends(101, 120, 120)}},
        "broken",
        "retention_overtook: it is to read 100 next",
    ),
    "open on an output": (stood_still(DECISIONS, 40), "attention", "readable up to 40 of 70"),
    "open on a changelog": (stood_still(changelog_of("contracts"), 40), "broken", "readable up to 40 of 70"),
    "clock ahead": ({"ahead_seconds": {"w1": 30.0}}, "attention", "worker w1 is 30 s ahead of the broker's"),
    "this clock behind": ({"ahead_seconds": {"": -30.0}}, "attention", "this machine is 30 s behind"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_what_is_wrong_is_named_with_a_next_step(name):
    changes, severity, words = DEFECTS[name]
    findings = wrong(seen(**changes))
    assert [(finding.severity, words in finding.found) for finding in findings if words in finding.found] == [
        (severity, True)
    ], findings
    assert all(finding.next_step for finding in findings)
    assert {finding.about for finding in findings} == {findings[0].about}, "one cause, one subject"


def test_a_transaction_that_is_merely_running_is_no_finding():
    first, second = {("t", 0): Ends(0, 40, 50)}, {("t", 0): Ends(0, 50, 60)}
    assert wrong(seen(first=first, second=second)) == []
    assert wrong(seen(first={("t", 0): Ends(0, 50, 50)}, second={("t", 0): Ends(0, 50, 60)})) == []


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"free_bytes": 1 << 20}, "attention", "0.0 GiB free"),
        ({"free_bytes": 9 << 30}, "attention", "9.0 GiB free"),
        (
            {"codec": "", "codec_trouble": "compiled: it is not installed: install it"},
            "broken",
            "not installed",
        ),
        ({"codec": "fastavro", "codec_trouble": "it is not used: run make"}, "attention", "it is not used"),
        ({"writable": False}, "broken", "cannot be written"),
        ({"extensions": "Faust runs without its C extensions"}, "broken", "without its C extensions"),
    ],
)
def test_a_machine_that_is_not_fit_is_named(changes, severity, words):
    (finding,) = [found for found in machine_findings(replace(HERE, **changes)) if found.severity != "fine"]
    assert (finding.severity, words in finding.found) == (severity, True)


def test_a_stale_codec_is_told_where_it_matters(monkeypatch):
    monkeypatch.setattr(record_codec, "CompiledRecords", None)
    monkeypatch.setattr(record_codec, "STALE", "it is not used: run make")
    assert _codec(Settings()) == ("fastavro", "it is not used: run make")
    assert _codec(Settings(codec="fastavro")) == ("fastavro", None)
    assert _codec(Settings(codec="compiled")) == (
        "",
        "TIEOUT_CODEC=compiled: it is not used: run make, or ask for auto",
    )


def test_a_kafka_that_does_not_answer_is_broken_with_where_to_look():
    finding = nobody_answers("127.0.0.1:1", "refused")
    assert (finding.severity, "127.0.0.1:1" in finding.found, "TIEOUT_BOOTSTRAP" in finding.next_step) == (
        "broken",
        True,
        True,
    )


def test_every_halt_reason_of_the_handbook_has_a_step_of_its_own():
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    section = page.partition("## Halt reasons")[2].partition("\n## ")[0]
    codes = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    unknown = step_after_halt("something else")
    assert codes
    assert all(step_after_halt(f"{code}: detail") != unknown for code in codes)


def test_a_finding_that_is_not_fine_needs_a_next_step():
    with pytest.raises(AssertionError):
        Finding("broken", "x", "y")
    assert msgspec.json.encode(Finding("fine", "x", "y"))
