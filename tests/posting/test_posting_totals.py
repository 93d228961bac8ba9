"""Goal: where every command went is published by entity, period, kind and currency, and adds up to the commands of the log.

Method: the totals are summed by hand from the commands as they were written; the posting agent's own are what it published.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from posting.memory_erp import MemoryErp
from posting.saying import command
from posting.test_posting_agent import scripted
from posting.world import CODEC, World

from tieout.avro.commands import CreditMemoCreate
from tieout.avro.outcomes import PostingTotals
from tieout.tables.posting_totals import OUTCOMES, PERIOD_ROWS

Where = tuple[str, str, str, str, str]


def published(world: World) -> dict[tuple[str, str], PostingTotals]:
    """What the topic keeps: the latest totals of each entity and period."""
    found = (CODEC.decode(o.value) for o in world.harness.outputs if o.topic == "control-totals")
    return {(each.entity, each.period): each for each in found}


def counts(world: World) -> dict[Where, tuple[int, int]]:
    """(entity, period, kind, outcome, currency) -> count and amount; where there is no amount the currency is empty."""
    return {
        (each.entity, each.period, row.event_type, row.outcome, amount.currency if amount else ""): (
            row.count,
            amount.amount_minor if amount else 0,
        )
        for each in published(world).values()
        for row in each.totals
        for amount in row.amounts or (None,)
    }


def tick(world: World) -> None:
    """A second later something is committed."""
    world.now_ms += 1_000
    world.task.flush(world.harness.effects)
    world.harness.commit()


def credit(name: str, number: int, amount: int) -> CreditMemoCreate:
    invoice = command("invoice-x", number, amount=amount, group="b")
    header = replace(invoice.header, command_id=name, kind=CreditMemoCreate.KIND, posting_period="2024-11")
    fields = {field: getattr(invoice, field, None) for field in CreditMemoCreate.__struct_fields__}
    return CreditMemoCreate(**{**fields, "header": header, "memo_number": name})


def test_what_was_accepted_withdrawn_replaced_refused_or_waits_is_counted_apart_and_with_its_sign():
    world = World(scripted(invoice_1="business", journal_1="permanent", order_1="permanent"))
    world.say(command("invoice-1", 1, amount=700), command("invoice-2", 2, amount=50))
    world.say(command("journal-1", 1, amount=9, group="a"), command("journal-2", 2, amount=8, group="a"))
    world.say(command("order-1", 1, amount=4, group="b"), credit("credit-1", 2, 30))
    world.room = 3
    world.turns()
    world.resolve("journal-1", "replace", "journal-2")
    world.resolve("order-1", "withdraw")
    world.turns()
    tick(world)
    assert counts(world) == {
        ("US", "2024-10", "invoice.create", "rejected", "USD"): (1, 700),
        ("US", "2024-10", "invoice.create", "open", "USD"): (1, 50),
        ("US", "2024-10", "journal.post", "replaced", "USD"): (1, 9),
        ("US", "2024-10", "journal.post", "accepted", "USD"): (1, 8),
        ("US", "2024-10", "sales_order.create", "withdrawn", "USD"): (1, 4),
        ("US", "2024-11", "credit_memo.create", "accepted", "USD"): (1, -30),
    }
    assert published(world)["US", "2024-10"].received == 5


def test_totals_are_published_at_most_once_a_second_and_only_where_something_changed():
    world = World()
    world.say(command("invoice-1", 1))
    for _ in range(5):
        world.turn()
    said = [o for o in world.harness.outputs if o.topic == "control-totals"]
    assert [CODEC.decode(o.value).totals[0].outcome for o in said] == ["open"]
    tick(world)
    tick(world)
    said = [o for o in world.harness.outputs if o.topic == "control-totals"]
    assert [CODEC.decode(o.value).totals[0].outcome for o in said] == ["open", "accepted"]
    assert {o.key for o in said} == {b"erp/US/2024-10"}


def test_totals_are_placed_by_their_key_because_there_may_be_more_accounts_than_partitions():
    world = World()
    world.say(command("invoice-1", 1))
    world.turn()
    (said,) = [o for o in world.harness.outputs if o.topic == "control-totals"]
    assert said.partition == 0, "None would be the account's own partition, which the topic may not have"


def test_a_command_that_came_twice_is_counted_once_and_a_restart_counts_on():
    world = World()
    world.say(command("invoice-1", 1, amount=5))
    world.die()
    world.say(command("invoice-1", 1, amount=5), command("invoice-2", 2, amount=6))
    world.turns()
    tick(world)
    (each,) = published(world).values()
    assert each.received == 2
    assert counts(world) == {("US", "2024-10", "invoice.create", "accepted", "USD"): (2, 11)}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_happens_the_totals_add_up_to_the_commands_of_the_log(seed):
    chance = Random(seed)
    goes_wrong = ("lost", "before", "business", "permanent", "strange", "strange_but_done", None, None, None)
    world = World(MemoryErp(lambda _: chance.choice(goes_wrong)))
    said: Counter[str] = Counter()
    for number in range(1, 8):
        for group in "ab":
            sent = command(f"journal-{group}{number}", number, group=group, amount=chance.randrange(1, 99))
            world.say(sent)
            said[sent.header.kind] += sum(line.debit_minor for line in sent.lines)
        for _ in range(chance.randrange(3)):
            world.turn()
            world.now_ms += 700
        parked = [each for each in world.task.lanes if each.state == "parked"]
        if parked:
            decision = chance.choice(("retry", "withdraw"))
            world.resolve(chance.choice(parked).command_id, decision)
        if chance.random() < 0.2:
            world.die()
    tick(world)
    found = counts(world)
    assert (
        sum(count for count, _ in found.values())
        == sum(each.received for each in published(world).values())
        == 14
    )
    assert sum(amount for _, amount in found.values()) == sum(said.values())
    accepted = sum(count for (*_, outcome, _), (count, _) in found.items() if outcome == "accepted")
    assert accepted == sum(event == "erp_accepted" for event, _ in world.told())
    assert {outcome for *_, outcome, _ in found} <= set(OUTCOMES)


def test_rows_are_the_same_whatever_came_first():
    def rows(names) -> list[tuple[bytes, bytes]]:
        world = World()
        for name in names:
            world.say(command(name, 1, group=name))
        return list(world.harness.store.scan(PERIOD_ROWS))

    assert rows(["invoice-1", "journal-1"]) == rows(["journal-1", "invoice-1"])
