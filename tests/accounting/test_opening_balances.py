"""Contracts that ran elsewhere: what was earned stays, the rest is earned from the cutover on, nothing is posted twice."""

import datetime as dt
from decimal import Decimal

import pytest
from accounting.agreements import agreed, component, day, item, performed, revenue, version
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.accounting.layers import fold
from tieout.agents.accounting.opening_balances import is_over, still_to_earn
from tieout.agents.accounting.targets import Targets
from tieout.avro.commands import JournalPost, SalesOrderCreate

SERVICE = item("S", "time", 1200, start="2025-01-01", end="2025-12-31")
GOODS = item("G", "point", 600)
JUNE = "2025-06-30"


def opening(pool, *lines, **earned):
    told = version(1, JUNE, pool, *lines, earned=tuple(sorted(earned.items())))
    return replace(told, kind="opening")


def shares(facts):
    return {share.po: (share.base, share.amount) for share in fold(facts).layers.steps[-1].shares}


def test_what_was_earned_stays_and_the_rest_is_earned_from_the_cutover_on():
    facts = agreed([opening(1200, SERVICE, S=500)])
    assert revenue(facts, JUNE) == {"S": 500}
    assert revenue(facts, "2025-07-31") == {"S": 617}
    assert revenue(facts, "2025-12-31") == {"S": 1200}
    assert revenue(facts, "2025-06-29") == {}


def test_a_line_that_begins_later_earns_its_share_from_its_own_first_day():
    later = item("L", "time", 600, start="2025-10-01", end="2025-12-31")
    facts = agreed([opening(1800, SERVICE, later, S=600)])
    assert shares(facts) == {"S": (600, 600), "L": (0, 600)}
    assert revenue(facts, "2025-10-31") == {"S": 1000, "L": 200}


def test_what_is_over_keeps_what_it_earned_and_the_rest_goes_to_what_is_not():
    ended = item("E", "time", 600, start="2025-01-01", end=JUNE)
    # 1,800 over 1,200 and 600; the ended line earned 590, the goods of nothing: 10 more for the service.
    assert shares(agreed([opening(1800, SERVICE, ended, S=600, E=590)])) == {"S": (600, 610), "E": (590, 0)}


def test_what_is_left_is_split_by_what_each_promise_has_left():
    other = item("O", "time", 1200, start="2025-01-01", end="2025-12-31")
    left = still_to_earn([SERVICE, other], {"S": 300, "O": 900}, {"S": 1200, "O": 1200}, day(JUNE))
    assert left == {"S": 900, "O": 300}
    ended = item("E", "time", 600, start="2025-01-01", end=JUNE)
    left = still_to_earn(
        [SERVICE, other, ended], {"S": 300, "O": 900, "E": 400}, {"S": 1200, "O": 1200, "E": 600}, day(JUNE)
    )
    assert left == {"S": 1050, "O": 350}
    assert still_to_earn([ended], {}, {"E": 600}, day(JUNE)) == {}


@pytest.mark.parametrize(
    ("line", "earned", "share", "over"),
    [
        (item("E", "time", start="2025-01-01", end=JUNE), 0, 600, True),
        (item("E", "time", start="2025-01-01", end="2025-07-01"), 599, 600, False),
        (item("E", "time", start="2025-01-01", end="2025-07-01"), 600, 600, True),
        (GOODS, 600, 600, True),
        (GOODS, 599, 600, False),
        (GOODS, 0, 0, False),
        (item("U", "units", end=JUNE), 599, 600, False),
    ],
)
def test_a_promise_is_over_when_its_service_ended_or_all_of_it_was_earned(line, earned, share, over):
    assert is_over(line, earned, share, day(JUNE)) is over


def test_an_estimate_of_the_first_price_concerns_the_past_by_what_was_earned():
    bonus = component("B", 1, "2025-09-01", 180)
    facts = agreed([opening(1800, SERVICE, GOODS, S=300, G=600)], [bonus])
    # 120 for the service, of which a quarter was earned; 60 for the goods, which were there.
    assert shares(facts) == {"S": (330, 990), "G": (660, 0)}
    assert revenue(facts, "2025-08-31")["S"] == 600


def test_units_go_on_from_where_they_stood():
    units = item("U", "units", 1200, qty=10)
    done = {"U": performed(moved=[(JUNE, 4), ("2025-08-01", 3)])}
    facts = agreed([opening(1200, units, U=480)], done=done)
    assert revenue(facts, JUNE) == {"U": 480}
    assert revenue(facts, "2025-08-01") == {"U": 840}


