"""Each figure is worked out by hand beside its test: amounts are minor units, rates are minor units per minor unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.agents.accounting.functional_currency import (
    Billed,
    Rate,
    RateMissing,
    Span,
    Translation,
    arising,
    by_obligation,
)
from tieout.agents.accounting.policy import Policy

DAYS = 10


class Rates:
    """Spot by day (the latest counts), average and closing by first day of the period."""

    def __init__(self, spot=(), average=(), closing=(), order=None):
        self._spot, self._average, self._closing, self._order = (
            dict(spot),
            dict(average),
            dict(closing),
            order,
        )

    def spot(self, day):
        return self._rate("spot", max((each for each in self._spot if each <= day), default=None), self._spot)

    def average(self, first, last):
        assert last == first + DAYS - 1
        return self._rate("average", first, self._average)

    def closing(self, first, last):
        assert last == first + DAYS - 1
        return self._rate("closing", first, self._closing)

    def order(self):
        return self._rate("order", 0, {0: self._order} if self._order else {})

    def _rate(self, kind, key, rates):
        if rates.get(key) is None:
            raise RateMissing(f"{kind} {key}")
        return Rate(Fraction(str(rates[key])), f"{kind}/{key}")


def span(place, recognised=0, refund=0, through=None):
    first = place * DAYS
    last = first + DAYS - 1
    return Span(first, last, last if through is None else through, recognised, refund)


def moved(rates, *periods, **policy):
    """(revenue, liability, asset, refund liability, gain) of each period, given as (span, billed ...)."""
    translation = Translation(rates, Policy(**policy))
    found = []
    for one, *billed in periods:
        each = translation.moved(one, billed)
        gain = each.due + each.contract_asset - each.contract_liability - each.refund_liability - each.revenue
        found.append(
            (each.revenue, each.contract_liability, each.contract_asset, each.refund_liability, gain)
        )
    return found


def at(day, amount, rated_on=None):
    return Billed(day, day if rated_on is None else rated_on, amount)


def test_what_is_billed_ahead_is_revenue_at_the_rate_of_its_day():
    rates = Rates(spot={0: 2, 10: 3})
    assert moved(rates, (span(0, 30), at(0, 100)), (span(1, 70),)) == [
        (60, 140, 0, 0, 0),
        (140, -140, 0, 0, 0),
    ]


def test_what_was_billed_first_is_earned_first():
    rates = Rates(spot={0: 2, 5: 3})
    assert moved(rates, (span(0, 60), at(0, 50), at(5, 50))) == [(100 + 30, 120, 0, 0, 0)]


def test_lots_at_their_average_are_one():
    rates = Rates(spot={0: 2, 5: 4})
    periods = (span(0, 60), at(0, 50), at(5, 50)), (span(1, 40),)
    assert moved(rates, *periods, cl_lots="weighted_average") == [(180, 120, 0, 0, 0), (120, -120, 0, 0, 0)]


def test_a_lot_has_released_its_share_at_any_time_and_nothing_is_lost():
    # 100 at 1.01 = 101: thirds of it are 33.67, 67.33, 101 when rounded as they add up
    rates = Rates(spot={0: "1.01"})
    periods = ((span(0, 33), at(0, 100)), (span(1, 34),), (span(2, 33),))
    assert [each[0] for each in moved(rates, *periods)] == [33, 35, 33]


def test_revenue_ahead_of_billing_arises_at_the_average_and_is_measured_anew_at_the_end():
    rates = Rates(average={0: 2, 10: 3}, closing={0: "2.5", 10: 3})
    assert moved(rates, (span(0, 100),), (span(1, 100),)) == [
        (200, 0, 250, 0, 50),
        (300, 0, 350, 0, 50),  # 250 + 300 = 550, 200 x 3 = 600
    ]


def test_a_period_that_the_run_is_in_the_midst_of_measures_nothing_anew():
    assert moved(Rates(average={0: 2}), (span(0, 100, through=4),)) == [(200, 0, 200, 0, 0)]


def test_what_bills_an_asset_settles_it_at_its_own_rate_and_leaves_a_gain():
    rates = Rates(spot={12: 4}, average={0: 2}, closing={0: "2.5"})
    assert moved(rates, (span(0, 100),), (span(1, 0), at(12, 150))) == [
        (200, 0, 250, 0, 50),
        (0, 200, -250, 0, 150),  # 600 billed, 400 of it against 250; the other 50 at 4
    ]


def test_part_of_an_asset_is_settled_as_it_is_carried():
    rates = Rates(spot={12: 4}, average={0: 2}, closing={0: "2.5", 10: "2.5"})
    assert moved(rates, (span(0, 100),), (span(1, 0), at(12, 40))) == [
        (200, 0, 250, 0, 50),
        (0, 0, -100, 0, 60),
    ]


def test_spot_of_run_values_what_arises_at_the_day_of_the_run():
    assert moved(Rates(spot={0: 2, 4: 3}), (span(0, 100, through=4),), ca_rate="spot_of_run") == [
        (300, 0, 300, 0, 0)
    ]


def test_a_credit_takes_the_lot_of_its_own_invoice_and_leaves_no_gain():
    # 3 x 33 at 1.005 are 33.165 each: the document of 33 is 33, and the lot is 100 - 33 as if 67 had been billed
    rates = Rates(spot={0: "1.005", 3: 9})
    ((_, liability, _, _, gain),) = moved(rates, (span(0), at(0, 100), at(3, -33, rated_on=0)))
    assert (liability, gain) == (101 - 33, 0)


def test_a_credit_without_a_lot_of_its_own_takes_the_newest():
    rates = Rates(spot={0: 2, 3: 3, 5: 4})
    # 30 at 4 are given back, of which the lot at 3 gives 30 x 3
    assert moved(rates, (span(0), at(0, 50), at(3, 50), at(5, -30))) == [(0, 100 + 60, 0, 0, -30)]


def test_a_credit_beyond_every_lot_is_an_asset_at_its_rate():
    rates = Rates(spot={0: 2}, closing={10: 2})
    periods = (span(0, 80), at(0, 100)), (span(1), at(10, -50, rated_on=0))
    assert moved(rates, *periods)[1] == (0, -40, 60, 0, 0)


def test_revenue_that_a_credit_takes_back_goes_at_the_rate_of_the_credit():
    rates = Rates(spot={0: 2, 15: 9})
    periods = (span(0, 40), at(0, 100)), (span(1, -10), at(15, -30, rated_on=0))
    assert moved(rates, *periods)[1] == (-20, -40, 0, 0, 0)


def test_revenue_taken_back_takes_the_asset_first_and_then_is_owed_at_the_average():
    rates = Rates(average={0: 2, 10: 3}, closing={0: 2})
    assert moved(rates, (span(0, 50),), (span(1, -80),)) == [
        (100, 0, 100, 0, 0),
        (-100 - 90, 90, -100, 0, 0),
    ]


def test_what_is_to_be_refunded_leaves_the_newest_lots_and_is_measured_anew():
    rates = Rates(spot={0: 2, 5: 3}, closing={0: 4})
    assert moved(rates, (span(0, 0, refund=20), at(0, 50), at(5, 50))) == [(0, 250 - 60, 0, 80, -20)]


def test_what_is_paid_back_ends_the_refund_liability_and_touches_no_lot():
    rates = Rates(spot={0: 2}, closing={0: 3})
    periods = (span(0, 0, refund=40), at(0, 100)), (span(1, 0, refund=-40), at(12, -40, rated_on=0))
    assert moved(rates, *periods) == [(0, 120, 0, 120, -40), (0, 0, 0, -120, 40)]


def test_a_refund_that_is_not_due_any_more_is_billed_ahead_again_as_it_is_carried():
    rates = Rates(spot={0: 2}, closing={0: 3})
    assert moved(rates, (span(0, 0, refund=40), at(0, 100)), (span(1, 0, refund=-40),))[1] == (
        0,
        120,
        0,
        -120,
        0,
    )


def test_a_refund_beyond_every_lot_arises_at_the_average():
    rates = Rates(average={0: 2}, closing={0: 2})
    assert moved(rates, (span(0, 0, refund=10),)) == [(0, 0, 20, 20, 0)]


def test_at_the_rate_of_the_invoice_revenue_follows_and_there_is_no_gain():
    rates = Rates(spot={12: 4}, order=2)
    periods = (span(0, 100),), (span(1, 50), at(12, 200))
    assert moved(rates, *periods, fx_policy="invoice_rate") == [
        (200, 0, 200, 0, 0),
        (200 + 200, 200, -200, 0, 0),  # 800 billed: 400 against 200, 200 for this period's 50, 200 ahead
    ]


def test_at_the_rate_of_the_invoice_a_refund_leaves_no_gain_either():
    """20 of what was billed at 2 are to be refunded, and are paid back by a credit at 3: revenue takes the difference."""
    rates = Rates(spot={0: 2, 20: 3}, order=2)
    periods = (span(0, 30), at(0, 100)), (span(1, refund=20),), (span(2, refund=-20), at(20, -20))
    assert moved(rates, *periods, fx_policy="invoice_rate") == [
        (60, 140, 0, 0, 0),
        (0, -40, 0, 40, 0),
        (-20, 0, 0, -40, 0),
    ]


def test_a_credit_pays_back_what_was_to_be_refunded_before_it_takes_revenue_back():
    """Of 25 credited at 4, 20 were to be refunded (carried at 2) and 5 are revenue of the period; 5 more go at 2."""
    rates = Rates(spot={0: 2, 20: 4}, average={20: 2}, closing={10: 2})
    periods = (span(0, 30), at(0, 100)), (span(1, refund=20),), (span(2, -10, -20), at(20, -25))
    assert moved(rates, *periods)[2] == (-20 - 10, 10, 0, -40, -40)


def test_claims_on_what_was_earned_take_the_oldest_lots_at_the_rate_of_the_period():
    rates = Rates(spot={0: 2, 5: 4}, average={0: 3})
    # 60 are owed on at 3 = 180; lots give 50 x 2 + 10 x 4
    assert moved(rates, (span(0), at(0, 50), at(5, 50), Billed(9, None, -60))) == [(0, 160, 0, 0, -40)]


def test_what_is_billed_and_taken_back_at_once_was_never_ahead():
    rates = Rates(spot={0: 2, 5: 7})
    assert moved(rates, (span(0, 50), at(0, 50), at(5, 30), at(5, -30))) == [(100, 0, 0, 0, 0)]


@pytest.mark.parametrize(
    ("rates", "period"),
    [
        (Rates(), (span(0), at(0, 1))),
        (Rates(), (span(0, 1),)),
        (Rates(average={0: 1}), (span(0, 1),)),
        (Rates(spot={1: 1}), (span(0), at(0, 1))),
    ],
)
def test_a_missing_rate_is_named_and_never_one(rates, period):
    with pytest.raises(RateMissing, match=r"spot None|average 0|closing 0"):
        moved(rates, period)


def test_only_rates_that_are_used_are_asked_for():
    assert moved(Rates(spot={0: 2}), (span(0, 100), at(0, 100))) == [(200, 0, 0, 0, 0)]
    assert moved(Rates(), (span(0),)) == [(0, 0, 0, 0, 0)]


def test_a_period_names_the_rates_that_it_rests_on():
    rates = Rates(spot={0: 2}, average={10: 3}, closing={10: 4})
    translation = Translation(rates, Policy())
    assert translation.moved(span(0, 40), [at(0, 100)]).pins == ("spot/0",)
    assert translation.moved(span(1, 70), []).pins == ("average/10", "closing/10", "spot/0")


def test_lots_that_became_one_rest_on_the_rates_of_both():
    rates = Rates(spot={0: 2, 5: 4})
    translation = Translation(rates, Policy(cl_lots="weighted_average"))
    translation.moved(span(0), [at(0, 50), at(5, 50)])
    assert translation.moved(span(1, 10), []).pins == ("spot/0", "spot/5")


def test_documents_are_taken_by_their_days_whatever_order_they_are_told_in():
    """Two lots: that of the first day, at 2, is earned first though it is told last."""
    rates = Rates(spot={0: 2, 5: 3})
    assert moved(rates, (span(0, 50), at(5, 50), at(0, 50))) == [(100, 150, 0, 0, 0)]


def test_what_arises_has_the_rate_that_the_policy_says():
    rates = Rates(spot={0: 2}, average={0: 3}, order=4)
    asked = ({}, {"ca_rate": "spot_of_run"}, {"fx_policy": "invoice_rate", "ca_rate": "spot_of_run"})
    assert [arising(span(0), rates, Policy(**each)).value for each in asked] == [3, 2, 4]


A, B, C = ("revenue", "A"), ("revenue", "B"), ("contra_revenue.x", "")


@pytest.mark.parametrize(
    ("total", "earned", "standing", "parts"),
    [
        (100, {A: 1, B: 2}, {}, {A: 33, B: 67}),
        (1, {A: 1, B: 1}, {}, {A: 1, B: 0}),
        (-1, {A: -1, B: -1}, {}, {A: 0, B: -1}),
        (90, {A: 30, C: -3}, {}, {A: 100, C: -10}),
        (10, {A: 0, B: 0}, {A: 1, B: 4}, {A: 2, B: 8}),
        (10, {A: 5, B: -5}, {B: 1}, {B: 10}),
        (0, {A: 1}, {A: 1}, {}),
        (7, {}, {}, {}),
    ],
)
def test_revenue_is_split_by_what_each_earned_to_the_last_minor_unit(total, earned, standing, parts):
    assert by_obligation(total, earned, standing) == parts


AMOUNTS = st.integers(-1000, 1000)


@given(
    st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), max_size=6), st.sampled_from(["fifo", "weighted_average"])
)
def test_at_one_rate_there_is_never_a_gain_and_each_balance_is_that_of_the_contract(periods, lots):
    """Whatever happens: at a single rate of 2, functional amounts are twice the others, and nothing is left over."""
    first = range(0, DAYS * len(periods), DAYS)
    rates = Rates(spot={0: 2}, average=dict.fromkeys(first, 2), closing=dict.fromkeys(first, 2))
    translation = Translation(rates, Policy(cl_lots=lots))
    due = recognised = refund = liability = asset = 0
    for place, (billed, earned, owed) in enumerate(periods):
        wanted = max(owed, 0)
        one = translation.moved(
            span(place, earned, wanted - refund), [at(place * DAYS, billed)] if billed else []
        )
        due, recognised, refund = due + billed, recognised + earned, wanted
        liability, asset = liability + one.contract_liability, asset + one.contract_asset
        position = due - recognised - refund
        assert one.revenue == 2 * earned
        assert (liability, asset) == (max(2 * position, 0), max(-2 * position, 0))
