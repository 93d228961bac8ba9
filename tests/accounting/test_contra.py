"""Components as revenue shows them: those for the past, split as they came (606-10-32-42..45), and contra revenue."""

from accounting.agreements import component, day
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.contra import performed_by, shown

EARNED = {"A": 300, "B": 100}
MARCH, LAST = day("2025-03-01"), day("2099-12-31")


def past(name, number, at, amount, contra=""):
    return replace(component(name, number, at, amount, "performed"), contra=contra)


def whole(name, number, at, amount, contra="contra_revenue"):
    return replace(component(name, number, at, amount), contra=contra)


def seen(*components, weights=lambda at: EARNED, portion=lambda at: (400, 1600)):
    return shown(components, weights, portion)


def totals(by_name, on=LAST):
    return {name: steps.by(on) for name, steps in by_name.items()}


def test_an_amount_for_the_past_falls_on_what_had_earned_it():
    """A bonus of 40 for what earned 300 and 100 is 30 and 10, from its day on."""
    found = seen(past("V", 1, "2025-03-01", 40))
    assert totals(found.performed) == {"A": 30, "B": 10}
    assert totals(found.performed, MARCH - 1) == {"A": 0, "B": 0}
    assert (found.contra_of, found.contra) == ({}, {})


def test_it_is_split_by_what_had_been_earned_when_each_part_of_it_came():
    """40 in March by 3 : 1 are 30 and 10; 20 more in May, when each had earned the same, are 10 and 10."""
    found = seen(
        past("V", 2, "2025-05-01", 60),
        past("V", 1, "2025-03-01", 40),
        weights=lambda at: EARNED if at < day("2025-05-01") else {"A": 1, "B": 1},
    )
    assert totals(found.performed) == {"A": 40, "B": 20}
    assert totals(found.performed, day("2025-04-30")) == {"A": 30, "B": 10}


def test_one_that_ends_takes_back_what_it_had_moved_and_not_what_it_would_move_now():
    ended = past("V", 2, "2025-05-01", 0)
    found = seen(
        past("V", 1, "2025-03-01", 40, "contra_revenue"),
        ended,
        weights=lambda at: EARNED if at < day("2025-05-01") else {"B": 1},
    )
    assert totals(found.performed) == {"A": 0, "B": 0}
    assert totals(found.contra_of) == {"A": 0, "B": 0}
    assert totals(found.contra) == {"contra_revenue": 0}
    assert totals(found.performed, day("2025-04-30")) == {"A": 30, "B": 10}


def test_contra_revenue_shows_all_of_a_reduction_for_the_past():
    """A credit of 40: revenue stays gross by 30 and 10, and contra revenue takes 40."""
    found = seen(past("V", 1, "2025-03-01", -40, "contra_revenue"))
    assert totals(found.performed) == {"A": -30, "B": -10}
    assert totals(found.contra_of) == {"A": 30, "B": 10}
    assert totals(found.contra) == {"contra_revenue": 40}


def test_of_a_reduction_of_the_whole_price_it_shows_the_part_that_was_earned_the_day_before():
    """400 of a price of 1,600 are earned: a quarter of 80 is for what was earned, 15 and 5 by 3 : 1."""
    asked = []

    def portion(at):
        asked.append(at)
        return 400, 1600

    found = seen(whole("V", 1, "2025-03-01", -80), portion=portion)
    assert asked == [MARCH - 1]
    assert totals(found.contra) == {"contra_revenue": 20}
    assert totals(found.contra_of) == {"A": 15, "B": 5}
    assert found.performed == {}
    assert totals(found.contra_of, MARCH - 1) == {"A": 0, "B": 0}


def test_without_a_price_nothing_of_it_was_earned():
    for price in (0, -1):
        assert (
            seen(whole("V", 1, "2025-03-01", -80), portion=lambda at, price=price: (400, price)).contra == {}
        )
    assert totals(seen(whole("V", 1, "2025-03-01", -80), portion=lambda at: (1, 1)).contra) == {
        "contra_revenue": 80
    }


def test_what_has_no_contra_account_or_reaches_one_promise_is_not_shown_apart():
    assert seen(whole("V", 1, "2025-03-01", -80, "")) == ({}, {}, {})
    alone = component("O", 1, "2025-03-01", -80, "obligation", "A")
    first = past("V", 1, "2025-03-01", 40)
    assert seen(alone) == ({}, {}, {})
    assert totals(seen(alone, first).performed) == {"A": 30, "B": 10}
    assert totals(seen(replace(alone, id="A"), first).performed) == {"A": 30, "B": 10}


def test_each_contra_account_takes_its_own():
    found = seen(
        past("V", 1, "2025-03-01", -40, "contra_revenue"),
        past("W", 1, "2025-03-01", -8, "contra_disputes"),
        past("X", 1, "2025-03-01", -4, "contra_disputes"),
    )
    assert totals(found.contra) == {"contra_revenue": 40, "contra_disputes": 12}
    assert totals(found.performed) == {"A": -39, "B": -13}


def test_over_all_promises_the_latest_amount_of_each_component_counts():
    steps = performed_by(
        [past("V", 2, "2025-05-01", 60), past("V", 1, "2025-03-01", 40), past("W", 1, "2025-03-01", 5)]
    )
    dates = ("2025-02-28", "2025-03-01", "2025-04-30", "2025-05-01")
    assert [steps.by(day(each)) for each in dates] == [0, 45, 45, 65]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(-300, 300)), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("ABC"), st.integers(1, 9), min_size=1),
)
def test_what_promises_show_adds_up_to_the_components(told, weights):
    known = [
        replace(past("V", number, "2025-01-01", amount, "contra_revenue"), at=day("2025-01-01") + moved)
        for number, (moved, amount) in enumerate(told, 1)
    ]
    found = seen(*known, weights=lambda at: weights)
    for on in range(day("2024-12-31"), day("2025-04-10"), 9):
        performed, shown_apart = totals(found.performed, on), totals(found.contra_of, on)
        assert sum(performed.values()) == performed_by(known).by(on)
        assert sum(shown_apart.values()) == found.contra["contra_revenue"].by(on) if found.contra else True
        assert sum(performed.values()) + sum(shown_apart.values()) == 0
