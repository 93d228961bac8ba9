"""Goal: what is not posted yet is told in business terms, and adds up to the open commands."""

from __future__ import annotations

from posting.saying import command
from posting.test_posting_agent import scripted
from posting.world import World

from tieout.agents.posting.backlog import BacklogRow, backlog
from tieout.streams.posting_parts import Rate


def test_rows_tell_entity_kind_standing_reason_age_and_amount():
    world = World(scripted(invoice_1="business", journal_1="lost"))
    world.say(command("invoice-1", 1, amount=700))
    world.now_ms += 5_000
    world.say(command("invoice-2", 2, amount=50), command("journal-1", 1, group="other"))
    world.turn()
    assert backlog(world.task.lanes) == (
        BacklogRow("US", "invoice.create", "parked", "REFERENCE_MISSING", 1, 1_000_000, {"USD": 700}),
        BacklogRow("US", "invoice.create", "waiting", "", 1, 1_005_000, {"USD": 50}),
        BacklogRow("US", "journal.post", "in doubt", "", 1, 1_005_000, {"USD": 100}),
    )


def test_alike_commands_are_one_row_and_nothing_open_is_none():
    world = World()
    assert backlog(world.task.lanes) == ()
    world.say(command("invoice-1", 1, amount=1), command("invoice-2", 2, amount=2))
    (row,) = backlog(world.task.lanes)
    assert (row.count, row.amounts) == (2, {"USD": 3})


def test_a_rate_follows_what_was_posted_and_begins_anew_after_a_move():
    rate = Rate()
    assert rate.of(100, 0.0) == 0.0
    for second in range(1, 30):
        latest = rate.of(100 + 10 * second, float(second))
    assert 9.9 < latest <= 10.0
    assert rate.of(5, 31.0) == 0.0
