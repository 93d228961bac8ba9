"""Goal: a control request becomes one numbered marker in every partition, repeated only where a receipt is missing."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.agents.control.bounds import fault_of
from tieout.agents.control.marking import OPEN_ROWS, ControlTopics, control_agent, decode_open, marker_of
from tieout.avro.codec import Codec
from tieout.avro.control import (
    ControlHeader,
    PeriodClosed,
    PeriodCloseRequested,
    PeriodReopened,
    PeriodReopenRequested,
    PeriodSoftClosed,
    PeriodSoftCloseRequested,
    PostingResumeRequested,
    ReferenceActivationRequested,
    RevenueRunRequested,
)
from tieout.streams.testing import Harness
from tieout.tables.reference import MonthCalendar

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


def test_a_request_to_the_workers_that_post_is_none_of_its_own():
    harness = start()
    asked = PostingResumeRequested(ControlHeader("r1", 0, "acme", "ada", 7), "us-erp")
    harness.feed([(b"r1", CODEC.encode(asked)), (b"r2", run_request("r2"))], 0)
    assert {o.topic for o in harness.outputs} == {"inbox"}
    assert markers(harness) == [(0, 1, "r2"), (1, 1, "r2"), (2, 1, "r2")]


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


def request_header(request_id: str) -> ControlHeader:
    return ControlHeader(request_id, 0, "acme", "ada", 7)


@pytest.mark.parametrize(
    ("asked", "marker"),
    [
        (PeriodCloseRequested, PeriodClosed),
        (PeriodSoftCloseRequested, PeriodSoftClosed),
        (PeriodReopenRequested, PeriodReopened),
    ],
)
def test_a_request_about_a_period_becomes_the_marker_of_its_kind(asked, marker):
    header = request_header("r")
    found = marker_of(asked(header, "US", "revenue", "2025-01"), 4)
    assert found == marker(ControlHeader("r", 4, "acme", "ada", 7), "US", "revenue", "2025-01")


def test_the_reopening_of_a_period_reaches_every_partition():
    harness = start()
    asked = PeriodReopenRequested(request_header("r"), None, "revenue", "2025-01")
    harness.feed([(b"r", CODEC.encode(asked))], 0)
    assert markers(harness) == [(0, 1, "r"), (1, 1, "r"), (2, 1, "r")]
    assert {type(CODEC.decode(o.value)) for o in harness.outputs} == {PeriodReopened}


LAST_DAY = (date(2200, 12, 31) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (RevenueRunRequested(request_header("r"), None, "primary", LAST_DAY + 1), "2200-12-31"),
        (RevenueRunRequested(request_header("r"), None, "primary", -1), "1970-01-01"),
        (PeriodCloseRequested(request_header("r"), None, "revenue", "9999-12"), "9999-12"),
        (PeriodCloseRequested(request_header("r"), None, "revenue", "0000-05"), "0000-05"),
        (PeriodCloseRequested(request_header("r"), None, "revenue", "2025-13"), "2025-13"),
        (
            PeriodCloseRequested(
                request_header("r"), None, "revenue", "\u0662\u0660\u0662\u0665-\u0660\u0665"
            ),
            "month such as 2025-05",
        ),
        (PeriodCloseRequested(request_header("r"), None, "revenue", "FY25\x00P1"), "neither a month"),
        (PeriodCloseRequested(request_header("r"), None, "revenue", ""), "neither a month"),
        (PeriodReopenRequested(request_header("r"), None, "revenue", "2025-13"), "neither a month"),
        (PeriodSoftCloseRequested(request_header("r"), None, "revenue", "2025-00"), "neither a month"),
        (
            PeriodSoftCloseRequested(request_header("r"), None, "ar", "2025-01"),
            "revenue, receivables, general",
        ),
        (PeriodCloseRequested(request_header("r"), None, "gl", "2025-01"), "no sub-ledger 'gl'"),
        (PeriodReopenRequested(request_header("r"), None, "", "2025-01"), "no sub-ledger ''"),
        (ReferenceActivationRequested(request_header("r"), -1), "no offset"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_a_request_out_of_bounds_is_a_dead_letter_and_no_marker(asked, fault):
    harness = start()
    harness.feed([(b"r", CODEC.encode(asked)), (b"r1", run_request("r1"))], 0)
    (letter,) = [CODEC.decode(o.value) for o in harness.outputs if o.topic == "dead"]
    assert letter.reason == "bad_request"
    assert fault in letter.detail
    assert {(seq, request) for _, seq, request in markers(harness)} == {(1, "r1")}, "it takes no number"


@given(
    st.one_of(
        st.builds(
            RevenueRunRequested,
            st.just(request_header("r")),
            st.none(),
            st.just("b"),
            st.integers(0, LAST_DAY),
        ),
        st.builds(
            PeriodCloseRequested,
            st.just(request_header("r")),
            st.none(),
            st.just("revenue"),
            st.text(max_size=9),
        ),
    )
)
def test_the_calendar_of_months_bears_every_request_within_bounds(asked):
    months = MonthCalendar()
    if isinstance(asked, RevenueRunRequested):
        assert fault_of(asked) is None
        period = months.period_of(asked.through_date)
    else:
        period = months.period_labelled(asked.period) if fault_of(asked) is None else None
    if period is not None:
        assert months.first_day(period) <= months.last_day(period)


@pytest.mark.parametrize("label", ["1970-01", "2025-05", "2200-12", "FY25-P13", "2025Q1"])
def test_months_and_labels_of_listed_calendars_are_periods(label):
    assert fault_of(PeriodCloseRequested(request_header("r"), None, "revenue", label)) is None
