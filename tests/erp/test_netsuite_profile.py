"""The NetSuite profile behind the port, against the stand-in's NetSuite dialect."""

from __future__ import annotations

import pytest
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
