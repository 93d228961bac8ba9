"""Usage, hours and royalties through decide: what is accepted, replaced, closed, and refused by name."""

import datetime as dt
from decimal import Decimal

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts import limits, usage
from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.avro.commands import Cause

YEAR = dt.date(2025, 1, 1)
END = dt.date(2025, 12, 31)
TIME = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 1200}
LINE = {"po": "U", "measure": "usage", "meter": "m", "unit_price": 2, "from": YEAR, "to": END}
UNPRICED = {"po": "N", "measure": "usage", "meter": "n"}
HOURS = {"po": "H", "measure": "hours", "unit_price": 200}
UNRATED_HOURS = {"po": "H0", "measure": "hours"}
ROYALTY = {"po": "R", "measure": "royalty", "from": dt.date(2025, 4, 1)}
LINES = [TIME, LINE, UNPRICED, HOURS, UNRATED_HOURS, ROYALTY]
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": LINES}
MAY = dt.date(2025, 5, 10)
USED = {"at": MAY, "type": "usage_reported", "id": "u1", "meter": "m", "qty": 10}
CORRECTED = {"at": MAY, "type": "usage_corrected", "id": "u2", "replaces": "u1", "meter": "m", "qty": 4}
CLOSED = {
    "at": dt.date(2025, 6, 1),
    "type": "usage_period_closed",
    "meter": "m",
    "period": "2025-05",
    "count": 1,
}
RATED = {"at": MAY, "type": "usage_rated", "id": "r1", "meter": "m", "period": "2025-05", "amount": 15}
WORKED = {"at": MAY, "type": "timesheet_approved", "id": "t1", "po": "H", "hours": 3}
SOLD = {"at": YEAR, "type": "royalty_reported", "id": "y1", "po": "R", "amount": 70}
PRICED = {"at": MAY, "type": "variable_estimate_changed", "id": "T", "po": "U", "unit_price": 1}


def told(*described, policy=None, activation=ACTIVATION):
    return list(Given({"events": [activation, *described], "expect": {}, "policy": policy or {}}).steps())


def played(steps, run="2025-12", policy=None):
    inbox = Inbox(Given({"events": [], "expect": {}, "policy": policy or {}}).reference())
    for step in steps:
        inbox.deliver(step)
    inbox.run(day_of(run))
    return inbox


def revenue(inbox, po="U"):
    return {
        month: amount
        for account in inbox.state.ledger.accounts
        for series in account.series
        if series.key == ("revenue", po)
        for month, amount in enumerate(series.movements, start=series.first - 2025 * 12 + 1)
        if amount
    }


def months(inbox, po="U"):
    return list(revenue(inbox, po).values())


def version(event, number, **changes):
    return replace(event, **changes, envelope=replace(event.envelope, object_version=number))


def at(event, date):
    return replace(event, envelope=replace(event.envelope, effective_date=day_of(date)))


def refused(inbox, event):
    cause = CausedBy("e", Cause("inbox", 0, 1))
    decision = decide(inbox.state, event, inbox.view(), cause)
    assert decision.outcome == "refused", decision
    assert decision.state is inbox.state
    return decision.refusal.code, decision.refusal.retry


def test_usage_is_revenue_at_the_price_of_a_unit_whatever_order_its_correction_arrives_in():
    activation, used, corrected = told(USED, CORRECTED)
    for order in ((used, corrected), (corrected, used), (corrected, used, used)):
        assert months(played([activation, *order])) == [800]


def test_a_correction_in_another_month_takes_the_usage_out_of_its_own():
    activation, used, corrected = told(USED, {**CORRECTED, "at": dt.date(2025, 7, 1)})
    for order in ((used, corrected), (corrected, used)):
        assert len(revenue(played([activation, *order]))) == 1
        assert months(played([activation, *order])) == [800]


def test_the_highest_version_of_usage_counts_wherever_it_stands():
    activation, used = told(USED)
    later = version(at(used, "2025-07"), 2, quantity=3)
    for order in ((used, later), (later, used), (used, later, used)):
        assert months(played([activation, *order])) == [600]
    same_month = version(used, 2, quantity=3)
    assert months(played([activation, same_month, used])) == months(played([activation, used, same_month]))


def test_a_rated_amount_takes_the_place_of_the_estimate_in_any_order():
    activation, used, rated = told(USED, RATED)
    for order in ((used, rated), (rated, used)):
        assert months(played([activation, *order])) == [1500]
    beside = replace(rated, replaces_estimate=False)
    assert months(played([activation, used, beside])) == [3500]
    assert months(played([activation, used, rated, version(rated, 2, amount_minor=1600)])) == [1600]


def test_under_wait_for_rating_nothing_is_revenue_before_it_is_rated():
    policy = {"usage": "wait_for_rating"}
    activation, used, rated = told(USED, RATED, policy=policy)
    assert months(played([activation, used], policy=policy)) == []
    assert months(played([activation, used, rated], policy=policy)) == [1500]


