"""Goal: a control request becomes one numbered marker in every partition, repeated only where a receipt is missing."""

from __future__ import annotations

import msgspec

from tieout.agents.control.marking import OPEN_ROWS, ControlTopics, control_agent, decode_open
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, PeriodCloseRequested, RevenueRunRequested
from tieout.streams.testing import Harness

CODEC = Codec.load()
TOPICS = ControlTopics(
    requests="requests", inbox="inbox", dead_letters="dead", changelog="changelog", inbox_partitions=3
)


def start() -> Harness:
    return Harness(control_agent(TOPICS, CODEC))


def run_request(request_id: str) -> bytes:
    header = ControlHeader(request_id, 0, "acme", "ada", 7)
    return CODEC.encode(RevenueRunRequested(header, "US", "primary", 100))


def markers(harness: Harness) -> list[tuple[int, int, str]]:
    found = [(o.partition, CODEC.decode(o.value)) for o in harness.outputs if o.topic == "inbox"]
    return [(partition, m.header.control_seq, m.header.request_id) for partition, m in found]


def answer(harness: Harness, seq: int, partitions: list[int]) -> None:
    key = OPEN_ROWS + seq.to_bytes(8, "big")
    harness.task.outcome(key, msgspec.msgpack.encode(partitions), harness.effects)
    harness.commit()


def test_a_request_becomes_the_same_marker_in_every_partition():
    harness = start()
    harness.feed([(b"r1", run_request("r1"))], 0)
    assert markers(harness) == [(0, 1, "r1"), (1, 1, "r1"), (2, 1, "r1")]


def test_requests_are_numbered_in_order_and_the_same_request_twice_is_one():
    harness = start()
    close = CODEC.encode(
        PeriodCloseRequested(ControlHeader("c1", 0, "acme", "ada", 7), None, "revenue", "2025-01")
    )
    harness.feed([(b"r1", run_request("r1")), (b"r1", run_request("r1")), (b"c1", close)], 0)
    assert {(seq, request) for _, seq, request in markers(harness)} == {(1, "r1"), (2, "c1")}
    assert len(markers(harness)) == 6


def test_the_marker_is_repeated_to_partitions_without_a_receipt_and_to_no_other():
    harness = start()
    harness.feed([(b"r1", run_request("r1"))], 0)
    harness.outputs.clear()
    answer(harness, 1, [0, 2])
    assert markers(harness) == [(1, 1, "r1")]


def test_a_request_is_closed_when_every_partition_has_acknowledged():
    harness = start()
    harness.feed([(b"r1", run_request("r1"))], 0)
    answer(harness, 1, [0])
    assert [decode_open(v).acknowledged for _, v in harness.store.scan(OPEN_ROWS)] == [(0,)]
    answer(harness, 1, [0, 1, 2])
    assert list(harness.store.scan(OPEN_ROWS)) == []


def test_numbers_go_on_after_a_restart():
    harness = start()
    harness.feed([(b"r1", run_request("r1"))], 0)
    harness.crash()
    harness.feed([(b"r2", run_request("r2"))], 1)
    assert markers(harness)[-1] == (2, 2, "r2")


def test_what_is_no_request_is_a_dead_letter():
    harness = start()
    harness.feed([(b"x", b"junk"), (b"x", None)], 0)
    letters = [CODEC.decode(o.value) for o in harness.outputs if o.topic == "dead"]
    assert [letter.reason for letter in letters] == ["bad_magic", "tombstone"]
