"""The fold, against published figures and against itself in any order, on facts that no event stated."""

from fractions import Fraction

from accounting.agreements import (
    agreed,
    component,
    item,
    moves,
    performed,
    relief,
    revenue,
    treatments,
    version,
    with_contract,
)

from tieout.agents.accounting.layers import fold


def test_a_defect_credit_comes_off_revenue_and_joins_the_price_of_what_remains():
    """Example 5, case B: 60 of 120 delivered at 100; 30 more for 1,500 with a credit of 900."""
    facts = agreed(
        [
            version(1, "2025-01-01", 1_200_000, item("A", "units", 10_000, qty=120, per="unit")),
            version(
                2, "2025-04-01", 150_000, item("B", "units", 9_500, qty=30, per="unit"), past_credit=90_000, ssp={"A": 9_500}
            ),
        ],
        done={
            "A": performed(moved=[("2025-03-31", 60), ("2025-05-31", 1), ("2025-06-30", 59)]),
            "B": performed(moved=[("2025-07-31", 30)]),
        },
    )  # fmt: skip
    dates = ("2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30", "2025-07-31")
    assert moves(facts, *dates) == [
        {"A": 600_000},
        {"A": -90_000},
        {"A": 9_333},
        {"A": 550_667},
        {"B": 280_000},
    ]
    assert treatments(facts) == ["inception", "prospective"]


def test_a_later_estimate_goes_to_what_it_was_promised_for_and_flows_on():
    """Example 6: the estimate rises from 200 to 240 after a modification (606-10-32-45)."""
    facts = agreed(
        [
            version(1, "2020-07-01", 100_000, item("X", "point"), item("Y", "point")),
            version(2, "2020-11-30", 30_000, item("Z", "point"), ssp={"Y": 1}),
        ],
        [component("V", 1, "2020-07-01", 20_000), component("V", 2, "2020-12-31", 24_000)],
        done={
            "X": performed(moved=[("2020-07-01", 1)]),
            "Y": performed(moved=[("2021-03-31", 1)]),
            "Z": performed(moved=[("2021-06-30", 1)]),
        },
    )
    dates = ("2020-07-31", "2020-11-30", "2020-12-31", "2021-03-31", "2021-06-30")
    assert moves(facts, *dates) == [{"X": 60_000}, {}, {"X": 2_000}, {"Y": 46_000}, {"Z": 46_000}]


def test_work_that_goes_on_as_one_thing_catches_up():
    """Example 8: price and bonus of a building change; progress is rounded to a tenth of a percent."""
    facts = agreed(
        [
            version(1, "2025-01-01", 100_000_000, item("B", "cost", progress_digits=3)),
            version(2, "2026-01-15", 15_000_000),
        ],
        [component("BONUS", 1, "2026-01-15", 20_000_000)],
        done={
            "B": performed(
                eac=[("2025-01-01", 700_000), ("2026-01-15", 820_000)], cost=[("2025-12-31", 420_000)]
            )
        },
    )
    assert moves(facts, "2025-12-31", "2026-01-31") == [{"B": 60_000_000}, {"B": 9_120_000}]
    assert treatments(facts) == ["inception", "catch_up"]


def test_a_change_of_both_kinds_is_split_by_the_prices_of_its_lines():
    facts = agreed(
        [
            version(
                1, "2025-01-01", 16_000_000, item("INST", "cost", 4_000_000),
                item("SUB", "time", 12_000_000, start="2025-01-01", end="2025-12-31"),
            ),
            version(2, "2025-04-01", 100_000, line_prices={"INST": 1_000_000, "SUB": -900_000}),
        ],
        done={
            "INST": performed(eac=[("2025-01-01", 100), ("2025-04-01", 125)], cost=[("2025-03-31", 50), ("2025-04-01", 5)])
        },
    )  # fmt: skip
    assert moves(facts, "2025-03-31", "2025-04-30") == [
        {"INST": 2_000_000, "SUB": 3_000_000},
        {"INST": 200_000, "SUB": 900_000},
    ]
    assert treatments(facts) == ["inception", "mixed"]


