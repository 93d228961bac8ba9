"""Goal: a file of ERP accounts connects every adapter that there is, and says what is missing where one cannot be."""

import pytest

from tieout.streams.edges.erp.accounts import AccountsRefused, connect, load_accounts

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
