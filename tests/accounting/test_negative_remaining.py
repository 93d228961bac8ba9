"""More of the price taken back than is left: a person decides, or revenue falls at once (606-10-25-13(a), 32-44)."""

import pytest
from accounting.agreements import agreed, component, day, item, moves, performed, version

from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.negative_remaining import taken_back
from tieout.agents.accounting.standing import Standing, blank
from tieout.tables.derived import NOTHING

MARCH = performed(moved=[("2025-03-10", 8)])
ENDS = ("2025-03-31", "2025-04-30", "2025-05-31", "2025-12-31")


def goods(po, qty=10, *, now=True, **more):
    return item(po, "units", 100, qty=qty, takes_back=now, **more)


def opened(price, *lines, then, done=None, components=()):
    return agreed([version(1, "2025-01-01", price, *lines), *then], components, done=done or {})


def test_the_excess_comes_off_revenue_at_once_and_nothing_is_left_to_earn():
    """8 of 10 units at 100 earned 800; 200 are left and 300 taken back: -100 now, nothing for the other two."""
    later = performed(moved=[("2025-03-10", 8), ("2025-05-10", 2)])
    facts = opened(1_000, goods("G"), then=[version(2, "2025-04-01", -300)], done={"G": later})
    assert moves(facts, *ENDS) == [{"G": 800}, {"G": -100}, {}, {}]
    did = fold(facts).rebases[-1]
    assert (did.pool, did.taken_back, did.missing, did.members) == (0, -100, "", ("G",))
    assert fold(facts).layers.labels == ()


@pytest.mark.parametrize("now", [True, False])
def test_what_is_left_to_the_last_cent_takes_nothing_back_and_waits_for_nobody(now):
    facts = opened(1_000, goods("G", now=now), then=[version(2, "2025-04-01", -200)], done={"G": MARCH})
    assert moves(facts, *ENDS) == [{"G": 800}, {}, {}, {}]
    assert (fold(facts).rebases[-1].taken_back, fold(facts).rebases[-1].missing) == (0, "")


def test_it_falls_on_each_line_by_what_it_had_earned_and_on_no_line_that_earned_nothing():
    """P earned 1,000 and G 800 of 3,000; 1,200 are left, of which Q waits for 1,000; 1,500 are taken back."""
    lines = [item(po, "point", 100, takes_back=True) for po in "PQ"] + [goods("G")]
    done = {"P": performed(moved=[("2025-02-10", 1)]), "G": MARCH}
    facts = opened(3_000, *lines, then=[version(2, "2025-04-01", -1_500)], done=done)
    assert moves(facts, *ENDS) == [{"P": 1_000, "G": 800}, {"P": -167, "G": -133}, {}, {}]


def test_all_that_was_recognised_can_be_taken_back_and_not_a_cent_more():
    last = {"G": performed(moved=[("2025-03-10", 8)])}
    all_of_it = opened(1_000, goods("G"), then=[version(2, "2025-04-01", -1_000)], done=last)
    assert moves(all_of_it, *ENDS) == [{"G": 800}, {"G": -800}, {}, {}]
    more = opened(1_000, goods("G"), then=[version(2, "2025-04-01", -1_001)], done=last)
    assert (fold(more).rebases[-1].missing, fold(more).rebases[-1].taken_back) == (
        "MOD_NEGATIVE_REMAINING",
        0,
    )


@pytest.mark.parametrize("lines", [[goods("G", now=False)], [item("G", "units", 100, qty=10)], [goods("G"), goods("H", now=False)]])  # fmt: skip
def test_where_a_promise_was_agreed_under_the_other_choice_a_person_decides(lines):
    facts = opened(1_000 * len(lines), *lines, then=[version(2, "2025-04-01", -900 * len(lines))], done={"G": MARCH, "H": MARCH})  # fmt: skip
    did = fold(facts).rebases[-1]
    assert (did.missing, did.taken_back) == ("MOD_NEGATIVE_REMAINING", 0)


def test_what_is_promised_later_begins_from_nothing():
    then = [version(2, "2025-04-01", -300), version(3, "2025-05-01", 60)]
    done = {"G": performed(moved=[("2025-03-10", 8), ("2025-05-10", 1), ("2025-12-10", 1)])}
    facts = opened(1_000, goods("G"), then=then, done=done)
    assert moves(facts, *ENDS) == [{"G": 800}, {"G": -100}, {"G": 30}, {"G": 30}]


def test_a_rebate_that_a_later_day_takes_off_takes_back_in_the_version_that_shared_what_was_left():
    """Version 2 shared 200 of 1,000; from May on the inception is 250 less: of it 8/10 are G's, 50 left less than nothing."""
    facts = opened(
        1_000,
        goods("G"),
        then=[version(2, "2025-04-01", -180)],
        done={"G": MARCH},
        components=[component("V", 1, "2025-05-01", -250)],
    )
    assert moves(facts, *ENDS) == [{"G": 800}, {}, {"G": -230}, {}]
    assert fold(facts).rebases[-1].taken_back == -30


def test_an_option_that_is_taken_up_for_less_than_nothing_takes_back_what_the_rest_earned():
    option = item("O", "point", 100, takes_back=True, start="2025-04-01")
    used = version(2, "2025-04-01", -700, goods("N"), drop=("O",), exercised=("O",))
    facts = opened(2_000, goods("G"), option, then=[used], done={"G": performed(moved=[("2025-03-10", 10)])})
    share = {each.po: each.base + each.amount for each in fold(facts).layers.steps[-1].shares}
    did = fold(facts).rebases[-1]
    assert (did.taken_back, did.missing) == (0, "")
    assert share["N"] == 300
    more = opened(
        2_000,
        goods("G"),
        option,
        then=[version(2, "2025-04-01", -1_100, goods("N"), drop=("O",), exercised=("O",))],
        done={"G": performed(moved=[("2025-03-10", 10)])},
    )
    share = {each.po: each.base + each.amount for each in fold(more).layers.steps[-1].shares}
    assert (fold(more).rebases[-1].taken_back, share) == (-100, {"G": 900, "N": 0, "O": 0})


def test_nothing_recognised_leaves_nothing_to_take_back():
    line = goods("G")
    book = {"G": Standing(line, blank(line, day("2025-01-01")), None, 1)}
    assert taken_back(book, -1, {"G": NOTHING}, day("2025-03-31")) is None
