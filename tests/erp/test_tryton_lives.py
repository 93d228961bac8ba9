"""Tryton and its PostgreSQL are killed while they post: what was committed is there once, and what was not can be sent again."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
from erp.contract_commands import ContractCommands
from erp.port_contract import accepted, both_sides, moved
from erp.standin_ground import NAMES
from erp.tryton_ground import MASTER_DATA, TrytonGround

from tieout.agents.posting.answers import Accepted, Refused
from tieout.streams.edges.erp.tryton import TrytonErp
from tieout.streams.operate.servers.errors import DirectoryInUseError
from tieout.streams.operate.tryton import EmbeddedTryton
from tieout.streams.operate.tryton.directory import ErpDirectory

pytestmark = pytest.mark.erp

CALLS, MOVES = 6, 20
WAITS = {"ambiguous", "transient", "throttled"}


@pytest.fixture
def home(tryton):
    """A new directory; the session's Tryton has made what is copied into it."""
    home = Path(tempfile.mkdtemp(prefix="tieout-test-erp-"))
    home.chmod(0o711)
    yield home / "erp"
    shutil.rmtree(home, ignore_errors=True)


async def until_answered(ask):
    """What the ERP says once it says something: connections that a kill has broken take a call to be noticed."""
    async with asyncio.timeout(60):
        while True:
            answers = await ask()
            if not [each for each in answers if isinstance(each, Refused) and each.kind in WAITS]:
                return answers
            await asyncio.sleep(0.2)


async def post_through_a_kill(erp: EmbeddedTryton, kill, seed: int) -> None:
    """One contract's journals, a kill at some moment among them, and all that is in doubt sent again afterwards."""
    ground = TrytonGround(erp)
    contract = ContractCommands(ground.names, secrets.token_hex(6))
    adapter = ground.connect(ground.url)
    before = await ground.books()
    calls = [[contract.journal(100 + number) for number in range(MOVES)] for _ in range(CALLS)]
    delay = random.Random(seed).uniform(0.05, 1.5)

    async def post_all():
        return [await adapter.post(call) for call in calls]

    async def kill_and_start():
        await asyncio.sleep(delay)
        await asyncio.to_thread(kill, erp)

    try:
        first, _ = await asyncio.gather(post_all(), kill_and_start())
        kinds = {answer.kind for call in first for answer in call if not isinstance(answer, Accepted)}
        assert kinds <= WAITS
        for answers, call in zip(first, calls, strict=True):
            found = await until_answered(lambda call=call: adapter.find(call))
            again = accepted(await until_answered(lambda call=call: adapter.post(call)))
            for answer, was_there, repeated in zip(answers, found, again, strict=True):
                assert repeated.duplicate == (was_there is not None)
                if isinstance(answer, Accepted):
                    assert (answer.document_no, True) == (repeated.document_no, repeated.duplicate)
        amount = CALLS * sum(100 + number for number in range(MOVES))
        assert moved(before, await ground.books()) == both_sides(ground, amount)
    finally:
        await adapter.close()


def kill_server(erp: EmbeddedTryton) -> None:
    erp.kill_server()
    erp.start_server()


def kill_database(erp: EmbeddedTryton) -> None:
    erp.kill_database()
    erp.start_database()


@pytest.mark.parametrize("kill", [kill_server, kill_database])
async def test_a_kill_posts_nothing_twice_and_loses_nothing(home, kill):
    with EmbeddedTryton(home, MASTER_DATA) as erp:
        await post_through_a_kill(erp, kill, seed=1)


@pytest.mark.full
@pytest.mark.parametrize("kill", [kill_server, kill_database])
async def test_ten_kills_post_nothing_twice_and_lose_nothing(home, kill):
    with EmbeddedTryton(home, MASTER_DATA) as erp:
        for seed in range(10):
            await post_through_a_kill(erp, kill, seed)


async def test_the_books_of_a_directory_are_there_at_the_next_start_and_two_cannot_have_it(home):
    others = psutil.Process().children(recursive=True)
    with EmbeddedTryton(home, MASTER_DATA) as erp:
        with pytest.raises(DirectoryInUseError, match=f"process {os.getpid()}"):
            EmbeddedTryton(home, MASTER_DATA).start()
        ground = TrytonGround(erp)
        contract = ContractCommands(ground.names, "life")
        journal = contract.journal(5)
        adapter = ground.connect(ground.url)
        (posted,) = accepted(await adapter.post([journal]))
        await adapter.close()
        servers = set(psutil.Process().children(recursive=True)) - set(others)
        assert len(servers) > 4
    # Where the first process of a container reaps nobody, what has ended stays as a zombie.
    assert not [each for each in servers if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
    assert not (home / "erp.json").exists()
    with EmbeddedTryton(home, MASTER_DATA) as erp:
        adapter = TrytonGround(erp).connect(erp.url)
        (again,) = accepted(await adapter.post([journal]))
        await adapter.close()
    assert (again.document_no, again.duplicate) == (posted.document_no, True)


async def test_when_its_owner_is_killed_no_server_is_left_and_the_next_start_finds_the_books(home):
    owner = start_elsewhere(home)
    running = ErpDirectory.at(home).running()
    servers = psutil.Process(owner.pid).children(recursive=True)
    assert len(servers) > 4
    journal = ContractCommands(NAMES, "orphan").journal(5)
    adapter = TrytonErp(running.url, running.posting_key, running.companies)
    (posted,) = accepted(await adapter.post([journal]))
    await adapter.close()
    owner.kill()
    owner.wait()
    with EmbeddedTryton(home, MASTER_DATA) as erp:  # while the servers of the first are still ending
        adapter = TrytonGround(erp).connect(erp.url)
        (again,) = accepted(await adapter.post([journal]))
        await adapter.close()
    assert (again.document_no, again.duplicate) == (posted.document_no, True)
    _, alive = await asyncio.to_thread(psutil.wait_procs, servers, 30)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def start_elsewhere(home: Path) -> subprocess.Popen:
    """An ERP whose owner is another process, which can be killed."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from erp.tryton_ground import MASTER_DATA\n"
        "from tieout.streams.operate.tryton import EmbeddedTryton\n"
        "EmbeddedTryton(Path(sys.argv[1]), MASTER_DATA).start()\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    tests = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(home)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": tests},
    )
    assert process.stdout.readline() == b"started\n"
    return process
