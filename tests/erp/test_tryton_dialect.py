"""How commands are told to Tryton and what its answers mean, without a Tryton."""

from __future__ import annotations

from typing import get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from erp.contract_commands import ContractCommands
from erp.standin_ground import NAMES
from msgspec.structs import replace

from tieout.agents.posting.error_table import ErpAnswer, Verdict
from tieout.avro.commands import Command
from tieout.streams.edges.erp.profile_files import error_table
from tieout.streams.edges.erp.tryton import TrytonErp, company_of
from tieout.streams.edges.erp.tryton_entries import entry_of
from tieout.streams.operate.generate.reference_rows import ENTITIES, PRODUCTS
from tieout.streams.operate.tryton.master_data import generated


def told(command) -> dict:
    return entry_of(command, NAMES.currency)


@pytest.fixture
def contract():
    return ContractCommands(NAMES, "c")


@pytest.mark.parametrize(
    ("currency", "amount", "decimal"),
    [
        ("USD", 1, "0.01"),
        ("JPY", 1, "1"),
        ("KWD", 1, "0.001"),
        ("USD", 9_007_199_254_740_993, "90071992547409.93"),
    ],
)
def test_amounts_are_decimals_of_their_currency_exactly(contract, currency, amount, decimal):
    first, second = told(contract.journal(amount, currency=currency))["lines"]
    assert (first["debit"]["decimal"], second["credit"]["decimal"]) == (decimal, decimal)


def test_functional_amounts_are_decimals_of_the_companys_currency(contract):
    line, _ = told(contract.journal(50, currency="JPY"))["lines"]
    assert (line["debit"]["decimal"], line["functional_debit"]["decimal"]) == ("50", "1.00")
    line, _ = told(contract.journal(50))["lines"]
    assert "functional_debit" not in line


def test_a_credit_memo_is_an_invoice_with_the_sides_exchanged(contract):
    invoice, memo = told(contract.invoice(100, 20)), told(contract.memo(100, 20))
    assert [line["debit"] for line in invoice["lines"]] == [line["credit"] for line in memo["lines"]]
    assert [line["credit"] for line in invoice["lines"]] == [line["debit"] for line in memo["lines"]]


def test_a_void_names_the_document_as_it_was_called(contract):
    assert told(contract.invoice_void())["of_subject"] == told(contract.invoice(1, 0))["subject"]
    assert told(contract.memo_void())["of_subject"] == told(contract.memo(1, 0))["subject"]
    journal = contract.journal(1)
    assert told(contract.reversal(journal))["of"] == journal.header.command_id
    assert told(contract.order_cancel())["subject"] == told(contract.order())["subject"]


async def test_moves_share_a_call_by_company_and_period_and_orders_go_alone(contract):
    erp = TrytonErp("http://127.0.0.1:1/erp", "key", {})
    journal = contract.journal(1)
    assert erp.batch_key(journal) == erp.batch_key(contract.invoice(1, 0))
    assert erp.batch_key(journal) != erp.batch_key(contract.journal(1, period="2025-04"))
    assert erp.batch_key(journal) != erp.batch_key(contract.customer())
    assert erp.batch_key(contract.order()) is None
    assert erp.capabilities.kinds == {kind.KIND for kind in get_args(Command)}


async def test_documents_of_two_companies_are_asked_about_each_in_its_own(contract):
    """Who takes an account over is in doubt about all that was under way, whatever company it is of."""
    first, other = contract.journal(1), contract.journal(2)
    other = replace(other, header=replace(other.header, book="ifrs"))
    there = {company_of(each.header): each.header.command_id for each in (first, other)}

    async def find(request):
        asked = await request.json()
        day = {"__class__": "date", "year": 2025, "month": 3, "day": 1}
        row = {"content": "h", "number": asked["company"], "date": day, "period": "p", "state": "posted"}
        return web.json_response(
            [row if each == there[asked["company"]] else None for each in asked["commands"]]
        )

    app = web.Application()
    app.router.add_post("/{path:.*}", find)
    async with TestServer(app) as server:
        erp = TrytonErp(str(server.make_url("/")), "key", {})
        found = await erp.find([first, other, contract.journal(3)])
        await erp.close()
    assert [each and each.document_no for each in found] == [*there, None]


def test_a_further_book_is_a_company_of_its_own(contract):
    header = contract.journal(1).header
    assert (company_of(header), company_of(replace(header, book="ifrs"))) == ("US01", "US01/ifrs")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (ErpAnswer(200, "PERIOD_NOT_OPEN"), Verdict("business", "PERIOD_CLOSED")),
        (ErpAnswer(200, "UNKNOWN_REFERENCE"), Verdict("business", "REFERENCE_MISSING")),
        (ErpAnswer(400, "UNKNOWN_REFERENCE"), Verdict("business", "REFERENCE_MISSING")),
        (ErpAnswer(200, "NO_PERIOD"), Verdict("business", "REFERENCE_MISSING")),
        (ErpAnswer(200, "KEY_CONFLICT"), Verdict("permanent", "CONTENT_CONFLICT")),
        (ErpAnswer(200, "UNBALANCED"), Verdict("permanent", "UNBALANCED")),
        (ErpAnswer(200, "DOCUMENT_STATE"), Verdict("permanent", "DOCUMENT_STATE")),
        (
            ErpAnswer(200, "REFUSED", 'You cannot create a journal-period in closed period "2025-02".'),
            Verdict("business", "PERIOD_CLOSED"),
        ),
        (
            ErpAnswer(200, "REFUSED", "is not valid according to its domain"),
            Verdict("permanent", "UNCLASSIFIED"),
        ),
        (
            ErpAnswer(503, "", 'could not obtain lock on row in relation "ir_sequence_strict"'),
            Verdict("throttled", "NONE"),
        ),
        (
            ErpAnswer(503, "", "could not serialize access due to concurrent update"),
            Verdict("transient", "NONE"),
        ),
        (ErpAnswer(503, "", "the database system is starting up"), Verdict("transient", "NONE")),
        (ErpAnswer(503, "", "server closed the connection unexpectedly"), Verdict("ambiguous", "NONE")),
        (ErpAnswer(500, "", "Internal Server Error"), Verdict("ambiguous", "NONE")),
        (ErpAnswer(400, "", "<p>Unable to get RPC method</p>"), Verdict("ambiguous", "NONE")),
        (ErpAnswer(401, "", "Unauthorized"), Verdict("auth", "NONE")),
        (ErpAnswer(403, "", "Forbidden"), Verdict("auth", "NONE")),
    ],
)
def test_what_tryton_answers_has_one_meaning(answer, verdict):
    assert error_table("tryton").verdict(answer) == verdict


def test_master_data_names_what_the_generated_reference_rows_name():
    data = generated(2025, 2026)
    assert [company.code for company in data.companies] == [entity.code for entity in ENTITIES]
    assert data.companies[0].accounts[0].code == f"1200-{ENTITIES[0].code}"
    assert data.items == tuple([f"ITEM-{product.code}" for product in PRODUCTS])
    assert data.currencies == {"EUR": 2, "GBP": 2, "JPY": 0, "USD": 2}
    assert data.digest() == generated(2025, 2026).digest() != generated(2024, 2026).digest()
