"""Corrections and withdrawals through ``decide``: what they replace, what they are refused for, what is told."""

import datetime as dt
import random
from decimal import Decimal

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.avro.commands import (
    CustomerUpsert,
    JournalPost,
    SalesOrderCancel,
    SalesOrderCreate,
    SalesOrderHold,
    SalesOrderRelease,
    SalesOrderUpdate,
)

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)


def date(text):
    return dt.date.fromisoformat(text)


def line(po="S", start=YEAR, end=END, **fields):
    return {"po": po, "measure": "time", "from": start, "to": end, "ssp": 1000, "ssp_per": "month", **fields}


def activated(*lines, price=12000, **fields):
    return {
        "at": YEAR,
        "type": "contract_activated",
        "price": price,
        "lines": list(lines) or [line()],
        **fields,
    }


def version(kind, at, **fields):
    return {"at": date(at), "type": f"contract_{kind}", **fields}


def corrected(number, at="2025-11-01", name=None, **fields):
    stated = {"at": date(at), "type": "contract_corrected", "corrects": number, **fields}
    return stated if name is None else stated | {"id": name}


BARE = {"po": "S", "measure": "time", "from": YEAR, "to": END}
CANCELLED = version("cancelled", "2025-07-01", price_change=-6000)
RENEWED = version(
    "renewed",
    "2025-10-01",
    effective=date("2026-01-01"),
    price=12000,
    lines=[line("R", date("2026-01-01"), date("2026-12-31"))],
)
ADDED = version("amended", "2025-07-01", price_change=3000, add=[line("A", date("2025-07-01"))])
CHANGED = version("amended", "2025-08-01", price_change=-600, change=[{"po": "A", "to": date("2025-11-30")}])
SEPARATE = version("amended", "2025-07-01", price_change=6000, add=[line("A", date("2025-07-01"))])
OPEN = version(
    "amended", "2025-07-01", price_status="open", price_estimate=300, add=[line("A", date("2025-07-01"))]
)
RESIZED = version("amended", "2025-07-01", price_change=600, change=[{"po": "S", "qty": 2}], ssp={"S": 1000})
EXTENDED = version("amended", "2025-08-01", change=[{"po": "S", "to": date("2026-01-31")}])
SUSPENDED = version("suspended", "2025-05-01", to=date("2025-06-30"))


def told(*events):
    given = Given({"events": list(events), "expect": {}})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def accepted(*events):
    inbox = told(*events)
    assert (inbox.refusals, inbox.parked) == ([], [])
    return inbox


def contract(inbox):
    return inbox.state.contract("C1")


def orders(inbox, count):
    kinds = SalesOrderCancel | SalesOrderCreate | SalesOrderHold | SalesOrderRelease | SalesOrderUpdate
    return [each for each in inbox.commands if isinstance(each, kinds)][count:]


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([corrected(1, withdrawn=True)], "MOD_UNSUPPORTED"),
        ([corrected(0, price=1)], "VALUE_INVALID"),
        ([corrected(1, price_change=1)], "VALUE_INVALID"),
        ([corrected(1, access_end=END)], "VALUE_INVALID"),
        ([corrected(1, cleared=["price_minor"])], "VALUE_INVALID"),
        ([corrected(1, cleared=["nonsense"])], "VALUE_INVALID"),
        ([corrected(1, price=-1)], "VALUE_INVALID"),
        ([corrected(1, lines=[BARE, BARE | {"po": "T"}])], "SSP_MISSING"),
        ([corrected(1, approved=None)], None),
        ([CANCELLED, corrected(2, price_change=1)], "VALUE_INVALID"),
        ([CANCELLED, corrected(2, price_change=-12001)], "RECOGNISED_NEGATIVE"),
        ([version("amended", "2025-07-01", price_change=-1), corrected(2, price_change=-6001)], "MOD_NEGATIVE_REMAINING"),
        ([ADDED, CHANGED, corrected(2, withdrawn=True)], "MOD_OVERLAP"),
        ([ADDED, CHANGED, corrected(2, add=[line("A", date("2025-07-01"), qty=2)])], "MOD_OVERLAP"),
        ([ADDED, CHANGED, corrected(2, effective=date("2025-07-15"))], "MOD_OVERLAP"),
        ([ADDED, ADDED | {"add": [line("B", date("2025-07-01"))]}, corrected(2, add=[line("B", date("2025-07-01"))])], "VALUE_INVALID"),
        ([version("suspended", "2025-05-01"), version("resumed", "2025-07-01"), corrected(2, withdrawn=True)], "MOD_OVERLAP"),
        ([version("suspended", "2025-05-01"), version("resumed", "2025-07-01"), corrected(2, **{"from": date("2025-05-02")})], "MOD_OVERLAP"),
        ([ADDED, corrected(2, price_change=6000)], "EVENT_UNSUPPORTED"),
        ([RESIZED, EXTENDED, corrected(2, change=[{"po": "S", "qty": 3}])], "MOD_OVERLAP"),
        ([version("amended", "2025-07-01", price_change=-1), EXTENDED, corrected(2, remove=["S"])], "MOD_OVERLAP"),
        ([SEPARATE, corrected(2, price_change=3000)], "EVENT_UNSUPPORTED"),
        ([SEPARATE | {"price_change": 5900, "past_credit": 100}, corrected(2, withdrawn=True)], "EVENT_UNSUPPORTED"),
        ([OPEN, corrected(2, price_change=1)], "EVENT_UNSUPPORTED"),
        ([OPEN, corrected(2, withdrawn=True)], None),
    ],
)  # fmt: skip
def test_a_correction_that_cannot_be_is_refused_by_name(events, code):
    inbox = told(activated(), *events)
    assert [each for each, _ in inbox.refusals] == ([] if code is None else [code]), inbox.refusals


