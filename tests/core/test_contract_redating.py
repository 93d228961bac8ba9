"""Goal: what an ERP refuses for a closed period is posted once, into the first period that is open, with nothing else changed.

Method: contract agent, posting agent and an ERP with locked periods in one memory; what the ERP holds is compared with what
revenue events tell, and with what the same contract comes to where nothing is locked.
"""

from __future__ import annotations

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace
from posting.closed_loop import ClosedLoop, books, by_service, told
from posting.world import CODEC

from tieout.agents.contracts import erp_periods
from tieout.avro.canonical import content_hash
from tieout.avro.control import PeriodReopened
from tieout.avro.events import ErpAccepted, ErpRejected
from tieout.streams.operate.scenario.event_map import GROUP, TENANT
from tieout.tables import erp_answers
from tieout.tables.group_rows import state_rows

YEAR = dt.date(2025, 1, 1)
SEATS = {"po": "A", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31), "ssp": 1200}
UNITS = {"po": "B", "measure": "units", "qty": 10, "ssp": 1200}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 2400, "lines": [SEATS, UNITS]}


def delivered(at, qty=1):
    return {"at": at, "type": "goods_delivered", "id": f"d{at}", "po": "B", "qty": qty}


def decided(decision, code="ERP_PERIOD_CLOSED", fact=""):
    return {
        "at": dt.date(2025, 4, 2),
        "type": "exception_resolved",
        "id": f"{decision}{code}",
        "exception": f"{code}/{fact}",
        "decision": decision,
    }


class Story:
    """One contract in a loop; events are given as a scenario states them."""

    def __init__(self, *locked, policy=None, activation=ACTIVATION):
        self.stated = {"events": [activation], "expect": {}, "policy": policy or {}}
        self.inbox = Inbox(Given(self.stated).reference(), TENANT, GROUP)
        self.loop = ClosedLoop(self.inbox, *locked)
        (opening,) = Given(self.stated).steps()
        self.inbox.deliver(opening)

    def tell(self, *described):
        _, *events = Given({**self.stated, "events": [*self.stated["events"], *described]}).steps()
        for event in events:
            self.inbox.deliver(event)
        self.loop.pump()

    def run(self, *months):
        for month in months:
            self.inbox.run(day_of(month))
            self.loop.pump()
        return self

    def reopen(self, period):
        self.inbox.mark(lambda header: PeriodReopened(header, None, "revenue", period))
        self.loop.pump()

    def resolve(self, decision):
        (item,) = [each for each in self.inbox.exceptions if each.code == "ERP_PERIOD_CLOSED"][-1:]
        self.tell(decided(decision, fact=item.fact_id))

    def answers(self, kind):
        outputs = [each for world in self.loop.worlds.values() for each in world.harness.outputs]
        events = [CODEC.decode(each.value) for each in outputs if each.topic == "inbox"]
        return [each for each in events if isinstance(each, kind)]

    def hears_again(self, event, version):
        envelope = replace(event.envelope, object_version=version, event_id=f"again{version}")
        event = replace(event, envelope=envelope)
        self.inbox.deliver(replace(event, envelope=replace(envelope, content_hash=content_hash(event))))

    def journals(self):
        headers = [each.header for each in self.loop.journal]
        return [each.posting_period for each in headers if each.kind == "journal.post"]

    def open_codes(self):
        return [each.code for each in self.inbox.state.group.open_items]


def ties_out(story):
    assert books(story.loop.journal) == told(story.inbox.revenue)
    ids = [each.header.command_id for each in story.loop.journal]
    assert len(ids) == len(set(ids))
    assert story.loop.dead_letters == []
    assert not story.loop.standing()


QUARTER = ("2025-01", "2025-02", "2025-03")