def test_a_version_after_the_cutover_shares_what_is_left():
    added = item("A", "time", 600, start="2025-10-01", end="2025-12-31")
    facts = agreed([opening(1200, SERVICE, S=600), version(2, "2025-10-01", 300, added)])
    assert shares(facts) == {"S": (900, 200), "A": (0, 400)}


# Through the event interface.

YEAR, END, CUTOVER = dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2025, 7, 1)


def line(po="A", **fields):
    return {"po": po, "measure": "time", "from": YEAR, "to": END, "ssp": 1200, **fields}


def midlife(*lines, price=1200, **fields):
    stated = {"at": CUTOVER, "type": "contract_opened_midlife", "price": price, "lines": list(lines)}
    return {**stated, **fields}


def inbox_of(*events, **data):
    given = Given({"events": list(events), "expect": {}, **data})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def codes(*events, **data):
    return [code for code, _ in inbox_of(*events, **data).refusals]


PLAIN = midlife(line(), earned={"A": 600}, billed=1200, paid=900)


def totals(inbox):
    return {
        (each.account_class, each.po): sum(each.movements) for each in inbox.state.ledger.accounts[0].series
    }


@pytest.mark.parametrize(
    "run_before", [None, dt.date(2025, 5, 31), dt.date(2025, 6, 30), dt.date(2025, 7, 10)]
)
def test_the_ledger_holds_opening_balances_and_journals_hold_none_of_them(run_before):
    given = Given({"events": [PLAIN], "expect": {}})
    inbox = Inbox(given.reference())
    if run_before is not None:
        inbox.run(day_of(run_before))
    inbox.deliver(*given.steps())
    assert totals(inbox)[("revenue", "A")] >= 600_00
    inbox.run(day_of(dt.date(2025, 7, 31)))
    lines = [each for said in inbox.commands if isinstance(said, JournalPost) for each in said.lines]
    assert {each.service_period for each in lines} == {"2025-07"}
    assert sum(each.credit_minor for each in lines if each.account_class == "revenue") == 100_00
    assert totals(inbox) == {("revenue", "A"): 700_00, ("contract_liability", ""): -700_00}


def test_a_run_up_to_a_day_before_a_cutover_in_its_month_posts_nothing():
    inbox = inbox_of(PLAIN | {"cutover": dt.date(2025, 7, 16), "earned": {"A": 650}})
    before = inbox.state.ledger
    for through in (dt.date(2025, 6, 30), dt.date(2025, 7, 10), dt.date(2025, 7, 15)):
        inbox.run(day_of(through))
        assert inbox.state.ledger == before
    inbox.run(day_of(dt.date(2025, 7, 31)))
    assert inbox.state.ledger != before


def test_an_opening_says_its_customer_its_order_its_price_and_why():
    inbox = inbox_of(PLAIN)
    assert [each.header.kind for each in inbox.commands] == ["customer.upsert", "sales_order.create"]
    order = next(each for each in inbox.commands if isinstance(each, SalesOrderCreate))
    assert order.header.posting_date == day_of(CUTOVER)
    assert [(each.kind, each.amount_minor, each.period) for each in inbox.revenue] == [
        ("booked", 1200_00, "2025-07")
    ]
    (decided,) = inbox.recorded
    inputs = {each.name: each.value for each in decided.inputs}
    assert (decided.event_type, decided.treatment) == ("contract_opened_midlife", "inception")
    assert (inputs["frozen/A"], inputs["allocated/A"]) == ("60000", "60000")


