"""Goal: a call is made from a committed row, and one that nobody knows the end of is made again only where that is meant."""

from __future__ import annotations

import asyncio

import pytest

from tieout.agents.spec import CallSpec
from tieout.streams.engine.calls import Calls
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.status import Counters

ROW = b"c1"


def calls_of(caller, *, unfinished: bytes | None) -> Calls:
    spec = CallSpec(row_prefix=b"c", slots=4, retry_seconds=0.0, unfinished=unfinished)
    return Calls(
        spec,
        caller,
        clock=SystemClock(),
        scheduler=AsyncioScheduler(),
        counters=Counters(),
        wake=lambda: None,
    )


async def answers(key: bytes, value: bytes) -> bytes:
    return b"answer to " + value


async def breaks(key: bytes, value: bytes) -> bytes:
    raise OSError("the line is dead")


async def outcomes(calls: Calls) -> list[tuple[bytes, bytes]]:
    calls.launch({ROW: b"v"}.get)
    await asyncio.sleep(0.01)
    return calls.outcomes()


@pytest.mark.parametrize(
    ("unfinished", "expected"), [(None, b"answer to v"), (b"nobody knows", b"nobody knows")]
)
async def test_a_row_that_was_there_at_the_start_is_called_again_or_has_its_own_outcome(unfinished, expected):
    calls = calls_of(answers, unfinished=unfinished)
    calls.start([(ROW, b"v")])
    assert await outcomes(calls) == [(ROW, expected)]


async def test_a_caller_that_fails_is_called_again_where_nothing_else_is_said():
    calls = calls_of(breaks, unfinished=None)
    calls.committed({ROW: b"v"})
    assert await outcomes(calls) == []
    assert calls.next_due() is not None


async def test_a_caller_that_fails_has_the_outcome_of_what_nobody_knows():
    calls = calls_of(breaks, unfinished=b"nobody knows")
    calls.committed({ROW: b"v"})
    assert await outcomes(calls) == [(ROW, b"nobody knows")]
    assert calls.next_due() is None


async def test_a_row_that_is_written_anew_with_its_outcome_is_called_once_more():
    calls = calls_of(answers, unfinished=b"nobody knows")
    calls.committed({ROW: b"v"})
    assert await outcomes(calls) == [(ROW, b"answer to v")]
    calls.settled([ROW], {ROW: b"w"}.get)
    calls.committed({ROW: b"w"})
    assert len(await outcomes(calls)) == 1
    assert await outcomes(calls) == []
