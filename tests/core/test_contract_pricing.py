"""What lines are priced by, through the event interface: the price book, bundles, residuals, an agent's fee."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from msgspec.structs import replace

from tieout.avro.contract_lines import Bundle
from tieout.streams.operate.scenario.facts_of import steps_of
from tieout.streams.operate.scenario.loading import Scenario
from tieout.streams.operate.scenario.places import Spot
from tieout.streams.operate.scenario.setting import setting_of

YEAR, MARCH = dt.date(2025, 1, 1), dt.date(2025, 3, 1)
LINES = [
    {"po": "A", "measure": "point", "ssp": 40},
    {"po": "B", "measure": "point", "ssp": 55},
    {"po": "C", "measure": "point", "ssp": 45},
    {"po": "D", "measure": "point", "residual": True, "ssp_low": 15, "ssp_high": 45},
]
ACTIVATION = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 130,
    "bundles": [{"pos": ["B", "C"], "price": 60}],
    "lines": LINES,
}


def told(*described, **top):
    """An inbox whose price book is ``ssp``, and the events: the product of a line is its id."""
    scenario = Scenario("test", Spot("test", "test"), {"events": list(described), "expect": {}, **top})
    steps = steps_of(scenario)
    return Inbox(setting_of(scenario, steps).reference), [step.event for step in steps]


def active(described=ACTIVATION, **top):
    inbox, (event,) = told(described, **top)
    inbox.deliver(event)
    return inbox


def shares(inbox):
    return {share.po: share.amount for share in inbox.state.layers[0].steps[-1].shares}


def line(event, po, **changes):
    return replace(
        event, lines=tuple(replace(each, **changes) if each.po == po else each for each in event.lines)
    )


def test_a_bundle_and_a_residual_are_facts_of_the_version():
    inbox = active()
    (terms,) = inbox.state.facts.terms
    assert terms.more.bundles == ((("B", "C"), 60_00),)
    assert [item.special.residual for item in terms.add if item.special] == [True]
    assert shares(inbox) == {"A": 40_00, "B": 33_00, "C": 27_00, "D": 30_00}


@pytest.mark.parametrize(
    ("price", "outcome"), [(115, "applied"), (145, "applied"), (114, "refused"), (146, "refused")]
)
def test_a_residual_is_plausible_within_its_range_ends_included(price, outcome):
    inbox = active({**ACTIVATION, "price": price})
    assert inbox.outcomes == [outcome]


def test_a_residual_without_a_range_is_more_than_nothing():
    lines = [LINES[0], {"po": "D", "measure": "point", "residual": True}]
    some = {"at": YEAR, "type": "contract_activated", "lines": lines}
    assert active({**some, "price": 41}).outcomes == ["applied"]
    for price in (40, 39):
        inbox = active({**some, "price": price})
        assert [code for code, _ in inbox.refusals] == ["SSP_RESIDUAL_IMPLAUSIBLE"]
        assert inbox.state.facts.terms == ()


def test_an_implausible_residual_waits_for_an_estimate_in_the_price_book():
    inbox, (event,) = told({**ACTIVATION, "price": 105})
    inbox.deliver(event)
    assert inbox.decisions == []
    book = [{"po": "D", "effective": YEAR, "ssp": 20}]
    estimated = active({**ACTIVATION, "price": 105}, ssp=book)
    assert shares(estimated) == {"A": 30_00, "B": 33_00, "C": 27_00, "D": 15_00}
    (terms,) = estimated.state.facts.terms
    assert "ssp/D/USD@1" in terms.pins


def test_the_price_book_gives_a_residual_its_range():
    lines = [LINES[0], {"po": "D", "measure": "point", "residual": True}]
    book = [{"po": "D", "effective": YEAR, "ssp": 10, "ssp_low": 5, "ssp_high": 20}]
    wide = {"at": YEAR, "type": "contract_activated", "price": 60, "lines": lines}
    assert shares(active(wide, ssp=book)) == {"A": 40_00, "D": 20_00}
    assert shares(active({**wide, "price": 100}, ssp=book)) == {"A": 80_00, "D": 20_00}


BOOK = [
    {"po": "A", "effective": dt.date(2024, 1, 1), "ssp": 99},
    {"po": "A", "effective": YEAR, "ssp": 60},
    {"po": "A", "effective": MARCH, "ssp": 1},
    {"po": "E", "effective": YEAR, "ssp": 10},
    {"po": "E", "effective": MARCH, "ssp": 100},
]
TWO = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 100,
    "lines": [{"po": "A", "measure": "point"}, {"po": "B", "measure": "point", "ssp": 40}],
}
ADDED = {
    "at": dt.date(2025, 2, 1),
    "approved": MARCH,
    "type": "contract_amended",
    "price_change": 20,
    "add": [{"po": "E", "measure": "point"}],
}


def test_a_line_without_a_price_takes_the_price_book_of_its_accounting_date_and_keeps_it():
    """606-10-32-43: a later price book never reallocates."""
    inbox, (first, added) = told(TWO, ADDED, ssp=BOOK)
    inbox.deliver(first)
    assert shares(inbox) == {"A": 60_00, "B": 40_00}
    inbox.deliver(added)
    assert shares(inbox) == {"A": 36_00, "B": 24_00, "E": 60_00}
    opened, changed = inbox.state.facts.terms
    assert [pin for pin in opened.pins if pin.startswith("ssp/")] == ["ssp/A/USD@2"]
    assert [pin for pin in changed.pins if pin.startswith("ssp/")] == ["ssp/E/USD@5"]


def test_lines_that_share_a_price_without_anything_to_share_it_by_wait_for_a_price_book():
    assert [code for code, _ in active(TWO).refusals] == ["SSP_MISSING"]


def test_a_line_that_is_a_bundle_by_itself_needs_no_stand_alone_price():
    alone = {**TWO, "bundles": [{"pos": ["A"], "price": 30}]}
    assert shares(active(alone)) == {"A": 30_00, "B": 70_00}


def test_a_residual_of_a_contract_without_a_fixed_price_needs_a_price():
    inbox = active({**ACTIVATION, "price": 0, "bundles": []})
    assert [code for code, _ in inbox.refusals] == ["SSP_MISSING"]


def test_two_residuals_need_prices_to_share_by():
    lines = [LINES[0], {**LINES[3], "po": "X"}, LINES[3]]
    inbox = active({**ACTIVATION, "bundles": [], "lines": lines})
    assert [code for code, _ in inbox.refusals] == ["SSP_MISSING"]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda e: replace(e, bundles=(Bundle((), 1),)), "VALUE_INVALID"),
        (lambda e: replace(e, bundles=(Bundle(("B", "B"), 1),)), "VALUE_INVALID"),
        (lambda e: replace(e, bundles=(Bundle(("B",), 1), Bundle(("B", "C"), 1))), "VALUE_INVALID"),
        (lambda e: replace(e, bundles=(Bundle(("B", "Z"), 1),)), "VALUE_INVALID"),
        (lambda e: replace(e, bundles=(Bundle(("B", "C"), -1),)), "VALUE_INVALID"),
        (lambda e: replace(e, bundles=(Bundle(("B", "C"), 130_01),)), "AMOUNT_MISMATCH"),
        (lambda e: replace(e, bundles=(Bundle(("A", "B", "C", "D"), 129_00),)), "AMOUNT_MISMATCH"),
        (lambda e: line(e, "D", ssp_low_minor=46_00), "VALUE_INVALID"),
        (lambda e: line(e, "D", ssp_low_minor=-1), "VALUE_INVALID"),
        (lambda e: line(e, "A", ssp_low_minor=40_01), "VALUE_INVALID"),
        (lambda e: line(e, "A", ssp_high_minor=39_99), "VALUE_INVALID"),
        (lambda e: line(e, "D", measure="amount", meter="m"), "VALUE_INVALID"),
        (lambda e: line(e, "A", role="broker"), "VALUE_INVALID"),
    ],
)
def test_a_price_that_cannot_be_is_refused_by_name(spoil, code):
    inbox, (event,) = told(ACTIVATION)
    inbox.deliver(spoil(event))
    assert [named for named, _ in inbox.refusals] == [code]


def test_a_stated_price_may_lie_at_either_end_of_its_range():
    inbox, (event,) = told(ACTIVATION)
    inbox.deliver(line(event, "A", ssp_low_minor=40_00, ssp_high_minor=40_00))
    assert inbox.outcomes == ["applied"]


def test_a_modification_takes_no_residual():
    inbox, (first, added) = told(
        TWO, {**ADDED, "add": [{"po": "E", "measure": "point", "residual": True}]}, ssp=BOOK
    )
    inbox.deliver(first)
    inbox.deliver(added)
    assert [code for code, _ in inbox.refusals] == ["EVENT_UNSUPPORTED"]


def test_of_an_agent_the_line_states_its_fee_and_that_is_its_revenue():
    """606-10-55-36..40."""
    inbox, (event,) = told(ACTIVATION)
    inbox.deliver(line(event, "A", role="agent"))
    assert shares(inbox)["A"] == 40_00
    assert [item.special.role for item in inbox.state.facts.terms[0].add if item.po == "A"] == ["agent"]


def test_the_greatest_line_takes_the_difference_where_policy_says_so():
    lines = [{"po": po, "measure": "point", "ssp": 1} for po in "ABC"]
    three = {"at": YEAR, "type": "contract_activated", "price": 2, "lines": lines}
    assert shares(active(three)) == {"A": 67, "B": 67, "C": 66}
    emulated = active(three, policy={"allocation_rounding": "greatest_line"})
    assert shares(emulated) == {"A": 66, "B": 67, "C": 67}


ONE = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 100,
    "lines": [{"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}],
}


def test_a_schedule_is_rounded_by_months_and_by_no_other_periods():
    weeks = [{"period": "2025-01", "first": YEAR, "last": dt.date(2025, 1, 28)}]
    plugged = {"policy": {"schedule_rounding": "last_plug"}}
    inbox = active(ONE, **plugged)
    assert [share.rounding for share in inbox.state.layers[0].steps[0].shares] == ["last_plug"]
    retail = {"calendars": {"4-4-5": weeks}, "entities": {"US": {"functional": "USD", "calendar": "4-4-5"}}}
    assert [code for code, _ in active(ONE, **plugged, **retail).refusals] == ["POLICY_MISSING"]
    assert active(ONE, **retail).outcomes == ["applied"]


def test_how_a_change_is_spread_is_pinned_with_each_promise_and_costs_a_plain_one_nothing():
    for chosen, pinned in (
        ({"negative_remaining": "recognise_now"}, (True, False, False)),
        ({"retroactive_price": "performed"}, (False, True, False)),
        ({"prospective_scope": "touched_lines"}, (False, False, True)),
    ):
        (line,) = active(ONE, policy=chosen).state.facts.terms[0].add
        special = line.special
        assert (special.takes_back, special.performs_past, special.touched_only) == pinned
    plain = active(ONE, policy={"negative_remaining": "queue", "retroactive_price": "prospective"})
    assert [item.special for item in plain.state.facts.terms[0].add] == [None]


def test_only_a_schedule_of_its_own_measure_is_rounded_by_months():
    lines = [{"po": "S", "measure": "point"}]
    inbox = active({**ONE, "lines": lines}, policy={"schedule_rounding": "last_plug"})
    assert [item.special for item in inbox.state.facts.terms[0].add] == [None]
