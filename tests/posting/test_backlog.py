"""Goal: what is not posted yet is told in business terms, adds up to the open commands, and nothing in it is made up."""

from __future__ import annotations

from msgspec.structs import replace
from posting.saying import command
from posting.test_posting_agent import scripted
from posting.world import World

from tieout.agents.posting.arriving import opened
from tieout.agents.posting.backlog import (
    AGES,
    ENTITIES_MAX,
    OTHER_ENTITIES,
    Backlog,
    BacklogRow,
    ParkedLanes,
    backlog,
)
from tieout.agents.posting.lanes import Lanes
from tieout.streams.edges.erp.pace import drain_seconds
from tieout.streams.posting_parts import Counted, Rate

YOUNG = (1, 0, 0, 0, 0)


def of(world: World, now_ms: int | None = None) -> Backlog:
    return backlog(
        world.task.lanes, world.now_ms if now_ms is None else now_ms, lambda reason: f"who mends {reason}"
    )


def test_rows_tell_entity_kind_standing_reason_age_and_amount():
    world = World(scripted(invoice_1="business", journal_1="lost"))
    world.say(command("invoice-1", 1, amount=700))
    world.now_ms += 5_000
    world.say(command("invoice-2", 2, amount=50), command("journal-1", 1, group="other"))
    world.turn()
    who = "who mends REFERENCE_MISSING"
    found = of(world)
    assert found.rows == (
        BacklogRow(
            "US", "invoice.create", "parked", "REFERENCE_MISSING", 1, 1_000_000, {"USD": 700}, YOUNG, who
        ),
        BacklogRow("US", "invoice.create", "waiting", "", 1, 1_005_000, {"USD": 50}, YOUNG),
        BacklogRow("US", "journal.post", "in doubt", "", 1, 1_005_000, {"USD": 100}, YOUNG),
    )
    assert (found.commands, found.oldest_ms, found.amounts) == (3, 1_000_000, {"USD": 850})


def test_what_stands_parked_for_days_is_not_the_oldest_that_moves():
    world = World(scripted(invoice_1="permanent"))
    world.say(command("invoice-1", 1), command("invoice-2", 2))
    world.turn()
    assert of(world).movable_oldest_ms is None
    world.now_ms += 86_400_000
    world.say(command("order-1", 1, group="other"))
    found = of(world)
    assert (found.oldest_ms, found.movable_oldest_ms) == (1_000_000, world.now_ms)


def test_parked_lanes_are_told_with_their_owner_and_with_what_waits_behind_and_is_not_movable():
    world = World(scripted(invoice_1="business", journal_1="permanent"))
    world.say(command("invoice-1", 1), command("invoice-2", 2), command("invoice-3", 3))
    world.say(command("journal-1", 1), command("order-1", 1, group="other"))
    world.room = 2
    world.turn()
    found = of(world)
    assert found.parked_lanes == (
        ParkedLanes("REFERENCE_MISSING", "who mends REFERENCE_MISSING", 1, 2),
        ParkedLanes("UNBALANCED", "who mends UNBALANCED", 1, 0),
    )
    assert (found.commands, found.movable) == (5, 1)


def test_what_waits_for_a_parked_lane_is_not_movable_and_what_was_withdrawn_is_not_unposted():
    world = World(scripted(customer_1="permanent"))
    world.say(command("customer-1", 1), command("order-1", 1, after=("customer-1",)), command("invoice-2", 2))
    world.say(command("journal-1", 1, group="other"), command("journal-2", 2, group="other"))
    world.room = 1
    world.turn()
    found = of(world)
    assert (found.commands, found.movable) == (5, 2)
    world.room = 0
    world.resolve("journal-2", "withdraw")
    found = of(world)
    assert (found.commands, found.movable) == (4, 1)


def test_a_command_is_as_old_as_its_record_in_the_log_and_stands_in_the_bucket_of_its_age():
    emitted_ms = 1_000_000
    assert opened(command("invoice-1", 1), emitted_ms).emitted_ms == emitted_ms
    world = World()
    world.say(command("invoice-1", 1))
    for seconds, age in ((0, 0), (59, 0), (60, 1), (299, 1), (300, 2), (3_599, 2), (3_600, 3), (86_400, 4)):
        (row,) = of(world, world.now_ms + 1000 * seconds).rows
        assert row.ages.index(1) == age, seconds
        assert sum(row.ages) == row.count


def test_alike_commands_are_one_row_and_nothing_open_is_none():
    world = World()
    assert of(world) == Backlog()
    world.say(command("invoice-1", 1, amount=1), command("invoice-2", 2, amount=2))
    (row,) = of(world).rows
    assert (row.count, row.amounts) == (2, {"USD": 3})


def test_the_largest_entities_have_rows_of_their_own_and_the_others_are_one_with_nothing_lost():
    one = opened(command("invoice-1", 1, amount=5), 0)
    commands = [
        replace(one, entity=f"E{number:02}", lane=f"{number}-{again}")
        for number in range(ENTITIES_MAX + 3)
        for again in range(number + 1)
    ]
    found = backlog(Lanes(commands), 0, str)
    others = [row for row in found.rows if row.entity == OTHER_ENTITIES]
    assert {row.entity for row in found.rows} == {
        OTHER_ENTITIES,
        *(f"E{n:02}" for n in range(3, ENTITIES_MAX + 3)),
    }
    assert [(row.count, row.amounts, row.ages[0]) for row in others] == [(1 + 2 + 3, {"USD": 30}, 6)]
    assert sum(row.count for row in found.rows) == found.commands == len(commands)
    assert len(AGES) == len(others[0].ages)


def test_a_time_to_drain_is_stated_only_where_a_rate_was_seen():
    assert drain_seconds(100, 4.0) == 25.0
    assert drain_seconds(0, 0.0) == drain_seconds(0, None) == 0.0
    assert drain_seconds(100, None) is drain_seconds(100, 0.0) is None
    assert drain_seconds(100, 1e-9) is None, "what is left of a smoothed rate is none"


def test_a_rate_follows_what_was_posted_and_begins_anew_after_a_move():
    rate = Rate()
    assert rate.of(100, 0.0) == 0.0
    for second in range(1, 30):
        latest = rate.of(100 + 10 * second, float(second))
    assert 9.9 < latest <= 10.0
    assert rate.of(5, 31.0) == 0.0


def test_a_backlog_that_takes_long_to_count_is_counted_less_often():
    counts, times = [], iter([0.0, 0.1, 1.0, 4.9, 5.2, 5.3])

    def count() -> Backlog:
        counts.append(1)
        return Backlog(commands=len(counts))

    counted = Counted()
    seen = [counted.of(count, lambda: next(times)).commands for _ in range(4)]
    assert seen == [1, 1, 1, 2]