def test_a_refused_journal_is_posted_once_into_the_first_open_period_with_its_service_period_kept():
    free, story = Story().run(*QUARTER), Story("2025-03").run(*QUARTER)
    assert story.journals() == ["2025-01", "2025-02", "2025-04"]
    ties_out(story)
    assert by_service(books(story.loop.journal)) == by_service(books(free.loop.journal))
    assert story.inbox.state.ledger == free.inbox.state.ledger
    assert story.inbox.state.facts == free.inbox.state.facts
    assert story.open_codes() == []


def test_what_was_told_for_the_closed_period_is_reversed_and_told_again():
    story = Story("2025-02").run("2025-01", "2025-02")
    recognised = [
        (each.period, each.posting_period, each.amount_minor, each.cumulative_after_minor)
        for each in story.inbox.revenue
        if each.kind == "recognised"
    ]
    assert recognised == [
        ("2025-01", "2025-01", 100_00, 100_00),
        ("2025-02", "2025-02", 100_00, 200_00),
        ("2025-02", "2025-02", -100_00, 100_00),
        ("2025-02", "2025-03", 100_00, 200_00),
    ]
    ids = [each.revenue_event_id for each in story.inbox.revenue]
    assert len(ids) == len(set(ids))
    posts = [each for each in story.inbox.commands if each.header.kind == "journal.post"]
    for event in story.inbox.revenue[-2:]:
        assert event.revenue_event_id in {line.revenue_event_id for line in posts[-1].lines}


def test_what_follows_does_not_run_into_the_period_again():
    story = Story("2025-03").run(*QUARTER)
    story.tell(delivered(dt.date(2025, 3, 9)))
    assert len(story.answers(ErpRejected)) == 1
    assert story.journals() == ["2025-01", "2025-02", "2025-04", "2025-04"]
    ties_out(story)


def test_several_refused_journals_of_a_lane_are_posted_in_their_order():
    story = Story("2025-01", "2025-02", "2025-03")
    for month in QUARTER:
        story.inbox.run(day_of(month))
    story.inbox.deliver(
        list(Given({**story.stated, "events": [ACTIVATION, delivered(dt.date(2025, 2, 9))]}).steps())[1]
    )
    story.loop.pump()
    posted = [each for each in story.loop.journal if each.header.kind == "journal.post"]
    assert [each.lines[0].service_period for each in posted] == ["2025-01", "2025-02", "2025-03", "2025-02"]
    assert {each.header.posting_period for each in posted} == {"2025-04"}
    ties_out(story)


def test_a_period_that_tieout_has_closed_meanwhile_is_no_matter():
    story = Story("2025-03").run("2025-01", "2025-02")
    story.inbox.run(day_of("2025-03"))
    story.inbox.close("2025-03")
    story.loop.pump()
    assert story.journals()[-1] == "2025-04"
    ties_out(story)


def test_a_late_refusal_of_a_replaced_command_does_nothing():
    story = Story("2025-03").run(*QUARTER)
    (refused,) = story.answers(ErpRejected)
    before = story.inbox.state
    story.hears_again(refused, 2)
    assert story.inbox.outcomes[-1] == "no_effect"
    assert story.inbox.state == before


def test_a_replaced_command_that_the_erp_holds_all_the_same_is_told_to_people():
    story = Story("2025-03").run(*QUARTER)
    (refused,) = story.answers(ErpRejected)
    accepted = next(each for each in story.answers(ErpAccepted) if each.kind == refused.kind)
    envelope = replace(accepted.envelope, object_id=refused.envelope.object_id, event_id="late")
    story.hears_again(replace(accepted, envelope=envelope), 1)
    assert story.open_codes() == ["ERP_DRIFT"]
    ties_out(story)


def test_a_reopened_period_is_posted_into_again():
    story = Story("2025-02", "2025-03").run(*QUARTER)
    assert story.journals() == ["2025-01", "2025-04", "2025-04"]
    story.loop.locked.clear()
    story.reopen("2025-03")
    story.tell(delivered(dt.date(2025, 3, 9)), delivered(dt.date(2025, 2, 9)))
    assert story.journals()[3:] == ["2025-03", "2025-03"]
    assert [each.first_day for each in story.inbox.state.erp.closed] == [day_of(dt.date(2025, 2, 1))]
    ties_out(story)


