"""Goal: an answer that does not end fills nobody's memory, and leaves doubt."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tieout.agents.posting.answers import Refused
from tieout.streams.edges.erp import calling
from tieout.streams.edges.erp.calling import Answered, Caller


@pytest.mark.parametrize(("length", "is_answer"), [(1_000, True), (1_001, False), (None, False)])
async def test_an_answer_is_read_as_far_as_one_may_go(monkeypatch, length, is_answer):
    monkeypatch.setattr(calling, "ANSWER_BYTES_MAX", 1_000)

    async def talk(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while length is None:
            await response.write(b"x" * 500)
        await response.write(b"x" * length)
        return response

    app = web.Application()
    app.router.add_post("/", talk)
    async with TestServer(app) as server:
        caller = Caller(str(server.make_url("/")), call_seconds_max=5.0)
        answered = await caller.call("POST", "/", b"{}")
        await caller.close()
    if is_answer:
        assert isinstance(answered, Answered)
        assert len(answered.body) == length
    else:
        assert isinstance(answered, Refused)
        assert (answered.kind, answered.code) == ("ambiguous", "ANSWER_TOO_LONG")