def test_a_correction_waits_for_the_version_that_it_corrects():
    inbox = told(activated(), corrected(2, price_change=-5000), corrected(3, withdrawn=True))
    assert [(refusal.code, refusal.retry) for _, refusal in inbox.parked] == [("SEQUENCE_GAP", "version")] * 2
    for step in list(Given({"events": [activated(), CANCELLED], "expect": {}}).steps())[1:]:
        inbox.deliver(step)
    assert [refusal.code for _, refusal in inbox.parked] == ["SEQUENCE_GAP"]
    assert inbox.state.facts.terms[-1].pool == -5000_00


def test_a_withdrawn_cancellation_brings_status_and_last_day_back():
    inbox = accepted(activated(), version("cancelled", "2025-07-01"), corrected(2, withdrawn=True))
    assert (contract(inbox).status, contract(inbox).watermark) == ("active", 2)
    assert accepted(
        activated(), version("cancelled", "2025-07-01"), corrected(2, withdrawn=True), RENEWED
    ).recorded[-1].treatment == "separate"  # fmt: skip


def test_a_withdrawn_renewal_or_extension_takes_its_end_with_it():
    extended = version("amended", "2025-07-01", change=[{"po": "S", "to": date("2026-03-31")}])
    for event in (RENEWED, extended):
        longer = accepted(activated(), event)
        shorter = accepted(activated(), event, corrected(2, withdrawn=True))
        assert contract(longer).last > contract(shorter).last == day_of(END)


def test_of_two_corrections_the_later_one_counts_and_starts_from_what_was_told_first():
    first = corrected(1, "2025-02-01", "K1", price=13200)
    second = corrected(1, "2025-03-01", "K2", lines=[line(end=date("2026-12-31"))])
    for events in ((first, second), (second, first)):
        (terms,) = accepted(activated(), *events).state.facts.terms
        assert terms.pool == 12000_00
        assert [item.last for item in terms.add] == [day_of(date("2026-12-31"))]


def test_of_corrections_of_one_day_the_object_and_its_version_decide():
    events = [
        corrected(1, "2025-02-01", name, price=price) for name, price in (("K1", 1), ("K3", 3), ("K2", 2))
    ]
    chance = random.Random(7)
    for _ in range(6):
        chance.shuffle(events)
        (terms,) = accepted(activated(), *events).state.facts.terms
        assert terms.pool == 3_00


def test_a_correction_that_says_nothing_brings_a_withdrawn_version_back():
    before = accepted(activated(), CANCELLED)
    inbox = accepted(
        activated(),
        CANCELLED,
        corrected(2, "2025-11-01", "K1", withdrawn=True),
        corrected(2, "2025-11-02", "K2"),
    )
    assert contract(inbox).status == "cancelled"
    assert [each.kind for each in inbox.state.facts.terms] == [each.kind for each in before.state.facts.terms]


