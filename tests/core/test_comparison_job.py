"""The comparison job: the agent does what the oracle expects of it, and the oracle names what is wrong."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from engine_world import World, live

from comparison.agent import job_spec
from comparison.generator import job_events
from comparison.oracle import anomalies, expected
from comparison.records import Command, Revenue
from comparison.wire import decoder, encoder, load_wire

SPEC = job_spec("in", "chg", "commands", "revenue", wire=load_wire("fastavro"))


def records(world: World, topic: str) -> list[tuple[bytes, bytes]]:
    return [(record.key, record.value) for record in world.committed(topic)]


async def run(world: World, events) -> None:
    for key, value in events:
        world.tell(value)
        world.log("in")[-1].key = key
    inbox = len(world.log("in"))
    await live(world, lambda task: (world.hint or 0) >= inbox, SPEC)


@pytest.mark.parametrize("contracts", [3, 40])
async def test_each_event_is_applied_once_and_in_order_whatever_is_late_or_comes_twice(contracts):
    world, events = World(), list(job_events(7, contracts, 400, displaced_share=0.3, window=60))
    await run(world, events)
    due = expected(events)
    assert sum(contract.count for contract in due.values()) == 400
    assert anomalies(records(world, "commands"), records(world, "revenue"), due) == []


async def test_a_killed_worker_goes_on_without_an_anomaly():
    world = World(wrongs={2: "killed", 4: "unanswered, done", 6: "killed"})
    events = list(job_events(8, 5, 300, displaced_share=0.3, window=40))
    await run(world, events)
    assert anomalies(records(world, "commands"), records(world, "revenue"), expected(events)) == []


async def test_no_row_of_a_held_event_stays_once_it_is_released():
    world, events = World(), list(job_events(9, 3, 200, displaced_share=0.5, window=30))
    await run(world, events)
    assert not list(world.disk.scan(b"h"))


async def test_what_is_no_event_is_set_aside_and_the_others_go_on():
    world, events = World(), list(job_events(10, 3, 50))
    await run(world, [*events[:20], (b"C-00000000", b"\x00\x00\x00\x00\x01\xff"), *events[20:]])
    assert len(list(world.disk.scan(b"x"))) == 1
    assert anomalies(records(world, "commands"), records(world, "revenue"), expected(events)) == []


def test_the_same_seed_gives_the_same_bytes_and_the_asked_shares():
    made = list(job_events(3, 500, 20_000))
    assert made == list(job_events(3, 500, 20_000))
    assert 20_300 < len(made) < 20_500
    assert len({value for _, value in made}) == 20_000
    assert 130 < sum(len(value) for _, value in made) / len(made) < 145


@pytest.fixture(scope="module")
def said():
    """Deliveries and the outputs of a flawless worker, as lists to be damaged."""
    events = list(job_events(11, 4, 60))
    world = World()
    asyncio.run(run(world, events))
    return expected(events), records(world, "commands"), records(world, "revenue")


def changed(kind, record, **fields):
    key, value = record
    return key, encoder(kind)(msgspec.structs.replace(decoder(kind)(value), **fields))


def names(due, commands, revenue, **more) -> set[str]:
    return {anomaly.partition(":")[0] for anomaly in anomalies(commands, revenue, due, **more)}


def test_the_oracle_names_every_kind_of_fault(said):
    due, commands, revenue = said
    assert names(due, commands, revenue) == set()
    assert names(due, commands[:-1], revenue) == {"lost-write"}
    assert names(due, [*commands[:9], *commands[10:]], revenue, complete=False) == {"lost-write"}
    assert names(due, [*commands, commands[5]], revenue) == {"duplicate"}
    first = commands[0][0]
    second = next(at for at, record in enumerate(commands) if at and record[0] == first)
    swapped = [commands[second], *commands[1:second], commands[0], *commands[second + 1 :]]
    assert names(due, swapped, revenue) == {"out-of-order"}
    assert names(
        due, commands, [*revenue[:9], changed(Revenue, revenue[9], balance_minor=1), *revenue[10:]]
    ) == {"wrong-balance"}
    assert names(
        due, commands, [*revenue[:9], changed(Revenue, revenue[9], line_count=0), *revenue[10:]]
    ) == {"wrong-lines"}
    assert names(
        due, commands, [*revenue[:9], changed(Revenue, revenue[9], amount_minor=1), *revenue[10:]]
    ) == {"wrong-amount"}
    assert names(due, [changed(Command, commands[0], entries=()), *commands[1:]], revenue) == {"wrong-amount"}
    assert names(due, [changed(Command, commands[0], event_id="e"), *commands[1:]], revenue) == {
        "wrong-field"
    }
    assert names(due, [(b"other", commands[0][1]), *commands[1:]], revenue) == {"wrong-key"}
    assert names(due, [*commands, (b"k", b"junk")], revenue) == {"unreadable"}
    stranger = changed(Command, commands[0], contract_id="stranger", sequence=1)
    assert names(due, [*commands, (b"stranger", stranger[1])], revenue) == {"phantom"}


def test_a_run_that_goes_on_has_lost_nothing_yet(said):
    due, commands, revenue = said
    assert names(due, commands[:20], revenue[:10], complete=False) == set()
