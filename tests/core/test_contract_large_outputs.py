"""Outputs stay within their schemas, however many lines and periods a decision moves."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.agents.contracts import journals as writing
from tieout.agents.contracts.telling import INPUTS_MAX
from tieout.avro.commands import JournalPost

YEAR = dt.date(2025, 1, 1)
LINES = [
    {"po": f"L{place:02}", "measure": "time", "from": YEAR, "to": dt.date(2026, 12, 31), "ssp": 700}
    for place in range(50)
]
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 35_000, "lines": LINES}


def inbox_with(*described):
    inbox = Inbox(Given({"events": [], "expect": {}}).reference())
    steps = Given({"events": [ACTIVATION, *described], "expect": {}}).steps()
    return inbox, list(steps)


def late(inbox, steps):
    inbox.close("2026-11")
    inbox.run(day_of("2026-12"))
    for step in steps:
        inbox.deliver(step)
    return [each for each in inbox.commands if isinstance(each, JournalPost)]


def test_a_journal_beyond_five_hundred_lines_becomes_several_that_balance(codec):
    journals = late(*inbox_with())
    in_one_period = [each for each in journals if each.header.posting_period == "2026-12"]
    assert [len(each.lines) for each in in_one_period] == [459, 459, 306]
    for journal in journals:
        assert sum(line.debit_minor - line.credit_minor for line in journal.lines) == 0
        assert codec.decode(codec.encode(journal)) == journal
    assert [each.header.lane_seq for each in journals] == list(range(1, len(journals) + 1))
    assert len({each.header.command_id for each in journals}) == len(journals)


def test_split_journals_add_up_to_what_one_would_have_said(monkeypatch):
    split = late(*inbox_with())
    monkeypatch.setattr(writing, "JOURNAL_LINES_MAX", 10**6)
    (whole,) = late(*inbox_with())

    def said(journals):
        return [
            (line.account_class, line.po, line.service_period, line.debit_minor, line.credit_minor)
            for each in journals
            for line in each.lines
        ]

    assert said(split) == said([whole])


@pytest.mark.parametrize(("kept", "further"), [(50, 91), (20, 61)])
def test_a_decision_with_many_inputs_folds_the_last_into_one(codec, kept, further):
    """Stated are three, then which lines remain, the pool, and what each of the fifty has before and from now on."""
    change = {"at": dt.date(2025, 3, 1), "type": "contract_amended", "price_change": 60}
    gone = [line["po"] for line in LINES[kept:]]
    inbox, steps = inbox_with({**change, "remove": gone, "change": [{"po": "L00", "qty": 2}]})
    late(inbox, steps)
    (decision,) = inbox.recorded
    assert len(decision.inputs) == INPUTS_MAX
    assert further == 3 + kept + 1 + 2 * len(LINES) - (INPUTS_MAX - 1)
    last = decision.inputs[-1]
    assert (last.name, last.value.split(",")[0]) == ("further", f"{further} inputs")
    assert codec.decode(codec.encode(decision)) == decision
