"""Estimates of variable consideration through the event interface: what counts, what is refused, what waits."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given
from msgspec.structs import replace

YEAR, MARCH, MAY = dt.date(2025, 1, 1), dt.date(2025, 3, 1), dt.date(2025, 5, 1)
TWO_LINES = [{"po": "A", "measure": "point", "ssp": 60}, {"po": "B", "measure": "point", "ssp": 40}]
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 100, "lines": TWO_LINES}
BONUS = {"at": MARCH, "type": "variable_estimate_changed", "id": "V1", "amount": 10}
GROWN = {
    "at": MAY,
    "type": "contract_amended",
    "price_change": 5,
    "add": [{"po": "C", "measure": "point", "ssp": 50}],
}


def told(*described, **top):
    """An inbox with the activation, and the events after it."""
    given = Given({"events": [ACTIVATION, *described], "expect": {}, **top})
    inbox = Inbox(given.reference())
    first, *others = given.steps()
    inbox.deliver(first)
    return inbox, others


def shares(inbox):
    return {share.po: share.amount for share in inbox.state.layers[0].steps[-1].shares}


def test_an_estimate_enters_the_price_of_the_version_that_promised_it():
    inbox, (bonus,) = told(BONUS)
    inbox.deliver(bonus)
    assert shares(inbox) == {"A": 66_00, "B": 44_00}
    inbox.deliver(replace(bonus, amount_minor=0, envelope=replace(bonus.envelope, object_version=900_000)))
    assert shares(inbox) == {"A": 60_00, "B": 40_00}


def test_an_estimate_of_one_line_stays_with_it():
    """606-10-32-40."""
    inbox, (bonus,) = told({**BONUS, "reach": "obligation", "po": "B"})
    inbox.deliver(bonus)
    assert shares(inbox) == {"A": 60_00, "B": 50_00}


def test_an_estimate_of_a_version_waits_until_that_version_is_accepted():
    inbox, (bonus, grown) = told({**BONUS, "reach": "version_2"}, GROWN)
    inbox.deliver(bonus)
    assert inbox.state.facts.components == ()
    assert len(inbox.parked) == 1
    inbox.deliver(grown)
    assert [(each.ref, each.arrangement) for each in inbox.state.facts.components] == [("C1@2", "C1@1")]
    assert sum(shares(inbox).values()) == 115_00
    assert not inbox.parked


def test_an_estimate_that_is_sent_by_another_object_under_the_same_name_and_version_is_a_conflict():
    inbox, (bonus,) = told(BONUS)
    inbox.deliver(bonus)
    other = replace(bonus, amount_minor=999, envelope=replace(bonus.envelope, object_id="other"))
    inbox.deliver(other)
    assert inbox.refusals[-1][0] == "ID_CONFLICT"
    inbox.deliver(replace(bonus, envelope=replace(bonus.envelope, object_id="third")))
    assert inbox.outcomes[-1] == "no_effect"
    assert [each.amount for each in inbox.state.facts.components] == [10_00]


def test_an_estimate_dated_before_its_contract_counts_from_its_first_day():
    inbox, (bonus,) = told({**BONUS, "at": dt.date(2024, 12, 1), "reach": "performed"})
    inbox.deliver(bonus)
    assert [each.at for each in inbox.state.facts.components] == [inbox.state.group.arrangements[0].opened]


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({"amount_minor": None}, "VALUE_INVALID"),
        ({"amount_minor": 2**62 + 1}, "VALUE_INVALID"),
        ({"amount_minor": -(2**62) - 1}, "VALUE_INVALID"),
        ({"amount_minor": 11, "unconstrained_minor": 10}, "VALUE_INVALID"),
        ({"estimate_id": ""}, "VALUE_INVALID"),
        ({"reach": "everything"}, "VALUE_INVALID"),
        ({"reach": "obligation"}, "VALUE_INVALID"),
        ({"reach": "version", "po": "A"}, "VALUE_INVALID"),
        ({"reach": "obligation", "po": "Z"}, "EVIDENCE_UNKNOWN_PO"),
        ({"version": 2}, "VERSION_BASE_MISMATCH"),
        ({"currency": "EUR"}, "CURRENCY_MIXED"),
        ({"unit_price_minor": 5, "po": "A"}, "VALUE_INVALID"),
        ({"service_from": 20_100}, "VALUE_INVALID"),
        ({"service_to": 20_100}, "VALUE_INVALID"),
        ({"service_from": 20_100, "service_to": 20_130}, "VALUE_INVALID"),
        ({"service_from": 20_100, "service_to": 20_130, "reach": "obligation", "po": "A"}, "VALUE_INVALID"),
    ],
)
def test_an_estimate_that_cannot_be_placed_is_refused_by_name(stated, code):
    inbox, (bonus,) = told(BONUS)
    inbox.deliver(replace(bonus, **stated))
    waiting = [refusal.code for _, refusal in inbox.parked]
    assert [*waiting, *(named for named, _ in inbox.refusals)] == [code]
    assert inbox.state.facts.components == ()


SERVICE = {
    **ACTIVATION,
    "price": 1200,
    "lines": [{"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}],
}
MARCH_BONUS = {
    **BONUS,
    "reach": "obligation",
    "po": "S",
    "from": dt.date(2025, 3, 1),
    "to": dt.date(2025, 3, 31),
}


def told_of_service(*described):
    given = Given({"events": [SERVICE, *described], "expect": {}})
    inbox = Inbox(given.reference())
    first, *others = given.steps()
    inbox.deliver(first)
    return inbox, others


def refused(inbox):
    return [*(refusal.code for _, refusal in inbox.parked), *(code for code, _ in inbox.refusals)]


def test_an_amount_for_some_days_of_a_series_has_no_share_in_the_allocation():
    """606-10-32-40."""
    inbox, (bonus,) = told_of_service(MARCH_BONUS)
    inbox.deliver(bonus)
    assert shares(inbox) == {"S": 1200_00}
    (component,) = inbox.state.facts.components
    assert (component.reach, component.ref, component.amount) == ("days", "S", 10_00)


@pytest.mark.parametrize(
    ("first", "last", "waits"),
    [
        (dt.date(2025, 3, 31), dt.date(2025, 3, 30), False),
        (dt.date(2025, 1, 1), dt.date(2026, 1, 2), False),
        (dt.date(2024, 12, 31), dt.date(2025, 1, 31), True),
        (dt.date(2025, 12, 1), dt.date(2026, 1, 1), True),
    ],
    ids=["ends before it begins", "longer than a year", "before the line", "behind the line"],
)
def test_days_that_are_no_period_of_the_line_are_refused(first, last, waits):
    inbox, (bonus,) = told_of_service({**MARCH_BONUS, "from": first, "to": last})
    inbox.deliver(bonus)
    assert refused(inbox) == ["DATES_INVALID"]
    assert bool(inbox.parked) is waits


def test_days_behind_the_end_of_a_line_wait_for_its_extension():
    longer = {
        "at": MAY,
        "type": "contract_amended",
        "price_change": 100,
        "change": [{"po": "S", "to": dt.date(2026, 1, 31)}],
    }
    january = {"from": dt.date(2026, 1, 1), "to": dt.date(2026, 1, 31)}
    inbox, (bonus, extended) = told_of_service({**MARCH_BONUS, **january}, longer)
    inbox.deliver(bonus)
    assert refused(inbox) == ["DATES_INVALID"]
    inbox.deliver(extended)
    assert [each.days for each in inbox.state.facts.components] == [(20_454, 20_484)]


def test_the_days_of_an_estimate_never_change_and_it_takes_no_more_than_the_price():
    inbox, (bonus,) = told_of_service(MARCH_BONUS)
    inbox.deliver(bonus)
    later = replace(bonus.envelope, object_version=900_000)
    inbox.deliver(replace(bonus, service_to=bonus.service_to - 1, envelope=later))
    assert inbox.refusals[-1][0] == "VALUE_INVALID"
    inbox.deliver(replace(bonus, amount_minor=-1200_01, envelope=replace(later, object_version=900_001)))
    assert inbox.refusals[-1][0] == "RECOGNISED_NEGATIVE"


def test_an_estimate_takes_no_more_than_the_price():
    inbox, (bonus,) = told(BONUS)
    inbox.deliver(replace(bonus, amount_minor=-100_01))
    assert inbox.refusals[-1][0] == "RECOGNISED_NEGATIVE"
    assert inbox.state.facts.components == ()
    later = replace(bonus.envelope, object_version=900_000)
    inbox.deliver(replace(bonus, amount_minor=-100_00, envelope=later))
    assert shares(inbox) == {"A": 0, "B": 0}


def test_the_constraint_may_leave_all_of_an_estimate():
    inbox, (bonus,) = told(BONUS)
    inbox.deliver(replace(bonus, unconstrained_minor=10_00))
    assert [each.amount for each in inbox.state.facts.components] == [10_00]


def test_what_an_estimate_reaches_never_changes():
    inbox, (bonus,) = told(BONUS)
    inbox.deliver(bonus)
    later = replace(bonus.envelope, object_version=900_000)
    for changed in ({"reach": "performed"}, {"reach": "obligation", "po": "A"}, {"refundable": True}):
        inbox.deliver(replace(bonus, envelope=later, **changed))
        assert inbox.refusals[-1][0] == "VALUE_INVALID"


def test_a_version_without_a_price_of_its_own_promises_no_amount():
    inbox, (nothing, bonus) = told({"at": MARCH, "type": "contract_amended"}, {**BONUS, "reach": "version_2"})
    inbox.deliver(nothing)
    inbox.deliver(bonus)
    assert inbox.refusals[-1][0] == "VALUE_INVALID"


def test_an_amount_has_no_share_in_metered_usage():
    lines = [*TWO_LINES, {"po": "U", "measure": "usage", "meter": "calls", "unit_price": 1}]
    given = Given(
        {
            "events": [{**ACTIVATION, "lines": lines}, {**BONUS, "reach": "obligation", "po": "U"}],
            "expect": {},
        }
    )
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    assert inbox.refusals[-1][0] == "EVENT_UNSUPPORTED"
