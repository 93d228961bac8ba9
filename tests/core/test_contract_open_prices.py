"""Change orders through decide: what is asked for, approved, estimated while its price is open, and priced (25-10, 25-11)."""

from __future__ import annotations

import datetime as dt

import pytest
from core.modifications_told import (
    APRIL,
    CAUSE,
    HALF,
    INST,
    JULY,
    SUB,
    activated,
    amended,
    decided,
    inbox_of,
    order,
    refusal,
)
from golden.scenario import day_of
from msgspec.structs import replace

from tieout.agents.contracts.decide import decide


def open_codes(inbox):
    return [each.code for each in inbox.state.group.open_items]


def test_what_is_asked_for_is_an_item_until_it_is_approved():
    inbox, last = inbox_of(
        activated(SUB), order("submitted", scope="seats", estimate=5), order("approved", scope="seats")
    )
    assert open_codes(inbox) == ["MOD_PENDING"]
    inbox.deliver(last)
    assert open_codes(inbox) == []
    assert [(each.code, each.status) for each in inbox.exceptions] == [
        ("MOD_PENDING", "open"),
        ("MOD_PENDING", "resolved"),
    ]


def test_each_contract_of_an_arrangement_has_its_own_item():
    """Two contracts that are accounted for as one: version 2 of the one is not version 2 of the other."""
    line = {**SUB, "po": "OTHER"}
    joined = {**activated(line), "contract": "C2", "combine_with": "C1"}
    asked = [order("submitted", id=name, contract=name, version=2) for name in ("C1", "C2")]
    inbox, last = inbox_of(activated(SUB), joined, *asked)
    inbox.deliver(last)
    assert [each.fact for each in inbox.state.group.open_items] == ["C1/@2", "C2/@2"]


def test_what_is_asked_for_is_no_item_once_it_is_a_version():
    inbox, last = inbox_of(activated(SUB), order("submitted", version=2), amended(price_change=5))
    assert open_codes(inbox) == ["MOD_PENDING"]
    inbox.deliver(last)
    assert open_codes(inbox) == []


@pytest.mark.parametrize(
    ("event", "code", "retry"),
    [
        (order("submitted"), "VALUE_INVALID", "never"),
        (order("submitted", version=1), "VALUE_INVALID", "never"),
        (order("approved", version=2, price_status="maybe"), "VALUE_INVALID", "never"),
        (order("priced", version=1, price=5), "VALUE_INVALID", "never"),
        (order("priced", version=2, price=5), "VERSION_BASE_MISMATCH", "version"),
    ],
)
def test_a_change_order_that_cannot_be_is_refused_by_its_code(event, code, retry):
    assert refusal(activated(SUB), event) == (code, retry)


def test_a_change_order_too_large_to_count_is_refused():
    inbox, last = inbox_of(activated(SUB), order("submitted", version=2, estimate=5))
    for spoilt in (
        replace(last, estimate_minor=1 - 2**63),
        replace(last, envelope=replace(last.envelope, object_version=1_000)),
    ):
        decision = decide(inbox.state, spoilt, inbox.view(), CAUSE)
        assert decision.refusal.code in ("VALUE_INVALID", "LIMIT_EXCEEDED")


def test_a_price_that_was_not_open_is_not_priced_again():
    assert (
        refusal(activated(SUB), amended(price_change=5), order("priced", version=2, price=5))[0]
        == "VALUE_INVALID"
    )


OPEN = amended(price_status="open", price_estimate=10)


def test_two_prices_of_one_day_conflict_and_the_same_one_twice_does_not():
    inbox, last = inbox_of(activated(SUB), OPEN, order("priced", version=2, price=5))
    inbox.deliver(last)
    same = replace(last, envelope=replace(last.envelope, object_id="again"))
    assert decide(inbox.state, same, inbox.view(), CAUSE).outcome == "no_effect"
    other = replace(same, price_minor=600)
    assert decide(inbox.state, other, inbox.view(), CAUSE).refusal.code == "ID_CONFLICT"
    later = replace(other, envelope=replace(other.envelope, object_version=2))
    assert decide(inbox.state, later, inbox.view(), CAUSE).outcome == "applied"