def test_a_period_in_which_the_erp_takes_something_is_open():
    story = Story("2025-03", policy={"erp_closed_period": "hold"}).run(*QUARTER)
    story.resolve("redate")
    assert story.inbox.state.erp.closed
    accepted = next(each for each in story.answers(ErpAccepted) if each.kind == "journal.post")
    march = replace(accepted, posted_on=day_of("2025-03"))
    story.hears_again(replace(march, envelope=replace(march.envelope, object_id="another")), 1)
    assert story.inbox.state.erp.closed == ()


def test_an_entity_may_hold_what_its_erp_refuses_until_a_person_decides():
    story = Story("2025-03", policy={"erp_closed_period": "hold"}).run(*QUARTER)
    assert story.open_codes() == ["ERP_PERIOD_CLOSED"]
    assert story.journals() == ["2025-01", "2025-02"]
    story.resolve("redate")
    assert story.open_codes() == []
    assert story.journals() == ["2025-01", "2025-02", "2025-04"]
    assert story.inbox.state.erp.held == ()
    ties_out(story)


def test_a_held_command_that_was_sent_again_is_dated_anew_only_when_it_was_refused_again():
    story = Story("2025-03", policy={"erp_closed_period": "hold"}).run(*QUARTER)
    (item,) = [each for each in story.inbox.exceptions if each.status == "open"]
    again = decided("redate", fact=item.fact_id)
    _, retry, redate = Given(
        {**story.stated, "events": [ACTIVATION, decided("retry", fact=item.fact_id), again]}
    ).steps()
    story.inbox.deliver(retry)
    story.inbox.deliver(redate)
    assert story.inbox.refusals[-1][0] == "VALUE_INVALID"
    story.loop.pump()
    assert len(story.answers(ErpRejected)) == 2
    story.tell({**again, "id": "once more"})
    assert story.journals()[-1] == "2025-04"
    ties_out(story)


def test_a_held_command_is_posted_where_it_was_meant_to_be_when_the_period_reopens():
    story = Story("2025-03", policy={"erp_closed_period": "hold"}).run(*QUARTER)
    story.loop.locked.clear()
    story.resolve("retry")
    assert story.journals() == list(QUARTER)
    assert story.open_codes() == []
    assert story.inbox.state.erp.held == ()
    ties_out(story)


def test_an_erp_that_refuses_every_period_is_a_person_s_matter():
    every = [f"{year}-{month:02}" for year in (2025, 2026) for month in range(1, 13)]
    story = Story(*every).run("2025-01")
    assert len(story.answers(ErpRejected)) == erp_periods.CLOSED_MAX + 1
    assert story.open_codes() == ["ERP_PERIOD_CLOSED"]
    assert story.journals() == []


def test_the_commands_that_a_group_remembers_are_bounded(monkeypatch):
    monkeypatch.setattr(erp_answers, "GONE_MAX", 2)
    story = Story(*QUARTER).run("2025-01")
    assert len(story.answers(ErpRejected)) == 3
    assert len(story.inbox.state.erp.replaced) == 2


def test_a_group_that_was_never_refused_keeps_no_row_for_it():
    free, story = Story().run(*QUARTER), Story("2025-03").run(*QUARTER)
    assert b"p" not in dict(state_rows(None, free.inbox.state))
    assert b"p" in dict(state_rows(None, story.inbox.state))


@pytest.mark.parametrize("stated", [{"arrangement_id": "C9@1"}, {"book": "ifrs"}, {"erp_account": "other"}])
def test_what_is_not_in_the_group_s_books_is_not_dated_anew(stated):
    story = Story("2025-03", policy={"erp_closed_period": "hold"}).run(*QUARTER)
    (refused,) = story.answers(ErpRejected)
    envelope = replace(refused.envelope, object_id="another")
    before = len(story.inbox.commands)
    free = Story().run(*QUARTER)
    free.hears_again(replace(refused, envelope=envelope, **stated), 1)
    assert free.open_codes() == ["ERP_PERIOD_CLOSED"]
    assert len(story.inbox.commands) == before