def test_what_was_emitted_on_the_old_fact_is_not_erased_and_the_difference_is_posted():
    inbox = told(activated())
    inbox.run(day_of(date("2025-03-31")))
    inbox.close("2025-03")
    for step in list(Given({"events": [activated(), corrected(1, price=13200)], "expect": {}}).steps())[1:]:
        inbox.deliver(step)
    journals = [each for each in inbox.commands if isinstance(each, JournalPost)]
    assert {each.header.posting_period for each in journals[3:]} == {"2025-04"}
    assert {each.service_period for journal in journals[3:] for each in journal.lines} == {
        "2025-01",
        "2025-02",
        "2025-03",
    }
    assert (
        sum(each.credit_minor for journal in journals[3:] for each in journal.lines if each.po == "S")
        == 300_00
    )


def test_the_customer_of_a_contract_is_corrected_and_sent_again():
    inbox = accepted(activated(), corrected(1, customer="CUST2"))
    sent = [each.customer_id for each in inbox.commands if isinstance(each, CustomerUpsert)]
    assert sent == ["CUST1", "CUST2"]
    assert [each.customer_id for each in orders(inbox, 1)] == ["CUST2"]


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        (CANCELLED, [SalesOrderUpdate]),
        (ADDED, [SalesOrderUpdate]),
        (RENEWED, [SalesOrderCancel]),
        (SUSPENDED, [SalesOrderRelease, SalesOrderUpdate]),
    ],
)
def test_the_order_is_told_of_a_withdrawal(event, kinds):
    inbox = accepted(activated(), event)
    said = len(orders(inbox, 0))
    now = accepted(activated(), event, corrected(2, withdrawn=True))
    assert [type(each) for each in orders(now, said)] == kinds
    last = orders(now, said)[-1]
    if isinstance(last, SalesOrderUpdate):
        assert [(each.po, each.to_date) for each in last.lines] == [("S", day_of(END))]
        assert (last.total_minor, last.contract_version) == (12000_00, 2)


def test_the_order_is_told_of_a_correction():
    ended = accepted(activated(), CANCELLED, corrected(2, access_end=date("2025-08-31"), price_change=-4000))
    assert orders(ended, 2)[0].access_end_date == day_of(date("2025-08-31"))
    paused = accepted(activated(), SUSPENDED, corrected(2, to=date("2025-05-31")))
    assert (orders(paused, 2)[0].hold_from, orders(paused, 2)[0].hold_to) == (
        day_of(date("2025-05-01")),
        day_of(date("2025-05-31")),
    )


def test_a_correction_is_told_with_its_treatment_and_what_it_adds_to_the_price():
    inbox = accepted(activated(), CANCELLED, corrected(2, price_change=-4000))
    first, again = inbox.recorded
    assert (first.event_type, again.event_type) == ("contract_cancelled", "contract_corrected")
    assert (again.contract_version, again.treatment) == (2, "prospective")
    assert again.reasons[0] == "replaces what the version said before, and is no modification"
    booked = [each.amount_minor for each in inbox.revenue if each.kind == "booked"]
    assert booked == [12000_00, -6000_00, 2000_00]
    gone = accepted(activated(), CANCELLED, corrected(2, withdrawn=True))
    assert (gone.recorded[-1].treatment, gone.recorded[-1].contract_version) == ("none", 2)
    assert [each.amount_minor for each in gone.revenue if each.kind == "booked"][-1] == 6000_00


def test_the_first_version_corrected_is_no_modification():
    assert accepted(activated(), corrected(1, price=13200)).recorded == []


def test_what_was_told_of_a_line_that_is_withdrawn_counts_for_nothing_until_people_have_seen_it():
    added = version(
        "amended", "2025-07-01", price_change=500, add=[{"po": "P", "measure": "point", "ssp": 1000}]
    )
    delivered = {"at": date("2025-08-01"), "type": "goods_delivered", "po": "P"}
    inbox = accepted(activated(), added, delivered, corrected(2, "2025-09-01", "K1", withdrawn=True))
    assert [item.code for item in inbox.state.group.open_items] == ["EVIDENCE_UNKNOWN_PO"]
    inbox = accepted(
        activated(),
        added,
        delivered,
        corrected(2, "2025-09-01", "K1", withdrawn=True),
        corrected(2, "2025-09-02", "K2"),
    )
    assert inbox.state.group.open_items == ()


