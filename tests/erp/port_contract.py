"""What every ERP adapter has to do, said once: an adapter's test module subclasses ``PortContract`` and gives a ``ground``.

Nothing here knows an ERP. Faults come from a wire between adapter and server, so that they are the same for a stand-in and
for a real ERP; amounts and documents are read back from the ERP's own books, never from the adapter.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, get_args

import pytest
from erp.contract_commands import ContractCommands, Names, hashed
from erp.wire import Wire, url_where_nobody_listens
from msgspec.structs import replace

from tieout.agents.posting.answers import Accepted, Answer, Found, Refused
from tieout.avro.commands import Command
from tieout.streams.edges.erp.port import Erp

KINDS = {each.KIND for each in get_args(Command)}
PATIENCE_SECONDS = 20.0
"""How long a call goes on in the ERP after the adapter gave it up, at the most."""
DEADLINE_SECONDS = 1.0
"""Of an adapter whose answers never come."""


class Ground(Protocol):
    """A running ERP with master data: accounts, an item, an open and a closed period, the entity's company."""

    names: Names
    url: str

    def connect(self, url: str, *, key: str | None = None, call_seconds_max: float = 30.0) -> Erp:
        """An adapter to the server at ``url``; ``key``: another secret than the right one. Called in the test's loop."""
        ...

    async def books(self) -> Mapping[tuple[str, str], int]:
        """(account code, currency) -> debit less credit of all posted documents, in the currency's minor units."""
        ...

    async def documents(self, command_id: str) -> int:
        """How many documents, of any kind, the ERP holds under this command id."""
        ...


