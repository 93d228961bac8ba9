"""A group that has reached a cap refuses the next fact by name, changes nothing, and goes on."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts import documents, limits
from tieout.agents.contracts.decision import Refused
from tieout.agents.contracts.facts import with_component, with_version_replaced
from tieout.agents.contracts.facts_work import with_work
from tieout.agents.contracts.ledger_size import ledger_bytes, ledger_bytes_at_most
from tieout.avro.commands import Cause
from tieout.tables import group_rows as rows
from tieout.tables.extent import extent_of
from tieout.tables.facts import Component
from tieout.tables.ledger import Held, Manual
from tieout.tables.work import UsageBucket, UsageDetail, Work, WorkLog

YEAR = dt.date(2025, 1, 1)
MARCH = dt.date(2025, 3, 1)
END = dt.date(2025, 12, 31)
TIME = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 700}
UNITS = {"po": "G", "measure": "units", "qty": 900, "ssp": 50, "ssp_per": "unit"}
USAGE = {"po": "U", "measure": "usage", "meter": "m"}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [TIME, UNITS, USAGE]}
PAYMENT = {"at": MARCH, "type": "payment_received", "id": "P1", "amount": 70}
GROWING = {
    "payments": PAYMENT,
    "deliveries": {"at": MARCH, "type": "goods_delivered", "id": "D1", "po": "G", "qty": 1},
    "usage": {"at": MARCH, "type": "usage_rated", "id": "U1", "meter": "m", "amount": 30},
    "document lines": {"at": MARCH, "type": "invoice_posted", "id": "I1", "amount": 10},
}


def told(*described, activation=ACTIVATION):
    return list(Given({"events": [activation, *described], "expect": {}}).steps())


def fresh():
    return Inbox(Given({"events": [], "expect": {}}).reference())


def numbered(event, number):
    """The same fact of another object."""
    name = f"{event.envelope.object_id}-{number}"
    event = replace(event, envelope=replace(event.envelope, object_id=name))
    return replace(event, invoice_number=name) if hasattr(event, "due_date") else event


def goes_on(inbox):
    """A run and a fact of another kind still count."""
    inbox.run(day_of("2025-12"))
    *_, small = told({"at": MARCH, "type": "usage_rated", "id": "U-last", "meter": "m", "amount": 1})
    inbox.deliver(replace(small, usage_from=0))
    assert inbox.outcomes[-1] == "applied", inbox.refusals


@pytest.mark.parametrize("kind", GROWING)
def test_a_row_of_facts_has_a_last_fact_and_the_group_goes_on(kind, monkeypatch):
    monkeypatch.setattr(limits, "ROW_BYTES_MAX", 4096)
    activation, fact = told(GROWING[kind])
    inbox = fresh()
    inbox.deliver(activation)
    number = 0
    while not inbox.refusals:
        number += 1
        inbox.deliver(numbered(fact, number))
        assert number < 200, "no cap"
    assert inbox.refusals[0][0] == "LIMIT_EXCEEDED"
    assert max(len(value) for _, value in rows.state_rows(None, inbox.state)) <= 4096
    goes_on(inbox)


def test_a_group_has_a_last_contract(monkeypatch):
    monkeypatch.setattr(limits, "ROW_BYTES_MAX", 16_384)
    (activation,) = told()
    inbox = fresh()
    for number in range(200):
        name = f"C{number}"
        inbox.deliver(
            replace(activation, envelope=replace(activation.envelope, object_id=name, contract_id=name))
        )
    assert {code for code, _ in inbox.refusals} == {"LIMIT_EXCEEDED"}
    inbox.run(day_of("2025-12"))
    assert max(len(value) for key, value in rows.state_rows(None, inbox.state) if key != b"f") <= 16_384


def test_versions_times_lines_have_an_end_before_their_row_outgrows_the_changelog(monkeypatch):
    monkeypatch.setattr(limits, "ROW_BYTES_MAX", 8192)
    change = {"at": MARCH, "type": "contract_amended", "price_change": 1}
    steps = told(*[{**change, "change": [{"po": "S", "to": END}]} for _ in range(150)])
    inbox = fresh()
    for step in steps:
        if inbox.refusals:
            break
        inbox.deliver(step)
    assert [code for code, _ in inbox.refusals] == ["LIMIT_EXCEEDED"]
    goes_on(inbox)


@pytest.mark.parametrize("described", [{"to": dt.date(9999, 12, 31)}, {"from": dt.date(2, 1, 1)}])
def test_a_line_over_thousands_of_years_is_more_than_the_ledger_can_keep(described):
    wide = {**ACTIVATION, "lines": [{**TIME, **described}]}
    inbox = fresh()
    inbox.deliver(told(activation=wide)[0])
    assert [code for code, _ in inbox.refusals] == ["LIMIT_EXCEEDED"]


def test_the_ledger_never_takes_more_than_was_estimated():
    lines = [{**TIME, "po": f"L{place:02}", "to": dt.date(2034, 6, 30)} for place in range(20)]
    inbox = fresh()
    for step in told(PAYMENT, activation={**ACTIVATION, "price": 90_000_000, "lines": lines}):
        inbox.deliver(step)
    estimate = ledger_bytes(inbox.state, inbox.view())
    inbox.run(day_of(dt.date(2040, 1, 1)))
    assert len(dict(rows.state_rows(None, inbox.state))[b"l"]) <= estimate


@pytest.mark.parametrize("kind", ["payments", "usage", "document lines"])
def test_amounts_that_no_longer_fit_the_event_language_are_refused(kind):
    activation, fact = told(GROWING[kind])
    lines = {"lines": ()} if kind == "document lines" else {}
    large = replace(fact, amount_minor=10**16, **lines)
    inbox = fresh()
    inbox.deliver(activation)
    for number in range(12):
        inbox.deliver(numbered(large, number))
    assert [code for code, _ in inbox.refusals] == ["LIMIT_EXCEEDED"] * 2
    inbox.run(day_of("2025-12"))


def test_prices_that_no_longer_fit_the_event_language_are_refused():
    inbox = fresh()
    for number in range(12):
        activation = numbered(told(activation={**ACTIVATION, "price": 100_000_000_000_000})[0], number)
        contract = f"C{number}"
        inbox.deliver(replace(activation, envelope=replace(activation.envelope, contract_id=contract)))
    assert [code for code, _ in inbox.refusals] == ["LIMIT_EXCEEDED"] * 2


def test_the_extent_of_versions_is_their_span_their_lines_and_what_is_agreed():
    inbox = fresh()
    lines = [{**TIME, "po": "first"}, {**TIME, "po": "zweite\u00fc"}]
    inbox.deliver(told(activation={**ACTIVATION, "price": 12, "lines": lines})[0])
    extent = extent_of(inbox.state.facts, inbox.state.documents, inbox.state.usage)
    assert (extent.first, extent.last) == (day_of(YEAR), day_of(END))
    assert (extent.keys, extent.names_bytes, extent.agreed) == (2, 5 + 8, 1200)


def test_document_lines_are_counted_too(monkeypatch):
    monkeypatch.setattr(documents, "DOCUMENT_LINES_MAX", 2)
    activation, fact = told(GROWING["document lines"])
    inbox = fresh()
    inbox.deliver(activation)
    for number in range(3):
        inbox.deliver(numbered(fact, number))
    assert [code for code, _ in inbox.refusals] == ["LIMIT_EXCEEDED"]


def test_rated_amounts_are_counted_over_all_meters_and_days(monkeypatch):
    monkeypatch.setattr(limits, "RATED_MAX", 2)
    activation, fact = told(GROWING["usage"])
    inbox = fresh()
    inbox.deliver(activation)
    for number in range(3):
        inbox.deliver(replace(numbered(fact, number), usage_from=number))
    assert [code for code, _ in inbox.refusals] == ["LIMIT_EXCEEDED"]
    inbox.run(day_of("2025-12"))


def test_layers_that_outgrew_their_row_are_not_kept_and_the_group_books_the_same(monkeypatch):
    change = {"at": MARCH, "type": "contract_amended", "price_change": 60, "change": [{"po": "S", "qty": 2}]}
    steps = told(change, GROWING["deliveries"], GROWING["document lines"])
    commands = []
    for most in (rows.LAYERS_BYTES_MAX, 10):
        monkeypatch.setattr(rows, "LAYERS_BYTES_MAX", most)
        inbox = fresh()
        inbox.whole_checks = most > 10
        for step in steps:
            inbox.deliver(step)
        inbox.run(day_of("2025-12"))
        assert (dict(rows.state_rows(None, inbox.state))[b"f"] is None) == (most == 10)
        commands.append(inbox.commands)
    assert commands[0] == commands[1]


def test_the_caps_leave_room_in_a_changelog_record():
    assert limits.ROW_BYTES_MAX + 32 * 1024 <= 256 * 1024
    assert rows.LAYERS_BYTES_MAX < 256 * 1024


def test_what_a_group_adds_up_to_is_the_same_however_it_was_reached():
    change = {"at": MARCH, "type": "contract_amended", "price_change": 60, "change": [{"po": "S", "qty": 2}]}
    steps = told(change, *GROWING.values())
    *_, delivered, used, billed = (step for step in steps if step.envelope.event_type != "payment_received")
    paid = next(step for step in steps if step.envelope.event_type == "payment_received")
    again = [
        replace(each, envelope=replace(each.envelope, object_version=2, effective_date=day_of(YEAR)))
        for each in (paid, delivered, billed)
    ]
    later = replace(used, envelope=replace(used.envelope, object_version=2), usage_from=0, amount_minor=7)
    inbox = fresh()
    spans = set()
    late = numbered(paid, 2)
    late = replace(late, envelope=replace(late.envelope, effective_date=day_of(END) + 40))
    early = replace(late, envelope=replace(again[0].envelope, object_id=late.envelope.object_id))
    for step in (
        *steps,
        late,
        *again,
        early,
        later,
        *(numbered(step, 1) for step in (paid, delivered, used, billed)),
    ):
        inbox.deliver(step)
        state = inbox.state
        assert state.extent == extent_of(state.facts, state.documents, state.usage)
        assert ledger_bytes_at_most(state) >= ledger_bytes(state, inbox.view())
        assert len(rows._DOCUMENTS.encode(state.documents)) <= (
            state.extent.document_bytes + rows._AROUND_DOCUMENTS
        )
        spans.add((state.extent.first, state.extent.last))
    assert not inbox.refusals
    assert len(spans) == 2, "no fact has moved the span, or it stayed when the fact moved back"


CAUSE = Cause("inbox", 0, 1)


def test_work_on_a_promise_has_a_last_entry_by_count_and_by_bytes(monkeypatch):
    monkeypatch.setattr(limits, "WORK_MAX", 3)
    monkeypatch.setattr(limits, "ROW_BYTES_MAX", 200)
    entries = tuple(Work(f"w{number}", 1, "cost", 1, 0, 5, CAUSE) for number in range(4))
    limits.check_work_row(WorkLog("C1", "S", entries[:3]))
    with pytest.raises(Refused, match="more than 3"):
        limits.check_work_row(WorkLog("C1", "S", entries))
    with pytest.raises(Refused, match="bytes"):
        limits.check_work_row(WorkLog("C1", "S", (replace(entries[0], id="w" * 200),)))


def test_reported_usage_of_an_open_period_has_a_last_entry(monkeypatch):
    monkeypatch.setattr(limits, "USAGE_DETAILS_MAX", 2)
    details = tuple(UsageDetail(f"u{number}", 1, 1, 5, 0, "", CAUSE) for number in range(3))
    bucket = UsageBucket("C1", "m", 1, "C1@1", "U", (), details[:2])
    limits.check_usage_row(bucket)
    with pytest.raises(Refused, match="reported usage"):
        limits.check_usage_row(replace(bucket, details=details))


def test_price_changes_and_what_work_adds_up_to_have_an_end(monkeypatch):
    monkeypatch.setattr(limits, "COMPONENTS_MAX", 1)
    inbox = fresh()
    inbox.deliver(told()[0])
    before, view = inbox.state, inbox.view()
    once = with_component(before, Component("V", 1, "C1@1", 1, 5, "performed", "", CAUSE))
    limits.check_limits(before, once, view)
    with pytest.raises(Refused, match="price changes"):
        limits.check_limits(once, with_component(once, replace(once.facts.components[0], version=2)), view)
    worked, _ = with_work(before, "C1", "S", Work("w", 1, "cost", 1, 0, limits.SUM_MAX, CAUSE), {})
    limits.check_limits(before, worked, view)
    more, _ = with_work(worked, "C1", "S", Work("x", 1, "cost", 1, 0, 1, CAUSE), {})
    with pytest.raises(Refused, match="hours"):
        limits.check_limits(worked, more, view)


def test_room_in_the_ledger_is_for_each_book_each_entity_and_both_currencies():
    inbox = fresh()
    inbox.deliver(told()[0])
    plain, view = inbox.state, inbox.view()
    (arrangement,), (terms,) = plain.group.arrangements, plain.facts.terms
    performed = (replace(terms.add[0], entity="UK"), *terms.add[1:])
    books = replace(arrangement, policies=(("ifrs", 1),))
    foreign = replace(arrangement, currency="JPY")
    variants = [
        with_version_replaced(plain, (replace(terms, add=performed),)),
        replace(plain, group=replace(plain.group, arrangements=(books,))),
        replace(plain, group=replace(plain.group, arrangements=(foreign,))),
    ]
    one = ledger_bytes(plain, view)
    assert [ledger_bytes(each, view) > one for each in variants] == [True] * 3
    assert ledger_bytes(variants[1], view) == ledger_bytes(variants[2], view) == 2 * one
    assert all(ledger_bytes_at_most(each) >= ledger_bytes(each, view) for each in (plain, *variants))


def test_what_is_withheld_or_journalled_by_hand_takes_room_too():
    inbox = fresh()
    inbox.deliver(told()[0])
    plain, view = inbox.state, inbox.view()
    held = Held("C1@1", "primary", "", "revenue", "S", 1, 5, "LATE_MATERIAL")
    line = Manual("J", 1, "C1", "US", "primary", "revenue", "S", 1, 5, None, "", CAUSE)
    for ledger in (replace(plain.ledger, withheld=(held,)), replace(plain.ledger, manual=(line,))):
        beside = replace(plain, ledger=ledger)
        assert ledger_bytes(beside, view) > ledger_bytes(plain, view)
        assert ledger_bytes_at_most(beside) > ledger_bytes_at_most(plain)
