"""Pauses of a contract through ``decide``: which lines they are about, what is refused, what the order is told."""

import datetime as dt
from decimal import Decimal

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.agents.accounting.agreement import layers_of
from tieout.avro.commands import SalesOrderHold, SalesOrderRelease, SalesOrderUpdate

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)


def line(po="S", start=YEAR, end=END, **fields):
    return {"po": po, "measure": "time", "from": start, "to": end, "ssp": 1000, "ssp_per": "month", **fields}


def date(text):
    return dt.date.fromisoformat(text)


def activated(*lines, price=12000, **fields):
    stated = list(lines) or [line()]
    return {"at": YEAR, "type": "contract_activated", "price": price, "lines": stated, **fields}


def suspended(at="2025-05-01", **fields):
    stated = {name: date(value) if isinstance(value, str) else value for name, value in fields.items()}
    return {"at": date(at), "type": "contract_suspended", **stated}


def resumed(at="2025-08-01", **fields):
    stated = {name: date(value) if isinstance(value, str) else value for name, value in fields.items()}
    return {"at": date(at), "type": "contract_resumed", **stated}


def told(*events, **data):
    given = Given({"events": list(events), "expect": {}, **data})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def pauses(inbox, arrangement="C1@1"):
    found = next(each for each in inbox.state.group.arrangements if each.id == arrangement)
    return {share.po: share.pauses for share in layers_of(inbox.state, found).steps[-1].shares}


def days(first, last=None):
    return day_of(date(first)), None if last is None else day_of(date(last))


def refused(*events):
    inbox = told(*events)
    assert len(inbox.refusals) == 1, (inbox.refusals, inbox.outcomes)
    return inbox.refusals[0][0]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([resumed()], "VALUE_INVALID"),
        ([suspended(to="2025-04-30")], "DATES_INVALID"),
        ([suspended(), resumed("2025-04-20")], "DATES_INVALID"),
        ([suspended(to="2025-05-31"), resumed("2025-08-01")], "DATES_INVALID"),
        ([suspended(), suspended("2025-07-01")], "MOD_OVERLAP"),
        ([suspended(to="2025-07-31"), suspended("2025-07-31")], "MOD_OVERLAP"),
        ([suspended("2026-01-01")], "DATES_INVALID"),
        ([suspended("2024-11-01", to="2024-12-31")], "DATES_INVALID"),
        ([suspended(extended_to="2025-12-31")], "DATES_INVALID"),
        ([suspended(approved=None)], "MOD_PENDING"),
        ([suspended(), resumed(approved=None)], "MOD_PENDING"),
        (
            [
                {"at": YEAR, "type": "contract_amended", "effective": date("2025-09-01"), "change": [{"po": "S", "to": date("2026-02-28")}]},
                suspended(extended_to="2026-03-31"),
            ],
            "MOD_OVERLAP",
        ),
    ],
)  # fmt: skip
def test_a_pause_that_cannot_be_is_refused_by_name(events, code):
    assert refused(activated(), *events) == code


def test_a_new_end_is_refused_where_no_line_pauses():
    begins_later = activated(line(start=date("2025-04-01")))
    for ends in ("2025-12-31", "2026-01-31"):
        event = suspended("2025-02-01", to="2025-02-28", extended_to=ends)
        assert refused(begins_later, event) == "DATES_INVALID"


def test_a_cancelled_contract_is_neither_paused_nor_resumed_until_the_end_is_withdrawn():
    ended = {"at": date("2025-04-01"), "type": "contract_cancelled", "price_change": -9000}
    for event in (suspended(), resumed()):
        assert refused(activated(), ended, event) == "MOD_UNSUPPORTED"


def test_resuming_ends_the_pause_and_leaves_a_later_one_as_it_is():
    inbox = told(
        activated(),
        suspended("2025-03-01", **{"from": "2025-10-01", "to": "2025-10-31"}),
        suspended("2025-05-01", to="2025-07-31"),
        resumed("2025-06-01"),
    )
    assert inbox.refusals == []
    assert pauses(inbox)["S"] == (days("2025-05-01", "2025-05-31"), days("2025-10-01", "2025-10-31"))


def test_a_pause_that_is_resumed_on_its_first_day_never_was():
    inbox = told(activated(), suspended("2025-05-01", to="2025-05-31"), resumed("2025-05-01"))
    assert inbox.refusals == []
    assert pauses(inbox) == {"S": ()}


def test_resuming_may_be_told_before_the_pause_counts():
    """Both are dated before the pause begins: whatever is looked at first, it has an end."""
    inbox = told(
        activated(),
        suspended("2025-05-01", effective="2025-06-01", **{"from": "2025-06-01"}),
        resumed("2025-05-10", **{"from": "2025-07-01"}),
    )
    assert inbox.refusals == []
    assert pauses(inbox) == {"S": (days("2025-06-01", "2025-06-30"),)}


