"""Goal: what is of another entity or book is never taken for that of this one, nor posted into its ledger."""

from __future__ import annotations

import dataclasses

import pytest
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, refused
from erp.standin_ground import KEY, NAMES, SCRIPT, started
from erp.test_business_central_profile import connect as business_central
from erp.test_netsuite_profile import connect as netsuite
from msgspec.structs import replace

from tieout.streams.edges.erp.standin import StandinErp

TWO = 'master_data = "lenient"\n' + SCRIPT + SCRIPT[SCRIPT.index("[companies") :].replace("US01", "DE01")
OTHER = dataclasses.replace(NAMES, entity="DE01")


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with started(tmp_path_factory.mktemp("ledgers"), TWO) as process:
        yield process


@pytest.fixture(params=[netsuite, business_central], ids=["netsuite", "business_central"])
async def erp(request, process):
    erp = request.param(process.url, KEY, 30.0)
    yield erp
    await erp.close()


async def test_an_invoice_is_taken_back_in_its_own_entity_where_another_has_one_of_that_number(process):
    own, other = ContractCommands(NAMES, "same number"), ContractCommands(OTHER, "same number")
    erp = netsuite(process.url, KEY, 30.0)
    try:
        mine = own.invoice(100, 20)
        theirs = other.invoice(700, 140)
        theirs = replace(theirs, header=replace(theirs.header, command_id="ab" * 16))
        accepted([*await erp.post([mine]), *await erp.post([theirs])])
        accepted(await erp.post([own.invoice_void()]))
        void = other.invoice_void()
        accepted(await erp.post([replace(void, header=replace(void.header, command_id="cd" * 16))]))
    finally:
        await erp.close()
    rows = process.ask("GET", "/admin/trial-balance")
    assert {row["balance_minor"] for row in rows} <= {0}


async def test_a_journal_of_a_further_book_is_refused_and_not_posted_into_the_first(erp):
    journal = ContractCommands(NAMES, "books").journal(100)
    refused(
        await erp.post([replace(journal, header=replace(journal.header, book="ifrs"))]),
        "permanent",
        "NOT_SUPPORTED",
    )


async def test_what_is_of_another_entity_is_refused_where_the_account_is_one_company(process):
    erp = business_central(process.url, KEY, 30.0)
    refused(await erp.post([ContractCommands(OTHER, "company").journal(100)]), "permanent", "NOT_SUPPORTED")
    await erp.close()


async def test_the_stand_in_keeps_a_further_book_apart(process):
    journal = ContractCommands(NAMES, "apart").journal(4_200)
    erp = StandinErp(process.url, key=KEY)
    accepted(await erp.post([replace(journal, header=replace(journal.header, book="ifrs"))]))
    await erp.close()
    rows = process.ask("GET", "/admin/trial-balance")
    assert {row["entity"]: row["balance_minor"] for row in rows if row["account"] == NAMES.liability}[
        "US01/ifrs"
    ] == 4_200