class PortContract:
    """Subclass it as ``TestSomething`` with a fixture ``ground``, of any scope."""

    @pytest.fixture
    def ground(self) -> Ground:
        raise NotImplementedError("a subclass gives the ERP")

    @pytest.fixture
    async def erp(self, ground):
        erp = ground.connect(ground.url)
        yield erp
        await erp.close()

    @pytest.fixture
    async def wire(self, ground):
        async with Wire(ground.url) as wire:
            yield wire

    @pytest.fixture
    async def wired(self, ground, wire):
        """An adapter behind the wire, logged in already: a fault meets its postings, not its log-in."""
        erp = ground.connect(wire.url, call_seconds_max=DEADLINE_SECONDS)
        assert await erp.find([ContractCommands(ground.names, secrets.token_hex(6)).journal(1)]) == [None]
        yield erp
        await erp.close()

    @pytest.fixture
    def unknown(self, ground):
        """A contract whose customer the ERP does not know."""
        return ContractCommands(ground.names, secrets.token_hex(6))

    @pytest.fixture
    async def contract(self, ground, erp, unknown):
        """A contract whose customer the ERP knows."""
        accepted(await erp.post([unknown.customer()]))
        return unknown

    async def test_a_posted_command_is_found_with_the_hash_of_its_content(self, erp, ground, contract):
        for command in (contract.journal(12_345), contract.invoice(100, 20)):
            (posted,) = accepted(await erp.post([command]))
            assert posted.document_no
            assert posted.period
            assert not posted.duplicate
            assert await erp.find([command]) == [
                Found(
                    command.header.command_id,
                    command.header.content_hash,
                    posted.document_no,
                    posted.posted_on,
                    posted.period,
                    "posted",
                )
            ]
            assert await ground.documents(command.header.command_id) == 1

    async def test_what_was_never_posted_is_not_found_beside_what_was(self, erp, contract):
        first, never, last = contract.journal(1), contract.journal(2), contract.invoice(100, 20)
        accepted(await post_each(erp, [first, last]))
        found = await erp.find([first, never, last])
        assert [each and each.command_id for each in found] == [
            first.header.command_id,
            None,
            last.header.command_id,
        ]

    async def test_posting_it_again_is_the_same_document(self, erp, ground, contract):
        for command in (contract.journal(700), contract.invoice(100, 20), contract.order()):
            (first,) = accepted(await erp.post([command]))
            before = await ground.books()
            (again,) = accepted(await erp.post([command]))
            assert again == Accepted(first.document_no, first.posted_on, first.period, duplicate=True)
            assert await ground.documents(command.header.command_id) == 1
            assert await ground.books() == before

    async def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(
        self, erp, ground, contract
    ):
        for command in (contract.journal(700), contract.invoice(100, 20)):
            accepted(await erp.post([command]))
            before = await ground.books()
            if command.header.kind == "journal.post":
                lines = tuple(
                    replace(line, debit_minor=2 * line.debit_minor, credit_minor=2 * line.credit_minor)
                    for line in command.lines
                )
                other = hashed(replace(command, lines=lines))
            else:
                other = hashed(replace(command, due_date=command.due_date + 1))
            refused(await erp.post([other]), "permanent", "CONTENT_CONFLICT")
            assert await ground.books() == before
            (found,) = await erp.find([command])
            assert found.content_hash == command.header.content_hash
            assert await ground.documents(command.header.command_id) == 1

    async def test_a_batch_is_answered_item_by_item_and_a_bad_one_hurts_no_other(self, erp, ground, contract):
        commands = [contract.journal(100 + number) for number in range(4)]
        commands[2] = contract.journal(500, credit=499)
        before = await ground.books()
        answers = await post_each(erp, commands)
        accepted(answers[:2] + answers[3:])
        refused(answers[2:3], "permanent", "UNBALANCED")
        numbers = {answer.document_no for answer in answers[:2] + answers[3:]}
        assert len(numbers) == 3
        assert moved(before, await ground.books()) == both_sides(ground, 100 + 101 + 103)
        again = await post_each(erp, commands)
        assert [isinstance(answer, Accepted) and answer.duplicate for answer in again] == [
            True,
            True,
            False,
            True,
        ]

    async def test_a_closed_period_is_a_business_no(self, erp, ground, contract):
        names = ground.names
        before = await ground.books()
        late = contract.journal(100, day=names.closed_day, period=names.closed_period)
        refused(await erp.post([late]), "business", "PERIOD_CLOSED")
        assert await erp.find([late]) == [None]
        assert await ground.books() == before

    async def test_a_customer_that_the_erp_does_not_know_is_waited_for(self, erp, unknown):
        for command in (unknown.order(), unknown.invoice(100, 20)):
            refused(await erp.post([command]), "business", "REFERENCE_MISSING")
            assert await erp.find([command]) == [None]
        accepted(await erp.post([unknown.customer()]))
        accepted(await erp.post([command]))

    async def test_an_account_or_item_that_the_erp_does_not_know_is_waited_for(self, erp, ground, contract):
        before = await ground.books()
        for command in (contract.journal(100, revenue="no-such-account"), contract.order_of_item("NO-ITEM")):
            refused(await erp.post([command]), "business", "REFERENCE_MISSING")
            assert await erp.find([command]) == [None]
        assert await ground.books() == before

    async def test_an_unbalanced_journal_is_refused_for_good(self, erp, ground, contract):
        before = await ground.books()
        refused(await erp.post([contract.journal(100, credit=99)]), "permanent", "UNBALANCED")
        assert await ground.books() == before

    async def test_what_acts_upon_a_document_that_is_not_there_is_refused_and_changes_nothing(
        self, erp, ground, contract
    ):
        before = await ground.books()
        commands = (
            contract.invoice_void(),
            contract.memo_void(),
            contract.order_update(),
            contract.order_cancel(),
            contract.reversal(contract.journal(1)),
        )
        for command in commands:
            (answer,) = await erp.post([command])
            assert isinstance(answer, Refused), command
            assert answer.kind in {"business", "permanent"}, answer
            assert answer.reason in {"DOCUMENT_STATE", "REFERENCE_MISSING"}, answer
        assert await ground.books() == before

    async def test_a_void_happens_once(self, erp, ground, contract):
        accepted(await erp.post([contract.invoice(100, 20)]))
        accepted(await erp.post([contract.invoice_void()]))
        before = await ground.books()
        refused(await erp.post([contract.invoice_void()]), "permanent", "DOCUMENT_STATE")
        assert await ground.books() == before

    async def test_a_server_that_is_down_was_sent_nothing(self, ground, contract):
        erp = ground.connect(url_where_nobody_listens())
        try:
            commands = [contract.journal(1)]
            refused(await erp.post(commands), "transient", "NONE")
            refused(await erp.find(commands), "transient", "NONE")
        finally:
            await erp.close()

    async def test_an_answer_that_is_lost_after_the_commit_leaves_doubt_and_is_found(
        self, erp, ground, wire, wired, contract
    ):
        before = await ground.books()
        journal = contract.journal(4_200)
        wire.fault = "lose"
        refused(await wired.post([journal]), "ambiguous", "NONE")
        found = await eventually_found(erp, journal)
        assert found.content_hash == journal.header.content_hash
        if erp.capabilities.enforces_unique_id:
            (again,) = accepted(await erp.post([journal]))
            assert again.duplicate
        assert moved(before, await ground.books()) == both_sides(ground, 4_200)

    async def test_an_answer_that_does_not_come_in_time_leaves_doubt_and_is_found(
        self, erp, ground, wire, wired, contract
    ):
        before = await ground.books()
        journal = contract.journal(4_300)
        wire.fault = "mute"
        refused(await wired.post([journal]), "ambiguous", "NONE")
        await eventually_found(erp, journal)
        assert moved(before, await ground.books()) == both_sides(ground, 4_300)

    async def test_a_connection_that_breaks_during_a_call_leaves_doubt(self, erp, wire, wired, contract):
        journal = contract.journal(4_400)
        wire.fault = "cut"
        refused(await wired.post([journal]), "ambiguous", "NONE")
        assert await erp.find([journal]) == [None]
        wire.fault = "none"
        accepted(await wired.post([journal]))

    async def test_a_wrong_key_lets_nothing_in(self, erp, ground, contract):
        stranger = ground.connect(ground.url, key="not-the-key-of-this-erp")
        journal = contract.journal(1)
        try:
            refused(await stranger.post([journal]), "auth", "NONE")
            refused(await stranger.find([journal]), "auth", "NONE")
        finally:
            await stranger.close()
        assert await erp.find([journal]) == [None]

    async def test_two_calls_with_one_id_at_once_make_one_document(self, erp, ground, contract):
        if not erp.capabilities.enforces_unique_id:
            pytest.skip("this ERP does not keep ids unique by itself; the posting agent sends one at a time")
        before = await ground.books()
        journal = contract.journal(900)
        answers = await asyncio.gather(*[erp.post([journal]) for _ in range(4)])
        for (answer,) in answers:
            assert isinstance(answer, Accepted) or answer.kind in {"transient", "ambiguous", "throttled"}
        assert await ground.documents(journal.header.command_id) == 1
        assert moved(before, await ground.books()) == both_sides(ground, 900)

    @pytest.mark.parametrize("amount", [1, 999, 9_007_199_254_740_993])
    async def test_amounts_of_every_currency_are_exact(self, erp, ground, contract, amount):
        names = ground.names
        before = await ground.books()
        for currency in (names.currency, *names.foreign):
            accepted(await erp.post([contract.journal(amount, currency=currency)]))
        assert moved(before, await ground.books()) == {
            key: value
            for currency in (names.currency, *names.foreign)
            for key, value in both_sides(ground, amount, currency).items()
        }

    async def test_all_kinds_in_a_story_end_in_the_expected_balances(self, erp, ground, unknown):
        assert erp.capabilities.kinds == KINDS
        names, contract = ground.names, unknown
        before = await ground.books()
        manual = contract.journal(5_000)
        story = [
            contract.customer(),
            contract.order(),
            contract.order_update(),
            contract.order_hold(),
            contract.order_release(),
            contract.invoice(120_000, 24_000),
            contract.memo(10_000, 2_000),
            contract.journal(30_000),
            manual,
            contract.reversal(manual),
            contract.invoice(7_000, 1_400, suffix="-2"),
            contract.invoice_void(suffix="-2"),
            contract.memo(3_000, 600, suffix="-2"),
            contract.memo_void(suffix="-2"),
            contract.order_cancel(),
        ]
        assert {command.header.kind for command in story} == KINDS
        for command in story:
            accepted(await erp.post([command]))
        assert moved(before, await ground.books()) == {
            (names.receivable, names.currency): 120_000 + 24_000 - 10_000 - 2_000,
            (names.liability, names.currency): -120_000 + 10_000 + 30_000,
            (names.tax, names.currency): -24_000 + 2_000,
            (names.revenue, names.currency): -30_000,
        }
        found = await erp.find(story)
        hashes = [
            (each.content_hash, command.header.content_hash)
            for each, command in zip(found, story, strict=True)
        ]
        assert all(kept == stated for kept, stated in hashes[1:])
        assert hashes[0][0] in {hashes[0][1], None}, "a customer may be known by his own number alone"
        taken_back = {
            each.command_id for each in found if each.state == "reversed" and not is_order(each, story)
        }
        assert taken_back == {story[place].header.command_id for place in (8, 10, 12)}
        for command in story:
            (again,) = accepted(await erp.post([command]))
            assert again.duplicate, command


