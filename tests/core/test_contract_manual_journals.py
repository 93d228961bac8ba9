"""Journals of people: posted as stated, never corrected back, taken back once as a whole; bad ones refused by name."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.agents.contracts.limits import SUM_MAX
from tieout.avro.commands import JournalPost, JournalReverse
from tieout.avro.control import PeriodClosed, PeriodSoftClosed

YEAR, MARCH = dt.date(2025, 1, 1), dt.date(2025, 3, 1)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}
DEBIT, CREDIT = {"class": "contract_asset", "debit": 50}, {"class": "revenue", "po": "S", "credit": 50}


def manual(**stated):
    return {
        "at": MARCH,
        "type": "manual_adjustment",
        "id": "A1",
        "period": "2025-03",
        "reason": "cut-off",
        "lines": [DEBIT, CREDIT],
        **stated,
    }


def told(*described, more=()):
    """An inbox with the contract, the events delivered in this order."""
    given = Given({"events": [ACTIVATION, *more, *described], "expect": {}})
    inbox = Inbox(given.reference())
    for event in given.steps():
        inbox.deliver(event)
    return inbox


def refused(inbox):
    return [*(refusal.code for _, refusal in inbox.parked), *(code for code, _ in inbox.refusals)]


BACK = {"id": "R1", "reverses": "A1", "lines": []}
BAD = {
    "no line": ({"lines": []}, "VALUE_INVALID"),
    "one side alone": ({"lines": [DEBIT]}, "VALUE_INVALID"),
    "sides that differ": ({"lines": [DEBIT, {**CREDIT, "credit": 49}]}, "VALUE_INVALID"),
    "a line with both sides": (
        {"lines": [DEBIT, CREDIT, {"class": "cash", "debit": 1, "credit": 1}]},
        "VALUE_INVALID",
    ),
    "a line with no side": ({"lines": [DEBIT, CREDIT, {"class": "cash"}]}, "VALUE_INVALID"),
    "a negative side": ({"lines": [{**DEBIT, "debit": -50}, {**CREDIT, "credit": -50}]}, "VALUE_INVALID"),
    "a book that nobody keeps": ({"book": "tax"}, "VALUE_INVALID"),
    "a blank reason": ({"reason": " "}, "VALUE_INVALID"),
    "a blank approver": ({"approver": ""}, "VALUE_INVALID"),
    "a reversal on its own day": ({"reversed_on": MARCH}, "DATES_INVALID"),
    "another currency": ({"currency": "EUR"}, "CURRENCY_MIXED"),
    "a class without account": ({"lines": [{**DEBIT, "class": "suspense"}, CREDIT]}, "ACCOUNT_UNMAPPED"),
    "a line that the contract lacks": ({"lines": [DEBIT, {**CREDIT, "po": "X"}]}, "EVIDENCE_UNKNOWN_PO"),
    "more than all contracts are worth": (
        {"lines": [{**DEBIT, "debit": SUM_MAX // 100 + 1}, {**CREDIT, "credit": SUM_MAX // 100 + 1}]},
        "LIMIT_EXCEEDED",
    ),
    "near the end of 64 bits": (
        {"lines": [{**DEBIT, "debit": 2**62 // 100 + 1}, {**CREDIT, "credit": 2**62 // 100 + 1}]},
        "VALUE_INVALID",
    ),
    "a reversal of nothing": (BACK, "CREDIT_UNREFERENCED"),
}


@pytest.mark.parametrize(("stated", "code"), BAD.values(), ids=BAD)
def test_what_cannot_be_a_journal_is_refused_by_name_and_nothing_is_posted(stated, code):
    inbox = told(manual(**stated))
    assert refused(inbox) == [code]
    assert not inbox.state.ledger.manual
    assert not [each for each in inbox.commands if isinstance(each, JournalPost | JournalReverse)]


BAD_REVERSALS = {
    "twice": ([{}, {"id": "R2"}], ["VALUE_INVALID"]),
    "of a reversal": ([{}, {"id": "R2", "reverses": "R1"}], ["VALUE_INVALID"]),
    "of one that reverses itself": ([{}], ["VALUE_INVALID"]),
    "of another service period": ([{"period": "2025-04"}], ["VALUE_INVALID"]),
    "to be reversed in its turn": ([{"reversed_on": dt.date(2025, 5, 1)}], ["VALUE_INVALID"]),
    "with the journal's own lines": ([{"lines": [DEBIT, CREDIT]}], ["VALUE_INVALID"]),
}


@pytest.mark.parametrize("name", BAD_REVERSALS)
def test_a_journal_is_taken_back_once_as_a_whole_and_in_its_own_service_period(name):
    reversals, codes = BAD_REVERSALS[name]
    first = manual(reversed_on=dt.date(2025, 4, 1)) if name == "of one that reverses itself" else manual()
    inbox = told(first, *(manual(**{**BACK, **each}) for each in reversals))
    assert refused(inbox) == codes


def test_a_reversal_may_state_the_mirror_of_its_journal():
    mirror = [{"class": "revenue", "po": "S", "debit": 50}, {"class": "contract_asset", "credit": 50}]
    inbox = told(manual(), manual(**{**BACK, "lines": mirror, "at": dt.date(2025, 4, 2)}))
    assert refused(inbox) == []
    post, reverse = [each for each in inbox.commands if isinstance(each, JournalPost | JournalReverse)]
    assert reverse.reversed_command_id == post.header.command_id
    assert reverse.header.after == (post.header.command_id,)
    assert (post.header.posting_period, reverse.header.posting_period) == ("2025-03", "2025-04")
    assert [(each.amount, each.reverses != "") for each in inbox.state.ledger.manual] == [
        (50_00, False), (50_00, False), (-50_00, True), (-50_00, True)
    ]  # fmt: skip
    manuals = [(each.kind, each.amount_minor, each.cumulative_after_minor) for each in inbox.revenue[-4:]]
    assert manuals == [("manual", 50_00, 50_00)] * 2 + [("manual", -50_00, 0)] * 2


def test_a_journal_is_not_replaced_by_another_under_its_id():
    again = manual(lines=[{**DEBIT, "debit": 60}, {**CREDIT, "credit": 60}])
    first, second = told(manual()), told(again)
    event = list(Given({"events": [ACTIVATION, again], "expect": {}}).steps())[1]
    first.deliver(replace(event, envelope=replace(event.envelope, object_version=2)))
    assert refused(first) == ["VALUE_INVALID"]
    assert refused(second) == []
    assert [each.amount for each in first.state.ledger.manual] == [50_00, 50_00]


def test_a_run_takes_no_manual_journal_back():
    inbox = told(manual())
    inbox.run(day_of("2025-12"))
    (earned,) = [each for each in inbox.state.ledger.accounts[0].series if each.account_class == "revenue"]
    assert earned.movement(2025 * 12 + 2) == 100_00
    assert [each.amount for each in inbox.state.ledger.manual] == [50_00, 50_00]


def test_functional_amounts_are_stated_for_every_line_and_balance():
    event = list(Given({"events": [ACTIVATION, manual()], "expect": {}}).steps())[1]
    debit, credit = event.lines

    def deliver(*lines):
        inbox = told()
        inbox.deliver(replace(event, lines=lines))
        return inbox

    whole = deliver(
        replace(debit, functional_debit_minor=60_00), replace(credit, functional_credit_minor=60_00)
    )
    assert [each.functional for each in whole.state.ledger.manual] == [60_00, 60_00]
    for functional in ({}, {"functional_credit_minor": 59_00}, {"functional_debit_minor": 60_00}):
        inbox = deliver(replace(debit, functional_debit_minor=60_00), replace(credit, **functional))
        assert refused(inbox) == ["VALUE_INVALID"], functional


def test_a_functional_amount_is_taken_back_with_its_journal():
    first, back = list(Given({"events": [ACTIVATION, manual(), manual(**BACK)], "expect": {}}).steps())[1:]
    debit, credit = first.lines
    stated = (replace(debit, functional_debit_minor=7), replace(credit, functional_credit_minor=7))
    inbox = told()
    inbox.deliver(replace(first, lines=stated))
    inbox.deliver(back)
    assert [each.functional for each in inbox.state.ledger.manual] == [7, 7, -7, -7]


@pytest.mark.parametrize(
    ("close", "subledger", "posted"),
    [
        (PeriodClosed, "receivables", "2025-03"),
        (PeriodSoftClosed, "revenue", "2025-03"),
        (PeriodSoftClosed, "general", "2025-04"),
        (PeriodClosed, "revenue", "2025-04"),
    ],
)
def test_a_journal_is_posted_where_the_period_is_open_for_people(close, subledger, posted):
    inbox = told()
    inbox.mark(lambda header: close(header, None, subledger, "2025-03"))
    inbox.deliver(list(Given({"events": [ACTIVATION, manual()], "expect": {}}).steps())[1])
    assert inbox.commands[-1].header.posting_period == posted


def test_a_journal_of_one_contract_is_not_taken_back_by_another():
    second = {**ACTIVATION, "contract": "C2", "lines": [{**LINE, "po": "T"}]}
    inbox = told(manual(), manual(**{**BACK, "contract": "C2"}), more=[second])
    assert refused(inbox) == ["CREDIT_UNREFERENCED"]
