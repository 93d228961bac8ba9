"""Goal: the gate keeps an ERP busy up to what it can take, never above, and gives every command its own outcome.

Time is virtual: a rate here is a property of the schedule, not of the machine.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import Counter
from random import Random

import pytest
from posting.memory_erp import MemoryErp
from posting.saying import command
from posting.world import CODEC
from simulation.virtual_time import VirtualLoop

from tieout.agents.posting.answers import Accepted, Missing, NotStarted, Refused, decode_outcome
from tieout.streams.edges.erp.gate import BEGINS_WITHIN_MS, Gate
from tieout.streams.edges.erp.pace import FAILING_MIN
from tieout.streams.engine.real_time import AsyncioScheduler
from tieout.tables.posting import CALLS, Call

THROTTLED = Refused("throttled", "NONE", "400", "too many requests")


class SlowErp(MemoryErp):
    """Takes ``seconds`` a call, refuses what comes beyond ``takes`` at once, counts both."""

    def __init__(self, *, takes: int = 5, seconds: float = 0.02, **more) -> None:
        super().__init__(**more)
        self.takes, self.seconds = takes, seconds
        self.inside = self.most_inside = self.throttled = 0
        self.sizes: Counter[int] = Counter()

    async def post(self, commands):
        self.inside += 1
        self.most_inside = max(self.inside, self.most_inside)
        self.sizes[len(commands)] += 1
        try:
            if self.inside > self.takes:
                self.throttled += 1
                await asyncio.sleep(0.002)
                return [THROTTLED] * len(commands)
            await asyncio.sleep(self.seconds)
            return await super().post(commands)
        finally:
            self.inside -= 1


class LoopClock:
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def now_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


def run(story) -> None:
    loop = VirtualLoop(Random(7), 5_000_000)
    try:
        loop.run_until_complete(story)
    finally:
        loop.close()


def gate_to(erp, *, slots: int = 5, rate: float | None = None, batch: int | None = None) -> Gate:
    return Gate(
        erp,
        slots=slots,
        codec=CODEC,
        clock=LoopClock(),
        scheduler=AsyncioScheduler(),
        now_ms=now_ms,
        rate=rate,
        batch_items_max=batch,
    )


def row(number: int, *, verb="post", attempt=1, asked_ms=None) -> bytes:
    asked = now_ms() if asked_ms is None else asked_ms
    return CALLS.encode(Call(verb, attempt, asked, CODEC.encode(command(f"journal-{number}", number))))


async def drain(gate: Gate, numbers) -> list:
    """Hand over as a task does: as many as there is room for, looking again every few milliseconds."""
    waiting, running, answers = list(numbers), set(), []
    attempts: Counter[int] = Counter()

    async def one(number: int) -> None:
        attempts[number] += 1
        answer = decode_outcome(await gate(b"", row(number, attempt=attempts[number])))
        if isinstance(answer, Accepted):
            answers.append(number)
        else:
            attempts[number] -= isinstance(answer, NotStarted)
            await asyncio.sleep(0.1)
            waiting.append(number)

    while waiting or running:
        for number in waiting[: gate.free()]:
            waiting.remove(number)
            running.add(asyncio.ensure_future(one(number)))
        await asyncio.sleep(0.005)
        running = {each for each in running if not each.done()}
    return answers


def test_five_slots_of_20_ms_are_kept_busy_to_nine_tenths_of_the_ideal():
    async def story():
        erp = SlowErp(takes=5, seconds=0.02)
        gate = gate_to(erp, slots=5)
        began = now_ms()
        answers = await drain(gate, range(1, 1_001))
        ideal_ms = 1_000 * 20 / 5
        assert len(set(answers)) == 1_000
        assert (now_ms() - began) * 0.9 <= ideal_ms
        assert erp.most_inside == 5

    run(story())


def test_calls_at_once_converge_to_what_the_erp_takes_when_more_slots_are_configured():
    async def story():
        erp = SlowErp(takes=5, seconds=0.02)
        gate = gate_to(erp, slots=40)
        began = now_ms()
        await drain(gate, range(1, 1_001))
        assert erp.throttled < 200
        assert 2 <= gate.pace.limit <= 7
        assert (now_ms() - began) * 0.9 <= 1_000 * 20 / 5

    run(story())


def test_to_try_one_call_more_now_and_then_costs_next_to_nothing():
    async def story():
        erp = SlowErp(takes=5, seconds=0.02)
        began = now_ms()
        await drain(gate_to(erp, slots=8), range(1, 4_001))
        assert 10 < erp.throttled < 150
        assert (now_ms() - began) * 0.95 <= 4_000 * 20 / 5

    run(story())


@pytest.mark.parametrize("slots", [5, 8])
def test_an_answer_in_a_hundred_that_is_lost_costs_no_pace(slots):
    async def story():
        chance = Random(3)
        erp = SlowErp(takes=5, seconds=0.02)
        erp.wrong = lambda _: "lost" if chance.random() < 0.01 else None
        began = now_ms()
        await drain(gate_to(erp, slots=slots), range(1, 4_001))
        assert (now_ms() - began) * 0.9 <= 4_000 * 20 / 5

    run(story())


def test_what_waits_shares_a_call_and_each_gets_its_own_answer():
    async def story():
        erp = SlowErp(takes=1, seconds=0.4, batch=50)
        erp.wrong = lambda sent: "business" if sent.header.command_id == "journal-13" else None
        gate = gate_to(erp, slots=1)
        calls = [asyncio.ensure_future(gate(b"", row(number))) for number in range(1, 61)]
        outcomes = [decode_outcome(each) for each in await asyncio.gather(*calls)]
        assert [n for n, each in enumerate(outcomes, 1) if not isinstance(each, Accepted)] == [13]
        assert erp.sizes == {50: 1, 10: 1}

    run(story())


def test_a_slow_erp_gets_whole_calls():
    async def story():
        erp = SlowErp(takes=1, seconds=0.7, batch=50)
        await drain(gate_to(erp, slots=1), range(1, 1_501))
        assert erp.sizes[50] >= 28

    run(story())


def test_of_one_batch_key_an_erp_that_wants_it_so_gets_one_call_at_a_time():
    class Serial(SlowErp):
        running, overlaps = (), 0

        @property
        def capabilities(self):
            return dataclasses.replace(super().capabilities, serial_batches=True)

        def batch_key(self, command):
            return "even" if command.header.lane_seq % 2 == 0 else "odd"

        async def post(self, commands):
            key = self.batch_key(commands[0])
            self.overlaps += key in self.running
            self.running = (*self.running, key)
            try:
                return await super().post(commands)
            finally:
                self.running = tuple(each for each in self.running if each != key)

    async def story():
        erp = Serial(takes=5, seconds=0.1, batch=10)
        answers = await drain(gate_to(erp), range(1, 201))
        assert (sorted(answers), erp.overlaps, erp.most_inside) == (list(range(1, 201)), 0, 2)

    run(story())


def test_an_account_that_wants_smaller_calls_gets_them():
    async def story():
        erp = SlowErp(takes=5, seconds=0.4, batch=50)
        gate = gate_to(erp, batch=7)
        await asyncio.gather(*(gate(b"", row(number)) for number in range(1, 31)))
        assert max(erp.sizes) == 7

    run(story())


def test_what_cannot_begin_in_time_is_given_back_untouched():
    async def story():
        erp = SlowErp(takes=1, seconds=5.0)
        gate = gate_to(erp, slots=1)
        first, second = (asyncio.ensure_future(gate(b"", row(number))) for number in (1, 2))
        assert decode_outcome(await second) == NotStarted()
        assert now_ms() == BEGINS_WITHIN_MS
        assert isinstance(decode_outcome(await first), Accepted)
        assert len(erp.journal) == 1

    run(story())


def test_what_was_asked_for_before_the_process_stood_still_is_not_begun():
    async def story():
        erp = SlowErp()
        gate = gate_to(erp)
        await asyncio.sleep(60)
        answer = decode_outcome(await gate(b"", row(1, asked_ms=now_ms() - BEGINS_WITHIN_MS - 1)))
        assert (answer, erp.journal) == (NotStarted(), [])

    run(story())


def test_a_cancelled_command_leaves_its_place_to_the_next():
    async def story():
        erp = SlowErp(takes=1, seconds=1.0)
        gate = gate_to(erp, slots=1)
        calls = [asyncio.ensure_future(gate(b"", row(number))) for number in (1, 2, 3)]
        await asyncio.sleep(0.5)
        calls[1].cancel()
        assert isinstance(decode_outcome(await calls[2]), Accepted)
        assert [each.header.lane_seq for each in erp.journal] == [1, 3]

    run(story())


def test_an_erp_that_fails_is_left_alone_and_then_probed_with_one_command():
    async def story():
        erp = SlowErp(takes=40, seconds=0.01)
        erp.wrong = lambda _: "transient"
        gate = gate_to(erp, slots=10)
        await asyncio.gather(*(gate(b"", row(number)) for number in range(1, 11)))
        assert gate.free() == 0
        calls = sum(erp.sizes.values())
        await asyncio.sleep(1.1)
        assert gate.free() == 1
        await gate(b"", row(20))
        assert gate.free() == 0
        await asyncio.sleep(1.5)
        assert gate.free() == 0
        await asyncio.sleep(1.0)
        erp.wrong = lambda _: None
        assert gate.free() == 1
        await gate(b"", row(21))
        assert gate.free() > 1
        assert calls >= FAILING_MIN

    run(story())


def test_while_calls_fail_retries_are_a_tenth_of_all_once_what_was_saved_is_spent():
    async def story():
        erp = SlowErp(takes=100, seconds=0.001)
        gate = gate_to(erp, slots=100)
        erp.wrong = lambda sent: "transient" if sent.header.lane_seq % 3 == 0 else None
        await asyncio.gather(*(gate(b"", row(number)) for number in range(101, 110)))
        again = [asyncio.ensure_future(gate(b"", row(number, attempt=2))) for number in range(1, 101)]
        outcomes = [decode_outcome(each) for each in await asyncio.gather(*again)]
        assert 77 <= outcomes.count(NotStarted()) <= 80

    run(story())


def test_an_erp_that_lets_nobody_in_is_not_asked_again_until_a_person_says_so():
    async def story():
        erp = SlowErp()
        erp.wrong = lambda _: "auth"
        gate = gate_to(erp)
        await gate(b"", row(1))
        await asyncio.sleep(3_600)
        assert gate.free() == 0
        erp.wrong = lambda _: None
        gate.resume()
        assert not gate.pace.stopped
        assert isinstance(decode_outcome(await gate(b"", row(2))), Accepted)

    run(story())


def test_an_erp_that_lets_nobody_in_wakes_a_person_once_with_what_to_do_next(caplog):
    caplog.set_level(logging.ERROR, logger="tieout")  # a simulation in the same process may have silenced it

    async def story():
        erp = SlowErp()
        erp.wrong = lambda _: "auth"
        gate = gate_to(erp)
        await asyncio.sleep(9)
        await asyncio.gather(*(gate(b"", row(number)) for number in (1, 2, 3)))
        assert gate.pace.stopped == "the ERP does not let us in (401)"
        assert gate.stopped_ms >= 9_000

    run(story())
    (page,) = [record for record in caplog.records if record.levelname == "ERROR"]
    said = page.getMessage()
    assert all(
        words in said for words in ("memory is stopped", "401", "who are you", "tieout posting resume memory")
    )


def test_how_the_breaker_stands_and_how_often_the_erp_was_too_slow_can_be_seen():
    async def story():
        erp = SlowErp(takes=2)
        gate = gate_to(erp, slots=10)
        assert (gate.breaker, gate.throttled, gate.commands_per_second) == ("closed", 0, None)
        await asyncio.gather(*(gate(b"", row(number)) for number in range(1, 6)))
        assert (gate.throttled, gate.breaker) == (3, "closed")
        assert gate.commands_per_second is not None
        erp.takes, erp.wrong = 100, lambda _: "transient"
        for number in range(11, 11 + FAILING_MIN):
            await gate(b"", row(number))
        assert (gate.breaker, gate.free()) == ("open", 0)
        await asyncio.sleep(1.1)
        assert (gate.breaker, gate.free()) == ("half_open", 1)
        assert gate.throttled == 3, "a failure is no refusal for pace"

    run(story())


def test_a_stated_rate_bounds_what_all_slots_come_to():
    async def story():
        gate = gate_to(SlowErp(takes=50, seconds=0.001), slots=50, rate=20.0)
        await gate(b"", row(1))
        assert gate.commands_per_second == 20.0

    run(story())


def test_a_stated_rate_is_kept_from_the_first_second_on():
    async def story():
        erp = SlowErp(takes=50, seconds=0.001)
        gate = gate_to(erp, slots=50, rate=20.0)
        await drain(gate, range(1, 101))
        assert 4_000 <= now_ms() <= 6_500

    run(story())


def test_an_adapter_that_raises_leaves_its_commands_in_doubt():
    class Broken(SlowErp):
        async def post(self, commands):
            raise RuntimeError("a bug")

    async def story():
        answer = decode_outcome(await gate_to(Broken())(b"", row(1)))
        assert (answer.kind, answer.code) == ("ambiguous", "ADAPTER_FAILED")

    run(story())


@pytest.mark.parametrize("there", [True, False])
def test_a_read_back_tells_what_the_erp_holds(there):
    async def story():
        erp = SlowErp()
        if there:
            await erp.post([command("journal-1", 1)])
        answer = decode_outcome(await gate_to(erp)(b"", row(1, verb="find")))
        assert isinstance(answer, Missing) is not there

    run(story())
