"""Goal: what somebody changed in the ERP by hand is found, told once to its contract, and what we took back ourselves is not."""

from __future__ import annotations

import asyncio

import pytest
from contract_inbox import Inbox
from erp_conversation import accept, ack_of, commands
from msgspec.structs import replace
from posting.saying import command
from posting.test_posting_agent import scripted
from posting.world import World

from tieout.agents.posting.answers import Found, Refused
from tieout.agents.posting.backlog import backlog
from tieout.agents.posting.drift import Lately
from tieout.avro.commands import InvoiceVoid, JournalReverse
from tieout.streams.operate import erp_check
from tieout.streams.operate.erp_check import CheckStopped, Slowly, compared, has_to_post
from tieout.streams.operate.status import AccountStatus
from tieout.streams.sample_events import activated, invoiced

NOW = 1_750_000_000_000_000


def posted():
    """An inbox whose two invoices its ERP has, the commands, and the acknowledgements."""
    inbox = Inbox()
    inbox.put(activated(), invoiced("I1", 6_000_00), invoiced("I2", 6_000_00))
    accept(inbox, "customer.upsert", "sales_order.create")
    invoices = commands(inbox, "invoice.create")
    acks = [ack_of(each) for each in invoices]
    inbox.put(*acks)
    return inbox, invoices, acks


def known_of(invoices, acks, *further, most=10, told=()):
    lately = Lately(acks[0].erp_account, most)
    for event in (*acks, *told):
        lately.take(event)
    for said in (*invoices, *further):
        lately.say(said)
    return lately


def shown(asked, **other):
    header, ack = asked.command.header, asked.accepted
    found = Found(
        header.command_id, header.content_hash, ack.document_no, ack.posted_on, ack.posting_period, "posted"
    )
    return replace(found, **other)


def test_what_the_erp_shows_as_it_accepted_it_is_not_told():
    _, invoices, acks = posted()
    lately = known_of(invoices, acks)
    assert [lately.changed(each, shown(each), NOW) for each in lately.to_ask()] == [None, None]
    assert lately.changed(lately.to_ask()[0], shown(lately.to_ask()[0], content_hash=None), NOW) is None


@pytest.mark.parametrize(
    ("other", "status"),
    [
        ({"state": "reversed"}, "reversed"),
        ({"content_hash": "0" * 32}, "edited"),
        ({"posted_on": 20_201}, "edited"),
        ({"document_no": "IN2"}, "edited"),
        ({"state": "draft"}, "edited"),
    ],
)
def test_a_document_that_was_changed_by_hand_is_an_exception_of_its_contract(other, status):
    inbox, invoices, acks = posted()
    lately = known_of(invoices, acks)
    asked = lately.to_ask()[0]
    event = lately.changed(asked, shown(asked, **other), NOW)
    assert (event.status, event.document_no, event.amount_minor) == (
        status,
        acks[0].document_no,
        acks[0].amount_minor,
    )
    inbox.put(event)
    assert inbox.open_codes() == ["ERP_DRIFT"]
    assert lately.changed(asked, shown(asked, **other), NOW + 1) is None


def test_a_document_that_is_gone_after_it_was_edited_is_told_again_as_another_change():
    inbox, invoices, acks = posted()
    lately = known_of(invoices, acks)
    asked = lately.to_ask()[0]
    edited = lately.changed(asked, shown(asked, posted_on=20_201), NOW)
    again = known_of(invoices, acks, told=[edited])
    assert again.changed(asked, shown(asked, posted_on=20_201), NOW) is None
    gone = again.changed(asked, None, NOW + 5)
    assert (gone.status, gone.envelope.object_version) == ("deleted", 2)
    inbox.put(edited, gone)
    assert inbox.open_codes() == ["ERP_DRIFT"]
    assert inbox.outcomes()["applied"] == len(inbox.said("erp_commands")) + 5