def test_a_price_left_open_is_estimated_and_then_known():
    """606-10-25-11: scope first, price later; the estimate belongs to the version that changed the scope."""
    facts = agreed(
        [version(1, "2025-01-01", 30_000_000, item("P", "cost")), version(2, "2025-02-01")],
        [
            component("price", 1, "2025-02-01", 3_000_000, ref="C1@2"),
            component("price", 2, "2025-03-31", 5_000_000, ref="C1@2"),
        ],
        done={
            "P": performed(
                eac=[("2025-01-01", 200_000), ("2025-02-01", 240_000)],
                cost=[("2025-01-31", 50_000), ("2025-02-28", 40_000)],
            )
        },
    )
    dates = ("2025-01-31", "2025-02-28", "2025-03-31")
    assert moves(facts, *dates) == [{"P": 7_500_000}, {"P": 4_875_000}, {"P": 750_000}]


def suspended(*more):
    return agreed(
        [
            version(1, "2025-01-01", 1_200_000, item("S", "time", start="2025-01-01", end="2025-12-31")),
            version(2, "2025-04-16", kind="suspend", pauses=[("S", "2025-04-16", "2025-05-15")]),
            *more,
        ]
    )


def test_days_on_which_service_is_suspended_earn_nothing():
    dates = ("2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30", "2025-09-30", "2025-12-31")
    found = [sum(each.values()) for each in moves(suspended(), *dates)]
    assert found == [300_000, 50_000, 58_369, 113_090, 339_271, 339_270]


def test_a_suspension_without_end_earns_nothing_until_it_is_resumed():
    terms = [
        version(1, "2025-01-01", 1_200_000, item("S", "time", start="2025-01-01", end="2025-12-31")),
        version(2, "2025-04-01", kind="suspend", pauses=[("S", "2025-04-01", None)]),
        version(3, "2025-07-01", kind="resume"),
    ]
    assert moves(agreed(terms[:2]), "2025-03-31", "2025-12-31") == [{"S": 300_000}, {}]
    assert moves(agreed(terms), "2025-06-30", "2025-07-31", "2025-12-31") == [
        {"S": 300_000},
        {"S": 150_000},
        {"S": 750_000},
    ]


def test_a_write_off_takes_off_the_price_what_was_not_earned_and_is_fixed_on_its_day():
    facts = agreed(
        [version(1, "2025-01-01", 9_000, item("S", "time", start="2025-01-01", end="2025-03-31", convention="days"))],
        [component("void", 1, "2025-04-01", -3_100)],
        [relief("W1", "2025-02-01", 9_000)],
    )  # fmt: skip
    dates = ("2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30")
    assert [sum(revenue(facts, each).values()) for each in dates] == [3_100, 3_100, 3_100, 0]


def test_uninstalled_goods_are_revenue_at_cost_beside_progress():
    """Example 19: 20 % of the price without the elevators, and the elevators at cost."""
    facts = agreed(
        [version(1, "2025-01-01", 500_000_000, item("R", "cost", uninstalled=150_000_000))],
        done={
            "R": performed(
                eac=[("2025-01-01", 400_000_000)],
                cost=[("2025-12-31", 50_000_000)],
                uninstalled=[("2025-12-31", 150_000_000)],
            )
        },
    )
    assert revenue(facts, "2025-12-31") == {"R": 220_000_000}


def test_a_change_of_the_price_goes_to_what_is_performed_already_too():
    facts = agreed(
        [version(1, "2025-01-01", 100_000, item("A", "point", 600), item("B", "point", 400))],
        [component("V", 1, "2025-02-01", 10_000)],
        done={"A": performed(moved=[("2025-01-01", 1)]), "B": performed(moved=[("2025-03-01", 1)])},
    )
    assert moves(facts, "2025-01-31", "2025-02-28", "2025-03-31") == [
        {"A": 60_000},
        {"A": 6_000},
        {"B": 44_000},
    ]


def test_a_bonus_that_becomes_probable_is_caught_up():
    facts = agreed(
        [version(1, "2025-01-01", 10_000_000, item("B", "percent"))],
        [component("V", 1, "2025-02-28", 2_000_000)],
        done={
            "B": performed(
                percent=[("2025-01-31", Fraction(3, 10)), ("2025-02-28", Fraction(6, 10)), ("2025-03-31", 1)]
            )
        },
    )
    dates = ("2025-01-31", "2025-02-28", "2025-03-31")
    assert moves(facts, *dates) == [{"B": 3_000_000}, {"B": 4_200_000}, {"B": 4_800_000}]