def accepted(answers: Sequence[Answer]) -> Sequence[Accepted]:
    assert all(isinstance(answer, Accepted) for answer in answers), answers
    return answers


def refused(answers: Sequence[Answer], kind: str, reason: str) -> None:
    assert answers
    for answer in answers:
        assert isinstance(answer, Refused), answer
        assert (answer.kind, answer.reason) == (kind, reason), answer


async def post_each(erp: Erp, commands: Sequence[Command]) -> list[Answer]:
    """All of them, in as few calls as the adapter allows; one answer each, in the same order."""
    answers: list[Answer] = []
    rest = list(commands)
    while rest:
        key, many = erp.batch_key(rest[0]), 1
        while (
            key is not None
            and many < min(len(rest), erp.capabilities.batch_items_max)
            and erp.batch_key(rest[many]) == key
        ):
            many += 1
        call, rest = rest[:many], rest[many:]
        answered = await erp.post(call)
        assert len(answered) == len(call)
        answers += answered
    return answers


async def eventually_found(erp: Erp, command: Command) -> Found:
    """What the ERP has of a call that we gave up, once it has ended there."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            (found,) = await erp.find([command])
            if isinstance(found, Found):
                return found
            assert found is None, found
            await asyncio.sleep(0.1)


def moved(before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]) -> dict:
    """What changed from one state of the books to another, without zeros."""
    change = Counter(after)
    change.subtract(before)
    return {key: amount for key, amount in change.items() if amount}


def both_sides(ground: Ground, amount: int, currency: str | None = None) -> dict[tuple[str, str], int]:
    """What ``journal(amount)`` moves."""
    names = ground.names
    currency = currency or names.currency
    return {(names.liability, currency): amount, (names.revenue, currency): -amount}


def is_order(found: Found, story: Sequence[Command]) -> bool:
    """Whether it is a sales order: a cancelled one may count as taken back or not."""
    orders = {each.header.command_id for each in story if each.header.kind.startswith("sales_order.")}
    return found.command_id in orders
