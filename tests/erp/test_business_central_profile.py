"""The Business Central profile behind the port, against the stand-in's dialect of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from erp.port_contract import PortContract, accepted, refused
from erp.standin_ground import NAMES, StandinGround, started

from tieout.streams.edges.erp.profile_files import load_profile
from tieout.streams.edges.erp.rest import RestErp
from tieout.streams.operate.standin.business_central import COMPANY, ROOT


def connect(url, key, call_seconds_max):
    return RestErp(
        url,
        load_profile("business_central"),
        secret=key,
        configuration={
            "environment": ROOT.removeprefix("/").removesuffix("/api/v2.0"),
            "company": COMPANY,
            "journal": "22222222-0000-0000-0000-000000000001",
            "receivable": NAMES.receivable,
            "client_id": "tieout",
            "token_path": f"{url}/oauth2/token",
        },
        entity_currency=NAMES.currency,
        entity=NAMES.entity,
        call_seconds_max=call_seconds_max,
    )


class BusinessCentralGround(StandinGround):
    names = replace(NAMES, foreign=())

    async def documents(self, command_id: str) -> int:
        """By our document number, by which Business Central has them; orders by the comment that names the command."""
        listed = (await self._read("/admin/documents"))["documents"]
        number = f"T{command_id[:19].upper()}"
        return sum(
            each.get("attributes", {}).get("number") == number
            or command_id in each.get("attributes", {}).get("comments", "")
            for each in listed
        )


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with started(tmp_path_factory.mktemp("bc")) as process:
        yield process


class TestBusinessCentralPort(PortContract):
    @pytest.fixture
    def ground(self, process):
        return BusinessCentralGround(process, connect)

    async def test_a_journal_in_another_currency_than_the_companys_is_refused_before_it_is_sent(
        self, process, erp, contract
    ):
        before = process.ask("GET", "/admin/counters")["calls"]
        (answer,) = await erp.post([contract.journal(100, currency="JPY")])
        assert (answer.kind, answer.reason) == ("permanent", "NOT_SUPPORTED")
        assert process.ask("GET", "/admin/counters")["calls"] == before

    async def test_a_line_that_is_refused_leaves_nothing_in_the_journal_for_the_next_posting(
        self, erp, contract
    ):
        refused(
            await erp.post([contract.journal(100, revenue="no-such-account")]),
            "business",
            "REFERENCE_MISSING",
        )
        accepted(await erp.post([contract.journal(100)]))

    async def test_a_renewed_contract_has_two_orders_and_a_change_acts_upon_the_newest(self, erp, contract):
        orders = [contract.order(), contract.order(contract_version=2)]
        first, second = [accepted(await erp.post([each]))[0].document_no for each in orders]
        (changed,) = accepted(await erp.post([contract.order_update()]))
        assert first != second == changed.document_no
        assert [found.document_no for found in await erp.find(orders)] == [first, second]