def test_a_line_that_is_removed_keeps_what_it_earned_even_if_it_is_not_distinct():
    """What is removed is no longer owed: there is nothing that its price could catch up with."""
    facts = agreed(
        [
            version(1, "2025-01-01", 10_000, item("P", "percent", 50), item("Q", "percent", 50)),
            version(2, "2025-02-01", -3_000, kind="cancel", drop=["P"]),
        ],
        done={"P": performed(percent=[("2025-01-31", Fraction(2, 5)), ("2025-03-01", 1)])},
    )
    assert revenue(facts, "2025-01-31") == {"P": 2_000, "Q": 0}
    assert revenue(facts, "2025-12-31") == {"P": 2_000, "Q": 0}
    shares = {share.po: share.base + share.amount for share in fold(facts).layers.steps[-1].shares}
    assert shares == {"P": 2_000, "Q": 5_000}


def test_what_was_delivered_of_a_line_before_the_version_that_adds_it_counts():
    facts = agreed(
        [
            version(1, "2025-01-01", 12_000, item("S", "time", 12, start="2025-01-01", end="2025-12-31")),
            version(2, "2025-07-01", 1_000, item("A", "units", 2, qty=10), ssp={"S": 12}),
        ],
        done={"A": performed(moved=[("2025-06-20", 4), ("2025-08-01", 6)])},
    )
    found = fold(facts).layers.steps[-1].shares
    (added,) = [share.amount for share in found if share.po == "A"]
    assert added == 1_000
    assert revenue(facts, "2025-07-01")["A"] == 400
    assert revenue(facts, "2025-08-01")["A"] == 1_000


def test_an_estimate_for_one_promise_is_its_alone_even_on_the_day_of_a_version():
    """606-10-32-40: consideration that relates to one obligation is not shared."""
    facts = agreed(
        [
            version(1, "2025-01-01", 2_000, item("A", "point"), item("B", "point")),
            version(2, "2025-02-01", 600),
        ],
        [component("V", 1, "2025-02-01", 100, "obligation", "B")],
    )
    assert {share.po: share.amount for share in fold(facts).layers.steps[-1].shares} == {
        "A": 1_300,
        "B": 1_400,
    }
    later = facts._replace(terms=(*facts.terms, version(3, "2025-03-01", 300)))
    assert {share.po: share.amount for share in fold(later).layers.steps[-1].shares} == {
        "A": 1_500,
        "B": 1_500,
    }


def test_a_change_of_both_kinds_that_does_not_say_how_to_split_it_is_named():
    terms = [
        version(1, "2025-01-01", 1_000, item("P", "percent", 50), item("Q", "point", 50)),
        version(2, "2025-02-01", 300),
    ]
    assert [each.missing for each in fold(agreed(terms)).rebases] == ["", "MOD_SPLIT_MISSING"]
    one = [terms[0], version(2, "2025-02-01", 300, line_prices={"P": 300})]
    shares = {share.po: share.amount for share in fold(agreed(one)).layers.steps[-1].shares}
    assert shares == {"P": 800, "Q": 500}


def test_what_takes_back_more_than_is_left_is_named():
    facts = agreed(
        [version(1, "2025-01-01", 1_000, item("A", "point")), version(2, "2025-02-01", -1_001)],
    )
    assert fold(facts).rebases[-1].missing == "MOD_NEGATIVE_REMAINING"


def test_contracts_that_are_combined_share_one_price():
    """606-10-25-9: promises of several contracts by their SSP, whatever each contract charges for its own."""
    first = version(1, "2025-01-01", 10_000, item("A", "point", 60))
    second = with_contract(version(1, "2025-01-01", 2_000, item("B", "point", 60)), "C2")
    shares = fold(agreed([first, second])).layers.steps[-1].shares
    assert {share.po: share.amount for share in shares} == {"A": 6_000, "B": 6_000}


def test_what_is_written_off_of_a_contract_of_usage_alone_takes_no_price_off_and_stays_what_it_took_of_due():
    facts = agreed(
        [version(1, "2025-01-01", 0, item("U", "amount", 0))], reliefs=[relief("W1", "2025-02-01", 9_000)]
    )
    layers = fold(facts).layers
    assert layers.reliefs == (("W1", -9_000),)
    assert revenue(facts, "2025-12-31") == {}
