"""The examples of docs/erps.md are what the product reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tieout.streams.edges.erp.accounts import connect, load_accounts
from tieout.streams.edges.erp.profile_files import load_profile
from tieout.streams.operate.standin.script import Script

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "erps.md").read_text()


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
