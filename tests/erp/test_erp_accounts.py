"""Goal: a file of ERP accounts connects every adapter that there is, and says what is missing where one cannot be."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from erp.contract_commands import ContractCommands
from erp.standin_ground import NAMES
from typer.testing import CliRunner

from tieout.avro.codec import Codec
from tieout.streams.edges.erp.accounts import AccountsRefused, connect, load_accounts
from tieout.streams.edges.erp.gate import BEGINS_WITHIN_MS
from tieout.streams.operate.cli.config import app
from tieout.streams.posting_parts import posting_parts

TRYTON = """
[de-erp]
partition = 0
adapter = "tryton"
url = "http://127.0.0.1:1/erp"
secret_file = "de-erp.key"
slots = 4
server_seconds_max = 20.0
{rest}
"""


def connected(tmp_path, text):
    file = tmp_path / "erps.toml"
    file.write_text(text)
    (tmp_path / "de-erp.key").write_text("k3y\n")
    (account,) = load_accounts(file).values()
    return connect("de-erp", account, tmp_path)


async def test_tryton_is_an_account_like_the_others(tmp_path):
    erp = connected(tmp_path, TRYTON.format(rest='[de-erp.tryton]\ncompanies = { DE = "EUR" }'))
    assert (erp.capabilities.name, erp.capabilities.server_seconds_max) == ("tryton", 20.0)


def test_tryton_without_its_companies_is_refused_with_what_is_missing(tmp_path):
    with pytest.raises(AccountsRefused, match="'de-erp' with adapter tryton needs a table tryton"):
        connected(tmp_path, TRYTON.format(rest=""))


async def test_a_secret_in_a_variable_is_used_without_the_line_feed_that_its_file_ended_with(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ERP_KEY", "k3y\n")

    async def find(request):
        given = request.headers["Authorization"]
        return web.json_response(
            [{"status": 404, "external_id": "x"}], status=200 if given == "Bearer k3y" else 401
        )

    app = web.Application()
    app.router.add_post("/v1/find", find)
    async with TestServer(app) as server:
        rest = f'[de-erp]\npartition = 0\nadapter = "standin"\nurl = "{server.make_url("/")}"\nsecret_env = "ERP_KEY"\nslots = 1'
        erp = connected(tmp_path, rest)
        assert await erp.find([ContractCommands(NAMES, "e").journal(1)]) == [None]
        await erp.close()


@pytest.mark.parametrize(
    ("secret", "ends_with", "says"), [("k3y", 0, "ERP accounts: de-erp"), ("", 3, "ERP_KEY is not set")]
)
def test_checking_the_settings_reads_the_accounts_profiles_and_secrets_too(
    tmp_path, monkeypatch, secret, ends_with, says
):
    file = tmp_path / "erps.toml"
    file.write_text(
        '[de-erp]\npartition = 0\nadapter = "standin"\nurl = "http://127.0.0.1:1"\nsecret_env = "ERP_KEY"\nslots = 1'
    )
    for name, value in (("ERP_KEY", secret), ("TIEOUT_ERP_FILE", str(file)), ("TIEOUT_AGENTS", "posting")):
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["check"])
    assert (done.exit_code, says in done.output) == (ends_with, True), done.output


REST = """
[de-erp]
partition = 0
adapter = "rest"
url = "http://127.0.0.1:1"
secret_file = "de-erp.key"
slots = 1
{rest}
[de-erp.rest]
profile = "business_central"
entity = "DE"
[de-erp.rest.configuration]
environment = "v2.0/T/P"
company = "C"
journal = "J"
receivable = "1200"
client_id = "I"
token_path = "/t"
"""


@pytest.mark.parametrize(("rest", "seconds"), [("", 600.0), ("server_seconds_max = 30.0", 30.0)])
def test_what_is_in_doubt_is_read_back_after_all_that_the_call_may_take_wherever_that_is_stated(
    tmp_path, rest, seconds
):
    connected(tmp_path, REST.format(rest=rest))
    patience = posting_parts(tmp_path / "erps.toml", Codec.load())._account("de-erp").patience
    assert patience.conclusive_ms == BEGINS_WITHIN_MS + 30_000 + 1_000 * seconds


def test_more_calls_at_once_than_the_profile_s_way_of_posting_bears_are_refused(tmp_path):
    with pytest.raises(AccountsRefused, match="'de-erp' has 5 slots, and its profile bears 1"):
        connected(tmp_path, REST.format(rest="").replace("slots = 1", "slots = 5"))