def test_an_estimate_of_a_version_that_is_withdrawn_waits_for_nothing_and_counts_for_nothing():
    estimate = {
        "at": date("2025-08-01"),
        "type": "variable_estimate_changed",
        "amount": 100,
        "reach": "version_2",
    }
    for events in ([estimate, corrected(2, withdrawn=True)], [corrected(2, withdrawn=True), estimate]):
        inbox = accepted(activated(), ADDED, *events)
        inbox.run(day_of(END))
        assert sum(each.amount_minor for each in inbox.revenue if each.kind == "recognised") == 12000_00


def test_what_a_correction_does_not_state_stays_as_it_was_told_to_the_last_decimal():
    seats = line(qty=Decimal("10.5"))
    more = version(
        "amended",
        "2025-07-01",
        price_change=600,
        change=[{"po": "S", "qty": Decimal("12.5"), "to": date("2026-01-31")}],
        ssp={"S": 990},
    )
    inbox = accepted(activated(seats), more, corrected(2, price_change=700))
    before = accepted(activated(seats), more)
    (told_first, told_now) = (each.state.facts.terms[-1] for each in (before, inbox))
    assert (told_first.change, told_first.ssp_now) == (told_now.change, told_now.ssp_now)
    assert (told_first.pool, told_now.pool) == (600_00, 700_00)


def test_what_a_correction_clears_was_never_stated():
    ended = version("cancelled", "2025-07-01", price_change=-6000, fee=500, access_end=date("2025-08-31"))
    inbox = accepted(activated(), ended, corrected(2, cleared=["fee_minor", "access_end_date"]))
    terms = inbox.state.facts.terms[-1]
    assert (terms.pool, terms.change, terms.drop) == (-6000_00, (), ("S",))


def test_a_version_that_is_dated_otherwise_counts_from_its_new_day():
    inbox = accepted(
        activated(),
        CANCELLED,
        corrected(2, effective=date("2025-10-01"), approved=date("2025-10-01"), price_change=-3000),
    )
    inbox.run(day_of(END))
    assert inbox.state.facts.terms[-1].at == day_of(date("2025-10-01"))
    assert [each.amount_minor for each in inbox.revenue if each.kind == "recognised"] == [1000_00] * 9


def test_an_arrangement_that_opens_on_another_day_is_netted_from_then_on():
    inbox = accepted(
        activated(),
        RENEWED,
        corrected(2, effective=date("2026-02-01"), lines=[line("R", date("2026-02-01"), date("2027-01-31"))]),
    )
    assert inbox.state.arrangement("C1@2").opened == day_of(date("2026-02-01"))
    assert contract(inbox).last == day_of(date("2027-01-31"))


@pytest.mark.parametrize(("day", "months"), [("2025-04-01", 3), ("2025-10-01", 9)])
def test_a_version_moved_to_another_day_moves_what_was_emitted_from_the_earlier_of_both_on(day, months):
    inbox = accepted(activated(), CANCELLED)
    inbox.run(day_of(END))
    moved = corrected(2, effective=date(day), approved=date(day), price_change=-(12 - months) * 1000)
    for step in list(Given({"events": [activated(), moved], "expect": {}}).steps())[1:]:
        inbox.deliver(step)
    assert inbox.refusals == []
    by_month = {}
    for each in inbox.revenue:
        if each.kind == "recognised":
            by_month[each.period] = by_month.get(each.period, 0) + each.amount_minor
    assert sum(1 for amount in by_month.values() if amount == 1000_00) == months
    assert sum(by_month.values()) == months * 1000_00


def test_a_version_counts_from_the_day_that_it_had_although_that_period_is_closed_by_now():
    inbox = Inbox(
        Given(
            {"events": [activated()], "expect": {}, "policy": {"modification_date": "first_open_period"}}
        ).reference()
    )
    first, reduced, again = Given(
        {
            "events": [
                activated(),
                version("amended", "2025-03-10", price_change=-900),
                corrected(2, price_change=-1000),
            ],
            "expect": {},
        }
    ).steps()
    inbox.deliver(first)
    inbox.deliver(reduced)
    inbox.run(day_of(date("2025-06-30")))
    inbox.close("2025-06")
    inbox.deliver(again)
    assert inbox.refusals == []
    assert [(each.at, each.pool) for each in inbox.state.facts.terms[1:]] == [
        (day_of(date("2025-03-10")), -1000_00)
    ]
