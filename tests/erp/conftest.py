"""The shared parts of these tests explain their failed assertions like a test module does."""

import asyncio
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

for shared in ("port_contract", "contract_commands", "wire"):
    pytest.register_assert_rewrite(f"erp.{shared}")

from erp.tryton_ground import MASTER_DATA, TrytonGround  # noqa: E402 - after what has to be registered before its import

from tieout.streams.operate.tryton import EmbeddedTryton  # noqa: E402
from tieout.streams.operate.tryton.errors import PostgresqlMissingError  # noqa: E402


@pytest.fixture(scope="session")
def tryton():
    """One Tryton for the whole session. Do not kill it: start your own for that."""
    # Not below pytest's own folder: where root runs the tests, the database's user could not reach it.
    home = Path(tempfile.mkdtemp(prefix="tieout-test-erp-"))
    home.chmod(0o711)
    erp = EmbeddedTryton(home / "erp", MASTER_DATA)
    try:
        erp.start()
    except PostgresqlMissingError as missing:
        pytest.skip(f"NO REAL ERP: {missing}")
    try:
        yield erp
    finally:
        erp.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def tryton_with_closed_january(tryton):
    """The session's Tryton as a ground for the contract."""
    ground = TrytonGround(tryton)

    async def close() -> None:
        await ground.act("account.period", await ground.period(ground.names.closed_period), "close")

    with ThreadPoolExecutor(1) as pool:  # pytest keeps an event loop of its own in this thread
        pool.submit(asyncio.run, close()).result()
    return ground