def test_what_our_own_commands_take_back_is_no_drift():
    _, invoices, acks = posted()
    header = replace(invoices[0].header, command_id="f" * 32)
    void = InvoiceVoid(header, invoices[0].invoice_number, header.posting_date, None)
    reverse = JournalReverse(replace(header, command_id="e" * 32), "d" * 32, "wrong")
    lately = known_of(invoices, acks, void, reverse)
    first, second = lately.to_ask()
    assert lately.changed(first, shown(first, state="reversed"), NOW) is None
    assert lately.changed(second, shown(second, state="reversed"), NOW).status == "reversed"


def test_only_the_latest_documents_of_the_account_are_asked_about():
    _, invoices, acks = posted()
    assert [each.command for each in known_of(invoices, acks, most=1).to_ask()] == invoices[1:]
    elsewhere = replace(acks[0], erp_account="another")
    order = replace(acks[0], kind="sales_order.create")
    lately = known_of(invoices, acks[1:], told=[elsewhere, order])
    assert [each.command for each in lately.to_ask()] == invoices[1:]
    assert known_of(invoices[:1], acks).not_read == 1


class Shows:
    """An ERP of which only the reading is used; ``answers``: what the next calls come to."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.calls: list[int] = []

    async def find(self, asked):
        self.calls.append(len(asked))
        answer = self.answers.pop(0)
        return [answer] * len(asked) if answer is None or isinstance(answer, Refused) else answer


def look(erp, lately, *, batch_items=1):
    waits: list[int] = []
    told: list[str] = []

    async def spare_room() -> None:
        waits.append(len(erp.calls))

    async def tell(changed) -> None:
        told.extend(each.status for each in changed)

    pace = Slowly(per_second=10_000, batch_items=batch_items, spare_room=spare_room)
    work = compared(erp, "erp-us", lately, pace, lambda: NOW, tell)
    return work, waits, told


def test_each_call_waits_for_room_and_takes_as_many_as_the_erp_takes_at_once():
    _, invoices, acks = posted()
    lately = known_of(invoices, acks)
    erp = Shows(None)
    work, waits, told = look(erp, lately, batch_items=50)
    report = asyncio.run(work)
    assert (erp.calls, waits, told) == ([2], [0], ["deleted", "deleted"])
    assert (report.asked, report.calls, len(report.changed)) == (2, 1, 2)


def test_an_erp_that_has_had_enough_is_left_alone_and_asked_again(monkeypatch):
    monkeypatch.setattr(erp_check, "THROTTLED_SECONDS", 0.001)
    _, invoices, acks = posted()
    lately = known_of(invoices, acks)
    full = Refused("throttled", "NONE", "429", "too many")
    erp = Shows(full, replace(full, retry_after_ms=1), None, None)
    work, waits, told = look(erp, lately)
    assert asyncio.run(work).calls == 4
    assert (waits, told) == ([0, 3], ["deleted", "deleted"])


def test_an_erp_that_cannot_be_asked_ends_the_check_and_what_was_found_is_told():
    _, invoices, acks = posted()
    erp = Shows(None, Refused("auth", "NONE", "401", "who are you"))
    work, _, told = look(erp, known_of(invoices, acks))
    with pytest.raises(CheckStopped, match=r"erp-us cannot be asked \(auth, 401: who are you\)"):
        asyncio.run(work)
    assert told == ["deleted"]


def test_what_stands_behind_a_parked_command_does_not_keep_a_check_waiting():
    def status(**known):
        return AccountStatus(account="erp", slots=1, limit=1.0, calls_running=0, **known)

    world = World(scripted(invoice_1="permanent"))
    world.say(command("invoice-1", 1), command("invoice-2", 2))
    world.turn()
    found = backlog(world.task.lanes, world.now_ms, str)
    assert {row.standing for row in found.rows} == {"parked", "waiting"}
    oldest = found.movable_oldest_ms
    assert not has_to_post(status(backlog=found.rows, movable_oldest_seconds=oldest))
    assert has_to_post(status(movable_oldest_seconds=0.5))
    with pytest.raises(CheckStopped, match="tieout posting resume erp"):
        has_to_post(status(stopped="the ERP does not let us in", movable_oldest_seconds=0.5))
