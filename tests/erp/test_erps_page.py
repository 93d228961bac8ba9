"""The examples of docs/erps.md are what the product reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from tieout.streams.edges.erp.accounts import AccountsRefused, connect, load_accounts
from tieout.streams.edges.erp.profile_files import load_profile
from tieout.streams.operate.standin.script import Script
from tieout.streams.operate.tryton.directory import RunningErp

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "erps.md").read_text()

RUNNING = RunningErp(
    pid=1,
    url="http://127.0.0.1:8000/erp",
    posting_key="s3cret",
    accountant_key="s3cret",
    companies={"US": "USD"},
    stops_on_signal=True,
)


def example(containing: str) -> str:
    (found,) = [
        block for block in re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL) if containing in block
    ]
    return found


async def test_the_accounts_file_of_the_page_connects(tmp_path):
    file = tmp_path / "erp.toml"
    file.write_text(example("[us-erp]"))
    (tmp_path / "us-erp.secret").write_text("s3cret\n")
    (account,) = load_accounts(file).values()
    assert connect("us-erp", account, tmp_path).capabilities.name == "business_central"


async def test_tryton_is_connected_by_what_its_start_writes_or_by_address_key_and_companies(tmp_path):
    file = tmp_path / "erp.toml"
    file.write_text(example("[erp-us]"))
    (tmp_path / "tryton.key").write_text("s3cret\n")
    started = tmp_path / ".tieout" / "tryton" / "erp.json"
    started.parent.mkdir(parents=True)
    started.write_bytes(msgspec.json.encode(RUNNING))
    accounts = load_accounts(file)
    ports = [connect(name, each, tmp_path) for name, each in accounts.items()]
    assert [port.capabilities.name for port in ports] == ["tryton", "tryton"]
    assert [port._companies for port in ports] == [{"US": "USD"}, {"DE": "EUR"}]


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ('secret_file = "tryton.key"', "needs secret_file or secret_env"),
        ('companies = { DE = "EUR" }', "needs a table tryton with its companies"),
        ('url = "https://tryton.example/books"', "needs its url"),
        ('started = ".tieout/tryton/erp.json"', "needs secret_file or secret_env"),
        ("nothing", "start it with tieout tryton start"),
    ],
)
def test_a_tryton_that_cannot_be_found_is_refused_with_what_is_missing(tmp_path, missing, told):
    file = tmp_path / "erp.toml"
    file.write_text(example("[erp-us]").replace(missing, ""))
    (tmp_path / "tryton.key").write_text("s3cret\n")
    name = "erp-us" if missing.startswith(("started", "nothing")) else "erp-de"
    with pytest.raises(AccountsRefused, match=told):
        connect(name, load_accounts(file)[name], tmp_path)


def test_the_script_of_the_page_is_one_that_the_stand_in_plays(tmp_path):
    file = tmp_path / "script.toml"
    file.write_text(example("lost_rate"))
    script = Script.load(file)
    assert (script.slots, script.lost_rate, script.companies["US01"].closed) == (5, 0.01, ("2025-01",))


def test_the_excerpt_of_a_profile_stands_in_the_profile():
    shown = tomllib.loads(example('externalId = "{external_id}"'))["kinds"]["journal.post"]["send"]["body"]
    body = load_profile("netsuite").kinds["journal.post"].send[0].body
    assert {key: body[key] for key in shown if key != "line"} == {
        key: value for key, value in shown.items() if key != "line"
    }
    item, whole = shown["line"]["items"][0]["item"], body["line"]["items"][0]["item"]
    assert item == {key: whole[key] for key in item}