def test_lines_that_are_over_or_begin_behind_the_pause_are_not_in_it():
    inbox = told(
        activated(
            line("A", YEAR, date("2025-03-31")),
            line("B"),
            line("C", date("2025-07-01"), END),
            {"po": "P", "measure": "point", "ssp": 100},
        ),
        suspended(to="2025-06-30", extended_to="2026-01-31"),
    )
    span = (days("2025-05-01", "2025-06-30"),)
    assert pauses(inbox) == {"A": (), "B": span, "C": (), "P": ()}
    assert [(each.po, each.value) for each in inbox.state.facts.terms[-1].change] == [
        ("B", day_of(date("2026-01-31")))
    ]


def test_a_contract_without_service_is_held_and_re_bases_nothing():
    inbox = told(
        activated({"po": "P", "measure": "point", "ssp": 100}, price=100),
        suspended(),
    )
    assert inbox.refusals == []
    assert [each.treatment for each in inbox.recorded] == ["none"]


def test_a_pause_counts_in_each_arrangement_of_the_contract_and_from_its_opening_on():
    renewal = {"at": date("2025-06-01"), "effective": date("2026-01-01"), "type": "contract_renewed"}
    inbox = told(
        activated(),
        {**renewal, "price": 12000, "lines": [line("R", date("2026-01-01"), date("2026-12-31"))]},
        suspended("2025-12-01", to="2026-01-31"),
    )
    span = (days("2025-12-01", "2026-01-31"),)
    assert (pauses(inbox), pauses(inbox, "C1@2")) == ({"S": span}, {"R": span})
    assert [each.accounting_date for each in inbox.recorded[-2:]] == [
        days("2025-12-01")[0],
        days("2026-01-01")[0],
    ]


def test_what_is_renewed_or_added_while_the_contract_is_paused_is_paused_with_it():
    renewal = {"at": date("2025-12-15"), "effective": date("2026-01-01"), "type": "contract_renewed"}
    added = line("A", date("2025-12-10"), END)
    inbox = told(
        activated(),
        suspended("2025-12-01"),
        {
            "at": date("2025-12-10"),
            "type": "contract_amended",
            "price_change": Decimal("709.68"),
            "add": [added | {"price": Decimal("709.68")}],
        },
        {**renewal, "price": 12000, "lines": [line("R", date("2026-01-01"), date("2026-12-31"))]},
        resumed("2026-02-01"),
    )
    assert inbox.refusals == []
    span = (days("2025-12-01", "2026-01-31"),)
    assert [pauses(inbox, each) for each in ("C1@1", "C1@3", "C1@4")] == [
        {"S": span},
        {"A": span},
        {"R": span},
    ]


def test_the_order_is_held_as_stated_and_released_to_its_new_end():
    inbox = told(
        activated(),
        suspended("2025-05-01", billing_paused=True),
        resumed("2025-08-01", extended_to="2026-03-31"),
    )
    held, released, updated = [
        each
        for each in inbox.commands
        if isinstance(each, SalesOrderHold | SalesOrderRelease | SalesOrderUpdate)
    ]
    assert (held.hold_from, held.hold_to, held.billing_held) == (*days("2025-05-01"), True)
    assert (released.released_on, released.end_date) == days("2025-08-01", "2026-03-31")
    assert [each.to_date for each in updated.lines] == [day_of(date("2026-03-31"))]


def test_a_pause_is_told_with_its_days_and_why():
    inbox = told(activated(), suspended(to="2025-05-31"))
    (decided,) = inbox.recorded
    inputs = {each.name: each.value for each in decided.inputs}
    first, last = days("2025-05-01", "2025-05-31")
    assert (decided.event_type, decided.treatment) == ("contract_suspended", "prospective")
    assert "606-10-25-13(a)" in decided.reasons
    assert (inputs["paused_from"], inputs["paused_to"], inputs["service_paused"]) == (
        str(first),
        str(last),
        "true",
    )
    assert (inputs["frozen/S"], inputs["allocated/S"]) == ("400000", "800000")


def test_a_line_that_was_over_when_the_pause_counts_is_not_in_it():
    inbox = told(
        activated(line("A", YEAR, date("2025-03-31")), line("B")),
        suspended("2025-03-15", approved="2025-05-01", to="2025-05-31"),
    )
    assert inbox.state.facts.terms[-1].at == day_of(date("2025-05-01"))
    assert [each.po for each in inbox.state.facts.terms[-1].more.pauses] == ["", "B"]


def test_what_confirms_the_known_end_of_a_pause_is_a_resumption():
    inbox = told(activated(), suspended("2025-05-01", to="2025-05-31"), resumed("2025-06-01"))
    assert inbox.refusals == []
    assert pauses(inbox)["S"] == (days("2025-05-01", "2025-05-31"),)


def test_a_line_that_is_added_for_days_behind_the_pause_is_not_in_it():
    inbox = told(
        activated(),
        suspended("2025-05-01", to="2025-06-30"),
        {
            "at": date("2025-06-01"),
            "type": "contract_amended",
            "price_change": 100,
            "add": [line("A", date("2025-07-01"))],
        },
    )
    assert inbox.refusals == []
    assert inbox.state.facts.terms[-1].more is None
