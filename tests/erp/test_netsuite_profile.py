"""The NetSuite profile behind the port, against the stand-in's NetSuite dialect."""

from __future__ import annotations

import pytest
from erp.port_contract import PortContract
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
