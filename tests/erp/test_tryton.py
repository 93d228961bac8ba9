"""The real Tryton behind the port: the contract of all adapters, and what only Tryton can show."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from erp.contract_commands import ContractCommands, hashed
from erp.port_contract import PortContract, accepted, both_sides, moved, refused
from erp.standin_ground import day
from msgspec.structs import replace

from tieout.agents.posting.answers import Refused
from tieout.streams.edges.erp.tryton import BATCH_ITEMS_MAX

pytestmark = pytest.mark.erp


class TestTrytonPort(PortContract):
    @pytest.fixture
    def ground(self, tryton_with_closed_january):
        return tryton_with_closed_january

    async def test_fifty_moves_go_in_one_call_and_one_that_tryton_itself_refuses_hurts_no_other(
        self, erp, ground, contract
    ):
        before = await ground.books()
        journals = [contract.journal(100 + number) for number in range(BATCH_ITEMS_MAX)]
        # Balanced and of known accounts: only trytond knows that a closed account takes no line.
        journals[17] = contract.journal(100, liability="2.1.0", revenue="2.1.0")
        answers = await erp.post(journals)
        refused(answers[17:18], "permanent", "UNCLASSIFIED")
        accepted([*answers[:17], *answers[18:]])
        amount = sum(100 + number for number in range(BATCH_ITEMS_MAX)) - 117
        assert moved(before, await ground.books()) == both_sides(ground, amount)
        assert await ground.read("account.move", [["state", "=", "draft"]], ["state"]) == []

    @pytest.mark.parametrize("reason", ["two\nlines\tof text", "a\0 character that PostgreSQL does not hold"])
    async def test_words_of_a_person_that_tryton_cannot_hold_are_posted_and_hurt_no_other(
        self, erp, contract, reason
    ):
        memo = hashed(replace(contract.memo(100, 20), reason=reason))
        accepted(await erp.post([memo, contract.journal(5)]))

    async def test_numbers_of_a_period_have_no_gap_where_commands_were_refused(self, erp, contract):
        first, *_ = accepted(await erp.post([contract.journal(1)]))
        await erp.post([contract.journal(1, liability="2.1.0", revenue="2.1.0")])
        second, *_ = accepted(await erp.post([contract.journal(1)]))
        assert int(second.document_no.rpartition("/")[2]) == int(first.document_no.rpartition("/")[2]) + 1

    async def test_many_clients_that_post_to_one_period_at_once_are_throttled_or_posted(
        self, erp, ground, contract
    ):
        before = await ground.books()
        journals = [contract.journal(1 + number) for number in range(12)]
        answers = [answer for (answer,) in await asyncio.gather(*[erp.post([each]) for each in journals])]
        assert all(answer.kind == "throttled" for answer in answers if isinstance(answer, Refused)), answers
        posted = sum(1 + number for number, answer in enumerate(answers) if not isinstance(answer, Refused))
        assert moved(before, await ground.books()) == both_sides(ground, posted)

    async def test_a_period_that_is_reopened_stays_closed_until_its_journal_is_reopened(
        self, erp, ground, contract
    ):
        def journal():
            return contract.journal(9, day=day("2025-11-10"), period="2025-11")

        accepted(await erp.post([journal()]))
        november = await ground.period("2025-11")
        await ground.act("account.period", november, "close")
        refused(await erp.post([journal()]), "business", "PERIOD_CLOSED")
        await ground.act("account.period", november, "reopen")
        refused(await erp.post([journal()]), "business", "PERIOD_CLOSED")
        (kept,) = await ground.read("account.journal.period", [["period", "=", november]], ["state"])
        await ground.act("account.journal.period", kept["id"], "reopen")
        (posted,) = accepted(await erp.post([journal()]))
        assert (posted.period, posted.posted_on) == ("2025-11", day("2025-11-10"))

    async def test_a_move_that_an_accountant_takes_back_is_found_as_reversed(self, erp, ground, contract):
        journal = contract.journal(77)
        (posted,) = accepted(await erp.post([journal]))
        (move,) = await ground.read(
            "account.move",
            [["number", "=", posted.document_no]],
            ["company", "journal", "period", "date", "lines"],
        )
        lines = await ground.read(
            "account.move.line", [["move", "=", move["id"]]], ["account", "debit", "credit"]
        )
        mirrored = [
            {"account": each["account"], "debit": each["credit"], "credit": each["debit"]} for each in lines
        ]
        taken_back = {name: move[name] for name in ("company", "journal", "period", "date")}
        made = await ground.make(
            "account.move",
            taken_back | {"origin": f"account.move,{move['id']}", "lines": [["create", mirrored]]},
        )
        assert [each.state for each in await erp.find([journal])] == ["posted"]
        await ground.act("account.move", made, "post")
        assert [each.state for each in await erp.find([journal])] == ["reversed"]

    async def test_an_order_is_confirmed_and_neither_billed_nor_shipped(self, erp, ground, contract):
        (posted,) = accepted(await erp.post([contract.order()]))
        (sale,) = await ground.read(
            "sale.sale",
            [["number", "=", posted.document_no]],
            ["state", "reference", "total_amount", "invoices", "shipments"],
        )
        assert (sale["state"], sale["reference"]) == ("confirmed", contract.contract_id)
        assert sale["total_amount"] == {"__class__": "Decimal", "decimal": "1200.00"}
        assert (sale["invoices"], sale["shipments"]) == ([], [])

    async def test_a_held_order_is_a_draft_until_it_is_released(self, erp, ground, contract):
        (posted,) = accepted(await erp.post([contract.order()]))
        states = []
        for command in (contract.order_hold(), contract.order_release(), contract.order_cancel()):
            accepted(await erp.post([command]))
            (sale,) = await ground.read("sale.sale", [["number", "=", posted.document_no]], ["state"])
            states.append(sale["state"])
        assert states == ["draft", "confirmed", "cancelled"]

    async def test_a_party_is_on_the_receivable_and_not_on_the_liability(self, erp, ground, contract):
        (posted,) = accepted(await erp.post([contract.invoice(100, 20)]))
        lines = await ground.read(
            "account.move.line", [["move.number", "=", posted.document_no]], ["account.code", "party.code"]
        )
        parties = {line["account"]["code"]: line["party"] and line["party"]["code"] for line in lines}
        names = ground.names
        assert parties == {names.receivable: contract.customer_id, names.liability: None, names.tax: None}

    async def test_a_company_that_is_not_configured_is_waited_for(self, erp, ground, contract):
        journal = contract.journal(1)
        elsewhere = hashed(replace(journal, header=replace(journal.header, entity="XX")))
        refused(await erp.post([elsewhere]), "business", "REFERENCE_MISSING")

    async def test_an_invoice_in_another_currency_waits_for_the_erps_rate(self, erp, ground, contract):
        invoice = contract.invoice(100, 20)
        in_euro = hashed(replace(invoice, header=replace(invoice.header, currency="EUR")))
        (answer,) = refused_for_rate = await erp.post([in_euro])
        refused(refused_for_rate, "business", "REFERENCE_MISSING")
        assert answer.code == "NO_RATE"

    async def test_another_contract_of_the_same_customer_finds_the_customer(self, erp, ground, contract):
        other = ContractCommands(ground.names, secrets.token_hex(6))
        other.customer_id = contract.customer_id
        (again,) = accepted(await erp.post([other.customer()]))
        assert (again.document_no, again.duplicate) == (contract.customer_id, False)

    async def test_one_customer_that_many_clients_make_at_once_is_one_party(self, erp, ground, unknown):
        several = [ContractCommands(ground.names, secrets.token_hex(6)) for _ in range(4)]
        for each in several:
            each.customer_id = unknown.customer_id
        commands = [each.customer() for each in several]
        answers = await asyncio.gather(*[erp.post([command]) for command in commands + commands])
        assert all(not isinstance(each, Refused) or each.kind == "transient" for (each,) in answers), answers
        for command in commands:
            accepted(await erp.post([command]))
        assert len(await ground.read("party.party", [["code", "=", unknown.customer_id]], ["code"])) == 1