def test_a_usage_period_closes_when_as_many_came_as_were_sent_and_takes_no_more():
    activation, used, closed, late = told(USED, CLOSED, {**USED, "id": "u3"})
    early = played([activation])
    assert refused(early, closed) == ("USAGE_INCOMPLETE", "fact")
    inbox = played([activation, used, closed])
    assert months(inbox) == [2000]
    (bucket,) = inbox.state.usage
    assert (bucket.closed, bucket.count, bucket.details) == (True, 1, ())
    assert bucket.held == ((day_of("2025-05") - 21, 10_000_000),)
    assert refused(inbox, late) == ("USAGE_DETAIL_GONE", "never")
    assert refused(inbox, version(used, 2, quantity=1)) == ("USAGE_DETAIL_GONE", "never")
    assert refused(inbox, replace(closed, usage_count=2)) == ("USAGE_INCOMPLETE", "fact")
    again = decide(inbox.state, closed, inbox.view(), CausedBy("e", Cause("inbox", 0, 1)))
    assert again.outcome == "no_effect"


def test_a_correction_of_usage_whose_details_are_gone_is_refused():
    activation, used, closed, late = told(USED, CLOSED, {**CORRECTED, "at": dt.date(2025, 7, 1)})
    assert refused(played([activation, used, closed]), late) == ("USAGE_DETAIL_GONE", "fact")


def test_what_a_closed_period_says_of_usage_elsewhere_is_kept():
    activation, used, corrected, closed = told({**USED, "at": dt.date(2025, 7, 1)}, CORRECTED, CLOSED)
    assert months(played([activation, corrected, closed, used])) == [800]
    assert months(played([activation, used, corrected, closed])) == [800]


def test_usage_without_a_price_waits_until_its_day_is_rated():
    activation, used, rated = told({**USED, "meter": "n"}, {**RATED, "meter": "n"})
    assert refused(played([activation]), used) == ("USAGE_UNRATED", "fact")
    assert months(played([activation, rated, used]), "N") == [1500]


def test_hours_are_worth_their_own_rate_or_the_lines():
    activation, hours, dear = told(WORKED, {**WORKED, "id": "t2", "hours": 2, "rate": 300})
    for order in ((hours, dear), (dear, hours)):
        assert months(played([activation, *order]), "H") == [120_000]
    assert months(played([activation, hours, version(hours, 2, hours=1)]), "H") == [20_000]


def test_a_royalty_counts_at_the_later_of_sale_and_transfer():
    activation, early, late = told(SOLD, {**SOLD, "id": "y2", "at": MAY, "amount": 5})
    inbox = played([activation, early, late])
    assert months(inbox, "R") == [7000, 500]


def test_a_price_of_all_units_restates_past_usage_where_the_contract_says_so():
    policy = {"usage_pricing": "retroactive_tier"}
    july = {**PRICED, "at": dt.date(2025, 7, 1)}
    activation, used, priced = told(USED, july, policy=policy)
    for order in ((used, priced), (priced, used)):
        assert months(played([activation, *order], policy=policy)) == [2000, -1000]
    inbox = played([activation, used, priced], policy=policy)
    assert decide(inbox.state, priced, inbox.view(), CausedBy("e", Cause("i", 0, 1))).outcome == "no_effect"
    assert refused(inbox, replace(priced, unit_price_minor=5)) == ("ID_CONFLICT", "never")
    for bad in (
        replace(priced, unit_price_minor=-1),
        replace(priced, unit_price_scale=7),
        replace(priced, unit_price_minor=10**16),
        replace(priced, po=None),
        replace(priced, amount_minor=1),
    ):
        assert refused(inbox, version(bad, 900_000)) == ("VALUE_INVALID", "never")