def test_facts_of_a_contract_that_came_over_are_dated_from_the_cutover_on():
    invoice = {"type": "invoice_posted", "id": "I1", "amount": 1}
    assert codes(PLAIN, {**invoice, "at": dt.date(2025, 6, 30)}) == ["DATES_INVALID"]
    assert codes(PLAIN, {**invoice, "at": CUTOVER}) == []
    other = {
        "at": YEAR,
        "type": "contract_activated",
        "contract": "C2",
        "price": 1,
        "lines": [line("B", ssp=1)],
    }
    assert codes(PLAIN, other, {**invoice, "at": YEAR, "contract": "C2"}) == []
    amended = {"type": "contract_amended", "price_change": 1, "change": [{"po": "A", "price_change": 1}]}
    assert codes(PLAIN, {**amended, "at": dt.date(2025, 6, 30)}) == ["DATES_INVALID"]
    early = {**amended, "at": CUTOVER, "approved": dt.date(2025, 6, 30)}
    assert codes(PLAIN, early, policy={"modification_date": "approved"}) == ["DATES_INVALID"]


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (midlife(line(), earned={"X": 1}), "EVIDENCE_UNKNOWN_PO"),
        (midlife(line(), earned={"A": -1}), "VALUE_INVALID"),
        (midlife(line(), earned={"A": 600}, billed=-1), "VALUE_INVALID"),
        (midlife(line(), earned={"A": 600}, paid=-1), "VALUE_INVALID"),
        (midlife(line(), earned={"A": 1201}), "AMOUNT_MISMATCH"),
        (midlife(line(), line("B"), price=2400, earned={"A": 1201}), "AMOUNT_MISMATCH"),
        (midlife(line(to=dt.date(2025, 6, 30)), earned={"A": 1199}), "AMOUNT_MISMATCH"),
        (midlife(line(**{"from": CUTOVER}), earned={"A": 1}), "DATES_INVALID"),
        (midlife(line(measure="cost"), earned={"A": 1}), "EVENT_UNSUPPORTED"),
        (midlife(line(), combine_with="C2"), "EVENT_UNSUPPORTED"),
        (midlife(line(), liability_rate=Decimal("1.1")), "EVENT_UNSUPPORTED"),
        (midlife(line(), approved=None), "APPROVAL_MISSING"),
    ],
    ids=[
        "unknown line", "negative", "billed", "paid", "over the price", "over the share", "nothing left", "not begun",
        "cost", "combined", "rate", "not approved",
    ],
)  # fmt: skip
def test_an_opening_that_does_not_add_up_is_refused_by_name(event, code):
    assert codes(event) == [code]


def test_an_opening_in_a_foreign_currency_or_of_a_known_contract_is_refused():
    assert codes(PLAIN | {"currency": "EUR"}) == ["EVENT_UNSUPPORTED"]
    assert codes(PLAIN, policy={"ar_owner": "billing_summary"}) == ["EVENT_UNSUPPORTED"]
    entities = {"US": {"functional": "USD"}, "UK": {"functional": "GBP"}}
    shared = midlife(line(), line("B", entity="UK"), price=2400, earned={"A": 600, "B": 600})
    assert codes(shared, entities=entities) == ["EVENT_UNSUPPORTED"]
    known = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [line("B")]}
    assert codes(known, PLAIN) == codes(PLAIN, PLAIN) == ["VERSION_BASE_MISMATCH"]


@pytest.mark.parametrize("end", [END, dt.date(2025, 6, 30)])
def test_a_contract_comes_over_with_all_of_its_price_earned(end):
    inbox = inbox_of(midlife(line(to=end), earned={"A": 1200}))
    assert inbox.refusals == []
    position = Targets(inbox.state, inbox.state.group.arrangements[0]).at(day_of(END))
    assert (position.recognised, position.contract_asset) == (1200_00, 1200_00)


def test_what_was_paid_beyond_what_was_billed_is_an_advance():
    inbox = inbox_of(midlife(line(), earned={"A": 600}, billed=500, paid=800))
    position = Targets(inbox.state, inbox.state.group.arrangements[0]).at(day_of(dt.date(2025, 6, 30)))
    assert (position.due, position.contract_liability) == (800_00, 200_00)


def test_goods_that_were_there_are_not_owed_again_and_gates_are_open():
    lines = [
        line("G", measure="point", gate="acceptance", **{"from": None, "to": None}),
        line("S", gate="access"),
        line("K", measure="point", incoterm="shipping_point", **{"from": None, "to": None}),
    ]
    lines = [{key: value for key, value in each.items() if value is not None} for each in lines]
    inbox = inbox_of(midlife(*lines, price=3600, earned={"G": 1200, "S": 600, "K": 1200}))
    assert inbox.refusals == []
    assert {(each.po, each.kind) for each in inbox.state.facts.evidence} == {
        ("G", "accepted"), ("G", "delivered"), ("S", "access"), ("K", "shipped"),
    }  # fmt: skip
    targets = Targets(inbox.state, inbox.state.group.arrangements[0])
    assert targets.at(day_of(dt.date(2025, 7, 31))).revenue == {"G": 1200_00, "S": 700_00, "K": 1200_00}


def test_units_earned_stand_for_whole_units_of_the_line():
    units = line("U", measure="units", qty=3, ssp=1000)
    inbox = inbox_of(midlife(units, price=1000, earned={"U": Decimal("333.33")}))
    (moved,) = inbox.state.facts.evidence
    assert (moved.qty, moved.at) == (1_000_000, day_of(dt.date(2025, 6, 30)))
