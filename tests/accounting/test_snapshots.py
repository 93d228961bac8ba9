"""A contract told whole: what differs is a modification, what does not is none, what cannot be said is refused."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given

YEAR, END, JULY = dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2025, 7, 1)


def line(po="A", **fields):
    return {"po": po, "measure": "time", "from": YEAR, "to": END, "ssp": 1200, **fields}


def told(*events, price=1200):
    opening = {"at": YEAR, "type": "contract_activated", "price": price, "lines": [line()]}
    given = Given({"events": [opening, *events], "expect": {}})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def whole(*lines, version=2, price=1200, **fields):
    stated = {"at": JULY, "type": "contract_snapshot", "version": version, "price": price}
    return {**stated, "lines": list(lines), **fields}


def amended(**fields):
    return {"at": dt.date(2025, 3, 1), "type": "contract_amended", **fields}


def codes(*events):
    return [code for code, _ in told(*events).refusals]


def last(*events):
    inbox = told(*events)
    assert inbox.refusals == []
    return inbox.state.facts.terms[-1]


def test_a_snapshot_of_what_is_known_changes_nothing_and_says_so():
    inbox = told(whole(line(), version=1))
    assert (inbox.outcomes[-1], inbox.recorded, len(inbox.state.facts.terms)) == ("no_effect", [], 1)
    change = amended(price_change=60, add=[line("B", ssp=700)], change=[{"po": "A", "to": JULY}])
    lines = [line(to=JULY), line("B", ssp=700)]
    assert told(change, whole(*lines, price=1260)).outcomes[-1] == "no_effect"
    assert told(change, whole(line(), version=1)).outcomes[-1] == "no_effect"


def test_a_snapshot_of_a_later_version_that_changes_nothing_is_that_version():
    terms = last(whole(line(), version=4))
    assert (terms.version, terms.treatment, terms.pool) == (4, "none", 0)
    assert told(whole(line(), version=4)).state.contract("C1").watermark == 4


def test_quantity_days_and_price_of_a_line_are_compared_with_what_was_told_last():
    terms = last(whole(line(qty=2, to=JULY), price=1300))
    assert {(each.field, each.value) for each in terms.change} == {("qty", 2), ("last", day(JULY))}
    assert (terms.version, terms.pool, terms.at) == (2, 100_00, day(JULY))
    change = amended(price_change=60, change=[{"po": "A", "qty": 3, "price_change": 60}])
    again = last(change, whole(line(qty=3, **{"from": JULY}), version=3, price=1260))
    assert [(each.field, each.value) for each in again.change] == [("first", day(JULY))]


def test_lines_that_are_new_or_gone_are_added_and_removed():
    terms = last(whole(line("B", ssp=600, **{"from": JULY}), price=900))
    assert ([each.po for each in terms.add], terms.drop, terms.pool) == (["B"], ("A",), -300_00)


def test_the_price_of_a_contract_is_that_of_all_its_versions():
    separate = amended(price_change=1200, add=[line("B")])
    lines = [line(), line("B")]
    assert told(separate, whole(*lines, price=2400)).outcomes[-1] == "no_effect"


def test_a_snapshot_takes_the_number_of_its_version_and_later_ones_follow():
    follows = {**amended(price_change=-1, change=[{"po": "A", "price_change": -1}]), "at": END}
    inbox = told(whole(line(), version=5, price=1100), follows)
    assert inbox.refusals == []
    assert [each.version for each in inbox.state.facts.terms] == [1, 5, 6]
    assert [each.contract_version for each in inbox.recorded] == [5, 6]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (whole(line(), version=1, price=1300), "VERSION_BASE_MISMATCH"),
        (whole(line(qty=2), version=1), "VERSION_BASE_MISMATCH"),
        (whole(line(), version=0), "VALUE_INVALID"),
        (whole(line(measure="percent")), "MOD_UNSUPPORTED"),
        (whole(line(gate="access")), "MOD_UNSUPPORTED"),
        (whole(line(convention="days")), "MOD_UNSUPPORTED"),
        (whole(line(), customer="CUST2"), "MOD_UNSUPPORTED"),
        (whole(line(), currency="EUR"), "CURRENCY_MIXED"),
        (whole(line(), price=1300, approved=None), "MOD_PENDING"),
        (whole(line(), line()), "VALUE_INVALID"),
        (whole(line(), price=-1), "VALUE_INVALID"),
        (whole(line(), version=999, price=1300), "LIMIT_EXCEEDED"),
    ],
    ids=[
        "price", "quantity", "no version", "measure", "gate", "convention", "customer", "currency", "pending",
        "twice", "negative", "too many",
    ],
)  # fmt: skip
def test_what_a_snapshot_cannot_change_is_refused_by_name(event, code):
    assert codes(event) == [code]


def test_a_line_that_was_removed_does_not_come_back():
    gone = amended(price_change=-100, remove=["A"], add=[line("B", ssp=600)])
    assert codes(gone, whole(line(), line("B", ssp=600), version=3)) == ["MOD_UNSUPPORTED"]


def test_a_span_that_a_point_line_has_not_had_is_refused():
    point = {"po": "P", "measure": "point", "ssp": 100}
    added = amended(price_change=1, add=[point])
    event = whole(line(), {**point, "to": END}, version=3, price=1201)
    assert codes(added, event) == ["MOD_UNSUPPORTED"]


def day(date):
    return date.toordinal() - dt.date(1970, 1, 1).toordinal()


def test_the_final_price_of_a_change_whose_price_was_open_is_part_of_the_price():
    opened = amended(price_status="open", price_estimate=50, add=[line("B", ssp=600)], price_change=0)
    priced = {"at": dt.date(2025, 5, 1), "type": "change_order_priced", "version": 2, "price": 70}
    inbox = told(opened, priced, whole(line(), line("B", ssp=600), price=1270))
    assert (inbox.refusals, inbox.outcomes[-1]) == ([], "no_effect")


def test_what_a_snapshot_decides_is_told_as_the_snapshots_decision():
    (decided,) = told(whole(line(qty=2), price=1300)).recorded
    assert (decided.event_type, decided.contract_version) == ("contract_snapshot", 2)
