"""Goal: the page "how to add your ERP" is enough: its small profile, in a file of one's own, posts to the ERP that it is for.

Method: the profile is cut out of the page; the invented ERP is a server of its own in here that knows nothing of the profile.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, refused
from erp.standin_ground import KEY, NAMES
from erp.test_erps_page import example
from msgspec.structs import replace

from tieout.agents.posting.answers import Accepted
from tieout.streams.edges.erp.accounts import AccountsRefused, connect, load_accounts

ACCOUNT = """
[own]
partition = 0
adapter = "rest"
url = "{url}"
secret_env = "LEDGERLINE_KEY"
slots = 2
[own.rest]
profile = "ledgerline.toml"
"""


class Ledgerline:
    """The invented ERP: vouchers by id, amounts as decimals, one locked month, its own words."""

    def __init__(self) -> None:
        self.vouchers: dict[str, dict] = {}

    async def put(self, request: web.Request) -> web.Response:
        if (wrong := self._let_in(request)) is not None:
            return wrong
        body, name = await request.json(), request.match_info["name"]
        if name in self.vouchers:
            return self._error(409, "ID_TAKEN", "there is a voucher of this id")
        if body["date"].startswith("2025-01"):
            return self._error(422, "PERIOD_LOCKED", "January is locked")
        if body["memo"].count("0" * 32):
            return self._error(418, "MOON_IS_FULL", "no voucher tonight")
        if {line["account"] for line in body["lines"]} - {NAMES.liability, NAMES.revenue}:
            return self._error(422, "UNKNOWN_ACCOUNT", "no such account")
        debit, credit = (
            sum(float(line.get(side) or 0) for line in body["lines"]) for side in ("debit", "credit")
        )
        assert debit == credit > 0
        self.vouchers[name] = {**body, "voucher": f"V{len(self.vouchers) + 1}"}
        return web.json_response(self.vouchers[name], status=201)

    async def get(self, request: web.Request) -> web.Response:
        if (wrong := self._let_in(request)) is not None:
            return wrong
        found = self.vouchers.get(request.match_info["name"])
        return web.json_response(found) if found else self._error(404, "NONE", "there is none")

    def _let_in(self, request: web.Request) -> web.Response | None:
        return (
            None if request.headers.get("X-Ledgerline-Key") == KEY else self._error(401, "WHO", "who are you")
        )

    @staticmethod
    def _error(status: int, code: str, text: str) -> web.Response:
        return web.json_response({"error": code, "detail": text}, status=status)


@pytest.fixture
async def ledgerline():
    server = Ledgerline()
    app = web.Application()
    app.router.add_put("/vouchers/{name}", server.put)
    app.router.add_get("/vouchers/{name}", server.get)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
def connected(tmp_path, monkeypatch, ledgerline):
    def connect_with(key: str = KEY):
        monkeypatch.setenv("LEDGERLINE_KEY", key)
        (tmp_path / "ledgerline.toml").write_text(example('name = "ledgerline"'))
        file = tmp_path / "erps.toml"
        file.write_text(ACCOUNT.format(url=ledgerline.url))
        return connect("own", load_accounts(file)["own"], tmp_path)

    return connect_with


@pytest.fixture
async def erp(connected):
    erp = connected()
    yield erp
    await erp.close()


@pytest.fixture
def contract():
    return ContractCommands(NAMES, "own")


async def test_what_the_page_s_profile_posts_is_found_and_is_the_same_document_when_it_comes_again(
    erp, ledgerline, contract
):
    command = contract.journal(12_345)
    (posted,) = accepted(await erp.post([command]))
    assert posted.document_no == "V1"
    (voucher,) = ledgerline.vouchers.values()
    assert [line.get("debit") or line.get("credit") for line in voucher["lines"]] == [123.45, 123.45]
    assert voucher["memo"] == f"tieout {command.header.content_hash}"
    (found,) = await erp.find([command])
    assert (found.content_hash, found.document_no) == (command.header.content_hash, "V1")
    (again,) = accepted(await erp.post([command]))
    assert again == Accepted("V1", posted.posted_on, posted.period, duplicate=True)
    other = replace(command, header=replace(command.header, content_hash="f" * 32))
    refused(await erp.post([other]), "permanent", "CONTENT_CONFLICT")
    assert await erp.find([contract.journal(1)]) == [None]


async def test_its_refusals_are_what_the_page_says(erp, connected, contract):
    command = contract.journal(1)
    header = command.header
    closed = replace(command, header=replace(header, posting_date=NAMES.closed_day, command_id="closed"))
    refused(await erp.post([closed]), "business", "PERIOD_CLOSED")
    strange = replace(command, header=replace(header, content_hash="0" * 32, command_id="strange"))
    refused(await erp.post([strange]), "permanent", "UNCLASSIFIED")
    refused(await erp.post([contract.invoice(100, 20)]), "permanent", "NOT_SUPPORTED")
    stranger = connected("another key")
    refused(await stranger.post([command]), "auth", "NONE")
    await stranger.close()


async def test_a_profile_of_one_s_own_that_is_not_there_is_refused_with_where_it_was_looked_for(
    connected, tmp_path
):
    await connected().close()
    (tmp_path / "ledgerline.toml").unlink()
    with pytest.raises(
        AccountsRefused, match=r"ledgerline\.toml cannot be read.*beside the file of ERP accounts"
    ):
        connect("own", load_accounts(tmp_path / "erps.toml")["own"], Path(tmp_path))