def test_a_price_below_what_there_is_is_refused_until_something_makes_room():
    assert refusal(activated(SUB), OPEN, order("priced", version=2, price=-200)) == (
        "RECOGNISED_NEGATIVE",
        "fact",
    )


def test_a_known_price_is_booked_and_the_order_shows_it():
    inbox, last = inbox_of(activated(SUB), OPEN, order("priced", JULY, version=2, price=12))
    inbox.deliver(last)
    booked = [
        (each.amount_minor, each.cumulative_after_minor) for each in inbox.revenue if each.kind == "booked"
    ]
    assert booked == [(10_000, 10_000), (0, 10_000), (1_200, 11_200)]
    orders = [each for each in inbox.commands if each.header.kind == "sales_order.update"]
    assert [each.total_minor for each in orders] == [10_000, 11_200]


def test_an_estimate_of_a_change_order_is_enough_for_a_price_that_is_open():
    estimated = order("approved", version=2, price_status="open", estimate=9)
    unpriced = amended(price_status="open")
    told = decided(activated(INST), HALF, estimated, unpriced)
    assert told[2].treatment == "catch_up"
    inbox, _ = inbox_of(activated(INST), HALF, estimated, unpriced, HALF)
    shares = {share.po: share.amount for share in inbox.state.layers[0].steps[-1].shares}
    assert shares == {"INST": 10_900}


def test_what_is_only_asked_for_approves_nothing():
    asked = order("submitted", version=2, estimate=9)
    assert refusal(activated(SUB), asked, amended(approved=None, price_change=5)) == ("MOD_PENDING", "fact")


def recognised(inbox):
    return sum(each.amount_minor for each in inbox.revenue if each.kind == "recognised")


def test_an_estimate_that_comes_after_revenue_was_run_is_posted_and_a_price_ends_all_estimates():
    """Half of 100, of 110, of 118, of 104: what is estimated after the price is known counts no more."""
    estimated = order("approved", dt.date(2025, 4, 10), version=2, price_status="open", estimate=18)
    final = order("priced", dt.date(2025, 4, 20), version=2, price=4)
    late = {**estimated, "at": dt.date(2025, 4, 25), "id": "late", "estimate": 50}
    inbox, last = inbox_of(activated(INST), HALF, OPEN, {"run": "2025-04"}, estimated, final, late)
    assert recognised(inbox) == 5_200
    inbox.deliver(last)
    assert recognised(inbox) == 5_200
    inbox, last = inbox_of(activated(INST), HALF, OPEN, {"run": "2025-04"}, estimated)
    assert recognised(inbox) == 5_500
    inbox.deliver(last)
    assert recognised(inbox) == 5_900


def test_a_price_and_an_estimate_dated_before_their_version_count_from_its_day():
    early = dt.date(2025, 2, 1)
    estimated = order("approved", early, version=2, price_status="open", estimate=18)
    unpriced = amended(price_status="open")
    inbox, last = inbox_of(activated(INST), estimated, unpriced, order("priced", early, version=2, price=4))
    inbox.deliver(last)
    days = {each.at for each in inbox.state.facts.components if each.reach == "version"}
    assert days == {day_of(APRIL)}


def test_an_estimate_of_a_change_order_adds_nothing_to_a_price_that_is_fixed():
    inbox, last = inbox_of(
        activated(INST),
        order("approved", version=2, price_status="open", estimate=9),
        amended(price_change=5),
    )
    inbox.deliver(last)
    shares = {share.po: share.amount for share in inbox.state.layers[0].steps[-1].shares}
    assert shares == {"INST": 10_500}
