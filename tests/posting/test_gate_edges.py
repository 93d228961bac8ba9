"""Goal: an adapter that miscounts, or a clock that is set back, costs no slot and begins nothing late."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace
from posting.test_gate import SlowErp, gate_to, now_ms, row, run

from tieout.agents.posting.answers import NotStarted, decode_outcome
from tieout.streams.edges.erp.gate import BEGINS_WITHIN_MS
from tieout.tables.posting import CALLS


def test_an_adapter_that_answers_for_too_few_leaves_doubt_about_all_and_holds_no_slot():
    class Short(SlowErp):
        async def post(self, commands):
            return (await super().post(commands))[:-1]

    async def story():
        gate = gate_to(Short(takes=5, batch=5))
        calls = [asyncio.ensure_future(gate(b"", row(number))) for number in (1, 2)]
        done, _ = await asyncio.wait(calls, timeout=60)
        kinds = [decode_outcome(each.result()).kind for each in done]
        assert (kinds, gate.calls_running) == (["ambiguous", "ambiguous"], 0)

    run(story())


def test_a_clock_that_was_set_back_lets_nothing_begin_later():
    async def story():
        gate = gate_to(SlowErp(takes=1, seconds=5.0), slots=1)
        first = asyncio.ensure_future(gate(b"", row(1)))
        await asyncio.sleep(0.01)
        second = decode_outcome(await gate(b"", row(2, asked_ms=now_ms() + 3_600_000)))
        assert now_ms() <= BEGINS_WITHIN_MS + 10
        await first
        assert second == NotStarted()

    run(story())


def test_what_no_call_has_answered_goes_alone():
    class Watched(SlowErp):
        calls = ()

        async def post(self, commands):
            self.calls = (*self.calls, {each.header.lane_seq for each in commands})
            return await super().post(commands)

    async def story():
        erp = Watched(takes=1, seconds=0.4, batch=50)
        gate = gate_to(erp, slots=1)
        rows = [CALLS.encode(replace(CALLS.decode(row(n)), alone=n in (20, 40))) for n in range(1, 51)]
        await asyncio.gather(*(gate(b"", each) for each in rows))
        assert {20} in erp.calls
        assert {40} in erp.calls
        assert len(erp.calls) <= 5

    run(story())
