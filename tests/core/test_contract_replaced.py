"""A later version of a source object replaces the earlier one, whatever order they arrive in; names never collide."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.avro.events import LineChange

YEAR = dt.date(2025, 1, 1)
MARCH = dt.date(2025, 3, 1)
END = dt.date(2025, 12, 31)
TIME = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 700}
UNITS = {"po": "G", "measure": "units", "qty": 9, "ssp": 50, "ssp_per": "unit"}
USAGE = {"po": "U", "measure": "usage", "meter": "m"}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [TIME, UNITS, USAGE]}
INVOICE = {"at": MARCH, "type": "invoice_posted", "id": "I1", "amount": 100, "tax": 20}
MEMO = {"at": MARCH, "type": "credit_memo_issued", "id": "1001", "amount": 50, "reason": "sla_credit"}
FACTS = {
    "payment": {"at": MARCH, "type": "payment_received", "id": "P1", "amount": 70},
    "delivery": {"at": MARCH, "type": "goods_delivered", "id": "D1", "po": "G", "qty": 5},
    "usage": {"at": MARCH, "type": "usage_rated", "id": "U1", "meter": "m", "amount": 30},
}


def told(*described):
    return list(Given({"events": [ACTIVATION, *described], "expect": {}}).steps())


def played(steps, *, run="2025-06"):
    inbox = Inbox(Given({"events": [], "expect": {}}).reference())
    for step in steps:
        inbox.deliver(step)
    inbox.run(day_of(run))
    return inbox


def emitted(inbox):
    return {
        (account.arrangement, series.key, series.first + place): amount
        for account in inbox.state.ledger.accounts
        for series in account.series
        for place, amount in enumerate(series.movements)
        if amount
    }


def version(event, number, **changes):
    return replace(event, **changes, envelope=replace(event.envelope, object_version=number))


@pytest.mark.parametrize("reason", ["sla_credit", "rebate", "future_discount"])
def test_a_memo_whose_number_begins_with_anothers_leaves_its_price_effect_alone(reason):
    first = {**MEMO, "id": "1001/1", "amount": 100, "reason": reason}
    activation, one, other = told(first, {**MEMO, "reason": reason})
    for order in ((one, other), (other, one)):
        state = played([activation, *order]).state
        effects = [each.amount for each in state.facts.components]
        effects += [each.pool for each in state.facts.terms if each.kind == "price_only"]
        assert sorted(effects) == [-100_00, -50_00]


def test_a_contract_that_is_named_like_a_memo_keeps_its_versions():
    activation, memo = told({**MEMO, "reason": "future_discount"})
    other = replace(activation, envelope=replace(activation.envelope, contract_id="doc:1001"))
    inbox = Inbox(Given({"events": [], "expect": {}}).reference())
    for step in (activation, memo):
        inbox.deliver(step)
    inbox.deliver(replace(other, envelope=replace(other.envelope, object_id="doc:1001")))
    inbox.deliver(version(memo, 2, amount_minor=60_00, lines=()))
    assert [each.contract for each in inbox.state.facts.terms if each.kind == "activate"] == [
        "C1",
        "doc:1001",
    ]


@pytest.mark.parametrize("kind", FACTS)
def test_a_second_version_of_a_fact_replaces_the_first_in_any_order(kind):
    activation, first = told(FACTS[kind])
    amount = {"payment": "amount_minor", "delivery": "quantity", "usage": "amount_minor"}[kind]
    moved = {"usage_from": day_of("2025-01"), "usage_to": day_of("2025-02")} if kind == "usage" else {}
    second = version(first, 2, **{amount: getattr(first, amount) - 2}, **moved)
    alone = played([activation, second])
    for order in ((first, second), (second, first)):
        inbox = played([activation, *order])
        assert emitted(inbox) == emitted(alone)
        assert inbox.outcomes[-1] == ("no_effect" if order[0] is second else "applied")
    late = Inbox(Given({"events": [], "expect": {}}).reference())
    late.deliver(activation)
    late.deliver(first)
    late.run(day_of("2025-06"))
    late.deliver(second)
    assert emitted(late) == emitted(alone)


def test_a_delivery_that_is_corrected_downwards_leaves_room_for_another():
    activation, first, other = told(FACTS["delivery"], {**FACTS["delivery"], "id": "D2", "qty": 6})
    inbox = played([activation, first, version(first, 2, quantity=3), other])
    assert inbox.outcomes[1:4] == ["applied"] * 3
    assert sum(each.qty for each in inbox.state.facts.evidence) == 9_000_000


@pytest.mark.parametrize("described", [INVOICE, MEMO])
def test_a_document_that_is_renumbered_gives_up_its_old_number(described):
    activation, first = told(described)
    field = "memo_number" if described is MEMO else "invoice_number"
    second = version(first, 2, **{field: "another"})
    alone = played([activation, second])
    for order in ((first, second), (second, first)):
        inbox = played([activation, *order])
        assert {line.doc for line in inbox.state.documents.lines} == {"another"}
        assert emitted(inbox) == emitted(alone)
    billed = [
        each.amount_minor for each in played([activation, first, second]).revenue if each.kind == "billed"
    ]
    assert sum(billed) == (-50_00 if described is MEMO else 100_00)


def test_an_invoice_and_a_memo_of_one_object_are_two_documents():
    activation, invoice, memo = told(INVOICE, MEMO)
    same = replace(memo.envelope, object_id="I1", object_type=invoice.envelope.object_type)
    for order in ((invoice, replace(memo, envelope=same)), (replace(memo, envelope=same), invoice)):
        inbox = played([activation, *order])
        assert {line.doc for line in inbox.state.documents.lines} == {"I1", "1001"}


def test_a_memo_that_is_renumbered_takes_its_open_question_along():
    activation, first = told({name: value for name, value in MEMO.items() if name != "reason"})
    inbox = played([activation, first, version(first, 2, memo_number="another")])
    assert [(each.scope, each.status) for each in inbox.exceptions] == [
        ("doc:1001", "open"),
        ("doc:1001", "resolved"),
        ("doc:another", "open"),
    ]
    assert [item.fact for item in inbox.state.group.open_items] == ["doc:another"]


def test_a_number_that_another_document_has_is_refused_whatever_the_version():
    activation, first = told(INVOICE)
    other = version(first, 7)
    inbox = played([activation, first, replace(other, envelope=replace(other.envelope, object_id="I2"))])
    assert [code for code, _ in inbox.refusals] == ["ID_CONFLICT"]


def test_more_at_its_selling_price_counts_the_same_in_any_scale():
    line = {**TIME, "qty": 10, "ssp": 10, "ssp_per": "month"}
    only = {**ACTIVATION, "lines": [line]}
    change = {"at": dt.date(2025, 4, 1), "type": "contract_amended", "price_change": 450}
    ends = []
    for quantity, scale in ((15, 0), (150, 1)):
        given = Given({"events": [only, {**change, "change": [{"po": "S", "qty": 15}]}], "expect": {}})
        activation, amended = given.steps()
        stated = LineChange("S", quantity, scale, None, None, 450_00)
        inbox = played([activation, replace(amended, change=(stated,))])
        assert inbox.refusals == [], scale
        ends.append(emitted(inbox))
    assert ends[0] == ends[1]
    by_month = {period: amount for (_, key, period), amount in ends[0].items() if "revenue" in str(key)}
    assert sorted(by_month.values()) == [100_00] * 3 + [150_00] * 3, by_month


def test_a_settled_line_is_judged_by_all_that_it_earned():
    added = {"po": "A", "measure": "time", "from": dt.date(2025, 1, 21), "to": END, "ssp": 700}
    at = dt.date(2025, 1, 21)
    steps = told(
        {"at": at, "type": "contract_amended", "price_change": 200, "add": [added]},
        {"at": at, "type": "contract_cancelled", "price_change": -100, "access_end": dt.date(2025, 3, 2)},
        {**MEMO, "at": dt.date(2025, 3, 3), "amount": 4, "reason": "future_discount"},
    )
    plain, early = played(steps), played([steps[0], steps[1], steps[3], steps[2]])
    assert early.refusals == []
    assert emitted(early) == emitted(plain)


def test_of_many_lines_that_are_wrong_the_first_by_name_is_told():
    wrong = [{"po": f"X{place:02}", "qty": 2} for place in range(20)]
    steps = told({"at": MARCH, "type": "contract_amended", "price_change": 0, "change": wrong[::-1]})
    ((code, detail),) = played(steps).refusals
    assert (code, "'X00'" in detail) == ("EVIDENCE_UNKNOWN_PO", True), detail
