"""Goal: a document that a person changes in the ERP's own screen is found, and told once, whoever asks again.

Method: broker, worker and stand-in as processes; the check is the command that an operator types.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from erp.many_contracts import many_contracts
from erp.posting_ground import PostingGround
from erp.standin_ground import KEY, NAMES, started

from tieout.avro.commands import CustomerUpsert
from tieout.avro.events import ErpStatusChanged
from tieout.streams.operate.cli.exits import Exit

pytestmark = pytest.mark.broker

ACCOUNT = """
[erp]
partition = 0
adapter = "standin"
url = "{url}"
secret_env = "STANDIN_KEY"
slots = 5
"""
COUNT = 20


def changes(ground) -> list[tuple[str, str, int]]:
    """(command id, status, version) of what the contracts were told."""
    return [
        (each.envelope.object_id, each.status, each.envelope.object_version)
        for each in ground.told()
        if isinstance(each, ErpStatusChanged)
    ]


def test_documents_that_were_reversed_and_dated_otherwise_by_hand_are_told_once(tmp_path: Path):
    sent = many_contracts(NAMES, COUNT, seed=3, wish=lambda _: {})
    booked = [each for each in sent if not isinstance(each, CustomerUpsert)]
    taken_back, moved = booked[0].header, booked[1].header
    with (
        started(tmp_path) as erp,
        PostingGround(tmp_path, ACCOUNT.format(url=erp.url), {"STANDIN_KEY": KEY}) as ground,
    ):
        ground.write(sent)
        ground.until("all are posted", lambda: len(ground.accepted()) == COUNT)
        assert f"erp: {len(booked)} documents asked about in 1 calls, 0 changed" in ground.tieout(
            "posting", "check", "--per-second", "100"
        )
        assert erp.ask("POST", "/admin/reverse", {"external_id": taken_back.command_id})["number"]
        edit = {"external_id": moved.command_id, "posting_date": moved.posting_date + 1}
        assert erp.ask("POST", "/admin/edit", edit) == {"edited": True}
        with pytest.raises(AssertionError, match="2 changed"):
            ground.tieout("posting", "check", "erp", "--per-second", "100", "--dry-run")
        assert changes(ground) == []
        told = {(taken_back.command_id, "reversed", 1), (moved.command_id, "edited", 1)}
        status = ground.ended("posting", "check", "erp", "--per-second", "100", "--json")
        assert status == Exit.ATTENTION
        assert set(changes(ground)) == told
        assert " 0 changed by hand" in ground.tieout("posting", "check", "erp", "--per-second", "100")
        assert len(changes(ground)) == len(told)
        erp.kill()
        erp.start()
        assert " 0 changed by hand" in ground.tieout("posting", "check", "erp", "--per-second", "100")
