"""Goal: a token that has ended is replaced; one that the ERP never took stops the account."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, refused
from erp.standin_ground import NAMES
from erp.test_rest_adapter import serve

from tieout.streams.edges.erp.profile_files import Kind, Lookup, Profile, Sending
from tieout.streams.edges.erp.rest import RestErp

__all__ = ["serve"]


@pytest.fixture
def contract():
    return ContractCommands(NAMES, "tokens")


def connected(url):
    kind = Kind(find=Lookup(path="/x"), send=[Sending(path="/x")], number="{location_id}")
    profile = Profile(
        name="p", tried="here", auth="oauth2", token_path="/token", kinds={"journal.post": kind}
    )
    return RestErp(url, profile, secret="s")


async def test_a_token_that_the_erp_does_not_take_any_more_is_replaced_with_the_next_call(serve, contract):
    tokens = iter(["old", "new"])

    async def erp_with_tokens(request):
        if request.path == "/token":
            return web.json_response({"access_token": next(tokens)})
        if request.headers["Authorization"] == "Bearer old":
            return web.Response(status=401)
        return web.Response(status=204, headers={"Location": "/x/17"})

    erp = connected(await serve(erp_with_tokens))
    try:
        refused(await erp.post([contract.journal(1)]), "auth", "NONE")
        (posted,) = accepted(await erp.post([contract.journal(1)]))
        assert posted.document_no == "17"
    finally:
        await erp.close()


async def test_a_token_that_was_taken_before_and_has_ended_stops_nobody(serve, contract):
    known, good = iter(["first", "second", "third"]), {"first"}

    async def erp_with_tokens(request):
        if request.path == "/token":
            return web.json_response({"access_token": next(known)})
        if request.headers["Authorization"].removeprefix("Bearer ") not in good:
            return web.Response(status=401)
        return web.Response(status=204, headers={"Location": "/x/17"})

    erp = connected(await serve(erp_with_tokens))
    try:
        accepted(await erp.post([contract.journal(1)]))
        good.clear()
        at_once = await asyncio.gather(*[erp.post([contract.journal(number)]) for number in (2, 3)])
        for answers in at_once:
            refused(answers, "transient", "NONE")
        good.add("second")
        accepted(await erp.post([contract.journal(2)]))
        good.clear()
        refused(await erp.post([contract.journal(4)]), "transient", "NONE")
        refused(await erp.post([contract.journal(4)]), "auth", "NONE")  # a new one that is not taken either
    finally:
        await erp.close()
