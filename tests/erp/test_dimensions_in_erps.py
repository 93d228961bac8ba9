"""Goal: a line's dimensions are in the ERP, or the command waits for the one that the ERP does not know."""

from __future__ import annotations

import pytest
from erp.contract_commands import ContractCommands, hashed
from erp.port_contract import accepted, refused
from erp.standin_ground import KEY, NAMES, SCRIPT, started
from erp.test_netsuite_profile import connect as netsuite
from msgspec.structs import replace

from tieout.streams.edges.erp.standin import StandinErp

KNOWN = SCRIPT + 'dimensions = ["department=400", "class=7"]\n'
PLACED = ("class=7", "department=400")


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    with started(tmp_path_factory.mktemp("dimensions"), KNOWN) as process:
        yield process


@pytest.fixture(params=["standin", "netsuite"])
async def erp(request, process):
    erp = StandinErp(process.url, key=KEY) if request.param == "standin" else netsuite(process.url, KEY, 30.0)
    yield erp
    await erp.close()


def placed(name, dimensions):
    """A journal whose revenue has these dimensions."""
    journal = ContractCommands(NAMES, name).journal(100)
    liability, revenue = journal.lines
    return hashed(replace(journal, lines=(liability, replace(revenue, dimensions=dimensions))))


def in_books(process, command_id):
    found = process.ask("GET", "/admin/documents")["documents"]
    (document,) = [each["document"] for each in found if each["document"]["external_id"] == command_id]
    return [tuple(entry["dimensions"]) for entry in document["entries"]]


async def test_dimensions_that_the_erp_knows_are_in_its_books(erp, process, request):
    journal = placed(request.node.name, PLACED)
    accepted(await erp.post([journal]))
    unplaced, revenue = in_books(process, journal.header.command_id)
    assert (unplaced, sorted(revenue)) == ((), sorted(PLACED))


async def test_a_dimension_that_the_erp_does_not_know_is_waited_for(erp, request):
    journal = placed(request.node.name, ("department=401",))
    refused(await erp.post([journal]), "business", "REFERENCE_MISSING")
    assert await erp.find([journal]) == [None]


async def test_what_takes_a_line_back_has_its_dimensions(erp, process, request):
    journal = placed(request.node.name, PLACED)
    accepted(await erp.post([journal]))
    reversal = ContractCommands(NAMES, f"{request.node.name} taken back").reversal(journal)
    accepted(await erp.post([reversal]))
    unplaced, revenue = in_books(process, reversal.header.command_id)
    assert (unplaced, sorted(revenue)) == ((), sorted(PLACED))
