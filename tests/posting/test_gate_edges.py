"""Goal: an adapter that miscounts, or a clock that is set back, costs no slot and begins nothing late."""

from __future__ import annotations

import asyncio

from posting.test_gate import SlowErp, gate_to, now_ms, row, run

from tieout.agents.posting.answers import NotStarted, decode_outcome
from tieout.streams.edges.erp.gate import BEGINS_WITHIN_MS


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