INVOICE = {
    "at": dt.date(2025, 3, 5),
    "type": "invoice_posted",
    "id": "I1",
    "amount": 600,
    "due": dt.date(2025, 4, 4),
}
MEMO = {
    "at": dt.date(2025, 3, 9),
    "type": "credit_memo_issued",
    "id": "M1",
    "amount": 60,
    "invoice": "I1",
    "reason": "billing_error",
}
MIRRORED = {"ar_owner": "billing_mirrored"}


def documents(story):
    return [
        (each.header.posting_period, each.header.posting_date, each.document_date)
        for each in story.loop.journal
        if each.header.kind in ("invoice.create", "credit_memo.create")
    ]


def billed(story):
    return [
        (each.period, each.posting_period, each.amount_minor, each.cumulative_after_minor)
        for each in story.inbox.revenue
        if each.kind == "billed"
    ]


def test_a_refused_document_is_posted_on_an_open_day_and_keeps_its_number_date_and_lines():
    free, story = Story(policy=MIRRORED), Story("2025-03", policy=MIRRORED)
    for each in (free, story):
        each.tell(INVOICE)
        each.run("2025-01")
    open_day = day_of(dt.date(2025, 4, 1))
    assert documents(story) == [("2025-04", open_day, day_of(dt.date(2025, 3, 5)))]
    moved, there = story.loop.journal[-2], free.loop.journal[-2]
    assert moved.header.kind == "invoice.create"
    assert moved == replace(there, header=moved.header)
    assert billed(story) == [
        ("2025-03", "2025-03", 600_00, 600_00),
        ("2025-03", "2025-03", -600_00, 0),
        ("2025-03", "2025-04", 600_00, 600_00),
    ]
    ids = [each.revenue_event_id for each in story.inbox.revenue]
    assert len(ids) == len(set(ids))
    assert story.inbox.state.documents == free.inbox.state.documents
    ties_out(story)


def test_the_next_document_of_a_closed_period_is_not_refused_again():
    story = Story("2025-03", policy=MIRRORED)
    story.tell(INVOICE)
    story.tell(INVOICE, MEMO)
    assert [period for period, _, _ in documents(story)] == ["2025-04", "2025-04"]
    assert len(story.answers(ErpRejected)) == 1
    assert billed(story)[-1] == ("2025-03", "2025-04", -60_00, 540_00)


def test_a_refused_credit_memo_is_dated_anew_behind_its_invoice():
    story = Story("2025-03", policy=MIRRORED)
    _, *events = Given({**story.stated, "events": [ACTIVATION, INVOICE, MEMO]}).steps()
    for event in events:
        story.inbox.deliver(event)
    story.loop.pump()
    assert [period for period, _, _ in documents(story)] == ["2025-04", "2025-04"]
    assert [each.header.kind for each in story.loop.journal[-2:]] == [
        "invoice.create",
        "credit_memo.create",
    ]
    assert len(story.answers(ErpRejected)) == 2
    ties_out(story)


def test_documents_and_journals_are_closed_apart():
    story = Story("2025-03", policy=MIRRORED)
    story.tell(INVOICE)
    story.loop.locked.clear()
    story.run("2025-01", "2025-02", "2025-03")
    assert story.journals() == list(QUARTER)


def test_a_document_that_a_group_does_not_know_stands():
    story = Story("2025-03", policy=MIRRORED)
    story.tell(INVOICE)
    (refused,) = story.answers(ErpRejected)
    envelope = replace(refused.envelope, object_id="another")
    story.hears_again(replace(refused, envelope=envelope, reference="I9"), 1)
    assert story.open_codes() == ["ERP_PERIOD_CLOSED"]
