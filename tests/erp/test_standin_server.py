"""The stand-in ERP keeps what it acknowledged: killed at any moment, its journal torn, or two of them in one folder."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, post_each
from erp.standin_ground import KEY, NAMES, SCRIPT, started

from tieout.agents.posting.answers import Found
from tieout.streams.edges.erp.standin import StandinErp
from tieout.streams.operate.standin.process import StandinFailed, StandinProcess
from tieout.streams.operate.standin.script import Script, ScriptRefused


async def with_adapter(process, work):
    erp = StandinErp(process.url, key=KEY)
    try:
        return await work(erp)
    finally:
        await erp.close()


async def posted(erp, count, name="life"):
    """The journals of one contract, posted."""
    contract = ContractCommands(NAMES, name)
    journals = [contract.journal(1 + number) for number in range(count)]
    accepted(await post_each(erp, [contract.customer(), *journals]))
    return journals


@pytest.mark.parametrize("fsync", ["none", "group"])
async def test_what_was_acknowledged_is_there_after_a_kill(tmp_path, fsync):
    with started(tmp_path, f'fsync = "{fsync}"\n{SCRIPT}') as process:
        journals = await with_adapter(process, lambda erp: posted(erp, 30))
        before = process.ask("GET", "/admin/trial-balance")
        url = process.url
        process.kill()
        process.start()
        assert process.url == url
        found = await with_adapter(process, lambda erp: erp.find(journals))
        assert all(isinstance(each, Found) and each.state == "posted" for each in found)
        assert process.ask("GET", "/admin/trial-balance") == before
        await with_adapter(process, lambda erp: posted(erp, 1, "another"))
        numbers = [
            each["number"]
            for each in process.ask("GET", "/admin/documents")["documents"]
            if each["document"]["kind"] == "journal.post"
        ]
        assert numbers == [f"JE{number:08d}" for number in range(1, 32)]


async def test_killed_in_the_middle_of_a_load_every_document_is_there_once_or_not_at_all(tmp_path):
    contract = ContractCommands(NAMES, "load")
    journals = [contract.journal(1 + number) for number in range(400)]
    with started(tmp_path) as process:
        await with_adapter(process, lambda erp: erp.post([contract.customer()]))

        async def kill_when_half_is_done() -> None:
            while process.ask("GET", "/admin/counters")["posted"] < 200:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0)
            process.kill()

        async def load(erp):
            killing = asyncio.create_task(kill_when_half_is_done())
            answers = [(await erp.post([each]))[0] for each in journals]
            await killing
            return answers

        answers = await with_adapter(process, load)
        process.start()
        found = await with_adapter(process, lambda erp: erp.find(journals))
        for answer, there in zip(answers, found, strict=True):
            kind = getattr(answer, "kind", "accepted")
            assert kind in {"accepted", "ambiguous", "transient"}
            if kind != "ambiguous":
                assert (there is not None) == (kind == "accepted")
        accepted(await with_adapter(process, lambda erp: post_each(erp, journals)))
        listed = process.ask("GET", "/admin/documents")["documents"]
        assert len(listed) == len({each["document"]["external_id"] for each in listed}) == 401


async def test_a_torn_last_line_is_cut_off_and_a_damaged_one_before_it_is_refused(tmp_path):
    with started(tmp_path) as process:
        journals = await with_adapter(process, lambda erp: posted(erp, 3))
        process.stop()
        journal = process.folder / "journal.log"
        whole = journal.read_bytes()
        for cut in (1, 30, len(whole.splitlines(keepends=True)[-1]) - 1):
            journal.write_bytes(whole[:-cut])
            process.start()
            assert journal.read_bytes() == b"".join(whole.splitlines(keepends=True)[:-1])
            found = await with_adapter(process, lambda erp: erp.find(journals))
            assert [each is None for each in found] == [False, False, True]
            accepted(await with_adapter(process, lambda erp: erp.post(journals[2:])))
            process.stop()
            assert journal.read_bytes() == whole
        lines = whole.splitlines(keepends=True)
        journal.write_bytes(lines[0] + lines[1].replace(b"1", b"2") + b"".join(lines[2:]))
        with pytest.raises(StandinFailed, match="line 2 is damaged"):
            process.start()


def test_two_stand_ins_do_not_share_a_folder(tmp_path):
    with started(tmp_path) as process, pytest.raises(StandinFailed, match="another stand-in ERP"):
        StandinProcess(process.folder).start()


def test_a_script_that_cannot_be_meant_says_what_to_write(tmp_path):
    for text, said in (
        ("slotz = 5", "slotz"),
        ("lost_rate = 2.0", "a share from 0 to 1"),
        ("latency_ms = -1.0", "cannot be negative"),
        ("slots = ", "is not TOML"),
    ):
        file = tmp_path / "script.toml"
        file.write_text(text)
        with pytest.raises(ScriptRefused, match=said):
            Script.load(file)
    entry = [sys.executable, "-c", "from tieout.streams.operate.cli import main; main()", "standin"]
    options = ["--dir", str(tmp_path / "erp"), "--script", str(file)]
    done = subprocess.run([*entry, *options], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "is not TOML" in done.stderr) == (2, True)


async def test_the_same_documents_meet_the_same_faults_however_their_calls_interleave(tmp_path):
    async def lost(folder, *, at_once: bool) -> list[str]:
        folder.mkdir()
        with started(folder, f"lost_rate = 0.3\nseed = 7\n{SCRIPT}") as process:

            async def post(erp):
                contract = ContractCommands(NAMES, "chance")
                await erp.post([contract.customer()])
                journals = [contract.journal(1 + number) for number in range(30)]
                calls = [erp.post([each]) for each in journals]
                answers = await asyncio.gather(*calls) if at_once else [await each for each in calls]
                return [
                    journal.header.command_id
                    for journal, (answer,) in zip(journals, answers, strict=True)
                    if getattr(answer, "kind", "") == "ambiguous"
                ]

            ambiguous = await with_adapter(process, post)
            assert process.ask("GET", "/admin/counters")["posted"] == 31
            return ambiguous

    one_by_one = await lost(tmp_path / "a", at_once=False)
    assert 3 < len(one_by_one) < 20
    assert await lost(tmp_path / "b", at_once=True) == one_by_one