BAD = {
    "unknown meter": (USED, lambda e: replace(e, meter="x"), "EVIDENCE_UNKNOWN_PO", "version"),
    "negative usage": (USED, lambda e: replace(e, quantity=-1), "VALUE_INVALID", "never"),
    "usage finer than a millionth": (USED, lambda e: replace(e, quantity_scale=7), "VALUE_INVALID", "never"),
    "usage after the line": (USED, lambda e: at(e, "2026-01"), "DATES_INVALID", "version"),
    "usage before the line": (USED, lambda e: at(e, "2024-12"), "DATES_INVALID", "version"),
    "usage in no calendar": (
        {**USED, "meter": "n"},
        lambda e: replace(e, envelope=replace(e.envelope, effective_date=2_932_896)),
        "DATES_INVALID",
        "never",
    ),
    "usage that replaces itself": (CORRECTED, lambda e: replace(e, replaces="u2"), "VALUE_INVALID", "never"),
    "a span that is no usage period": (
        CLOSED,
        lambda e: replace(e, usage_from=e.usage_from + 1),
        "VALUE_INVALID",
        "never",
    ),
    "a unit price of usage that is priced as it is used": (PRICED, lambda e: e, "VALUE_INVALID", "never"),
    "hours of another line": (WORKED, lambda e: replace(e, po="U"), "EVIDENCE_UNKNOWN_PO", "never"),
    "hours of an unknown line": (WORKED, lambda e: replace(e, po="X"), "EVIDENCE_UNKNOWN_PO", "version"),
    "negative hours": (WORKED, lambda e: replace(e, hours=-1), "VALUE_INVALID", "never"),
    "negative rate": (WORKED, lambda e: replace(e, rate_minor=-1), "VALUE_INVALID", "never"),
    "hours without a rate": (WORKED, lambda e: replace(e, po="H0"), "VALUE_INVALID", "never"),
    "hours beyond all worth": (
        WORKED,
        lambda e: replace(e, rate_minor=10**16, hours=11),
        "LIMIT_EXCEEDED",
        "never",
    ),
    "hours in another currency": (WORKED, lambda e: replace(e, currency="EUR"), "CURRENCY_MIXED", "never"),
    "negative royalty": (SOLD, lambda e: replace(e, amount_minor=-1), "VALUE_INVALID", "never"),
    "royalty of another line": (SOLD, lambda e: replace(e, po="H"), "EVIDENCE_UNKNOWN_PO", "never"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_usage_is_refused_by_its_code(what):
    described, spoil, code, retry = BAD[what]
    activation, event = told(described)
    assert refused(played([activation]), spoil(event)) == (code, retry)


BAD_LINES = {
    "unknown aggregation": ({"aggregation": "mean"}, "VALUE_INVALID"),
    "unknown usage period": ({"usage_period": "week"}, "VALUE_INVALID"),
    "anchored without a first day": ({"usage_period": "anchored_month", "from": None}, "DATES_INVALID"),
    "carried forward without an end": ({"aggregation": "last_ever", "to": None}, "DATES_INVALID"),
    "carried forward too long": ({"aggregation": "last_ever", "to": dt.date(2200, 1, 1)}, "LIMIT_EXCEEDED"),
    "outside every calendar": ({"to": dt.date(9999, 12, 31)}, "DATES_INVALID"),
    "gate": ({"gate": "acceptance"}, "EVENT_UNSUPPORTED"),
    "breakage": ({"breakage": Decimal("0.1")}, "EVENT_UNSUPPORTED"),
    "not distinct": ({"distinct": False}, "EVENT_UNSUPPORTED"),
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_a_bad_line_of_usage_is_refused_by_its_code(what):
    changed, code = BAD_LINES[what]
    stated = {key: value for key, value in {**LINE, **changed}.items() if value is not None}
    (activation,) = told(activation={**ACTIVATION, "lines": [TIME, stated]})
    inbox = Inbox(Given({"events": [], "expect": {}}).reference())
    assert refused(inbox, activation)[0] == code


def test_on_invoice_is_no_choice_of_this_release():
    policy = {"usage": "on_invoice"}
    inbox = Inbox(Given({"events": [], "expect": {}, "policy": policy}).reference())
    assert refused(inbox, told(policy=policy)[0]) == ("POLICY_MISSING", "reference")


def test_usage_that_comes_to_more_than_any_contract_is_worth_is_refused(monkeypatch):
    activation, used, more = told(USED, {**USED, "id": "u9", "at": dt.date(2025, 5, 2)})
    monkeypatch.setattr(usage, "SUM_MAX", 3_999)
    assert refused(played([activation, used]), more) == ("LIMIT_EXCEEDED", "never")
    monkeypatch.setattr(limits, "USAGE_DETAILS_MAX", 1)
    monkeypatch.setattr(usage, "SUM_MAX", 10**6)
    assert refused(played([activation, used]), more) == ("LIMIT_EXCEEDED", "never")


CARRIED = {**LINE, "aggregation": "last_ever", "to": dt.date(2025, 7, 31)}
CHANGED = {"at": dt.date(2025, 6, 10), "type": "contract_amended"}
CANCELLED = {"at": dt.date(2025, 6, 10), "type": "contract_cancelled", "price_change": -600}
LATER = {**CHANGED, "change": [{"po": "U", "to": dt.date(2025, 9, 30)}]}
SOONER = {**CHANGED, "change": [{"po": "U", "to": dt.date(2025, 6, 30)}]}
REVIVED = {**LATER, "at": dt.date(2025, 9, 10)}


@pytest.mark.parametrize(
    ("version", "months_shown"),
    [
        (LATER, [5, 6, 7, 8, 9]),
        (SOONER, [5, 6]),
        (CANCELLED, [5, 6]),
        (REVIVED, [5, 6, 7, 9]),
    ],
)
def test_what_carries_usage_forward_ends_with_its_line_as_versions_say_and_never_in_the_past(
    version, months_shown
):
    described = {**ACTIVATION, "lines": [TIME, CARRIED]}
    activation, used, changed = told(USED, version, activation=described)
    for order in ((used, changed), (changed, used)):
        inbox = played([activation, *order])
        assert inbox.refusals == []
        assert revenue(inbox) == dict.fromkeys(months_shown, 2000)
