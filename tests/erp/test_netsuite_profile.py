"""The NetSuite profile behind the port, against the stand-in's NetSuite dialect."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from erp.contract_commands import ContractCommands
from erp.port_contract import PortContract, accepted
from erp.standin_ground import NAMES, StandinGround, started

from tieout.streams.edges.erp.profile_files import load_profile
from tieout.streams.edges.erp.rest import RestErp


def connect(url, key, call_seconds_max):
    return RestErp(
        url,
        load_profile("netsuite"),
        secret=f"tieout:{key}:tieout:{key}",
        configuration={"receivable": NAMES.receivable, "account": "1234567_SB1"},
        call_seconds_max=call_seconds_max,
    )


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with started(tmp_path_factory.mktemp("netsuite")) as process:
        yield process


class TestNetsuitePort(PortContract):
    @pytest.fixture
    def ground(self, process):
        return StandinGround(process, connect)

    async def test_a_renewed_contract_has_two_orders_and_a_change_acts_upon_the_newest(self, erp, contract):
        orders = [contract.order(), contract.order(contract_version=2)]
        first, second = [accepted(await erp.post([each]))[0].document_no for each in orders]
        (changed,) = accepted(await erp.post([contract.order_update()]))
        assert first != second == changed.document_no
        assert [found.document_no for found in await erp.find(orders)] == [first, second]


async def test_a_customer_that_somebody_made_and_named_is_left_as_it_is():
    written = []

    async def customer(request):
        if request.method != "GET":
            written.append(await request.json())
            return web.Response(status=204, headers={"Location": "/customer/7"})
        return web.json_response({"id": "7", "companyName": "Acme Inc."})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", customer)
    async with TestServer(app) as server:
        erp = connect(str(server.make_url("/")), "key", 5.0)
        (known,) = accepted(await erp.post([ContractCommands(NAMES, "n").customer()]))
        await erp.close()
    assert (known.document_no, known.duplicate, written) == ("7", True, [])
