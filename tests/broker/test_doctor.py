"""``tieout doctor`` on a Kafka of its own, from an empty one to a stuck transaction: it names what is wrong, and when not."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from installation import Installation

pytestmark = pytest.mark.broker


def test_the_doctor_names_what_is_wrong_and_finds_nothing_when_all_is_well(installation, wait_until):
    status, wrong = installation.findings()
    assert status == 1
    assert "missing: tieout.source-events" in wrong["topics"][0]["found"]
    assert wrong["topics"][0]["next_step"] == "tieout topics apply"
    assert installation.run("topics", "apply").returncode == 0
    status, wrong = installation.findings()
    assert (status, set(wrong)) == (1, {"groups", "workers"})
    assert wrong["workers"][0]["found"] == "no worker has ever reported"
    installation.start_worker()
    wait_until("all is well", lambda: installation.findings() == (0, {}), 90)
    done = installation.run("doctor")
    assert (done.returncode, "0 broken, 0 to look at" in done.stdout) == (0, True), done.stdout
    assert "2 clocks agree" in done.stdout
    asyncio.run(look_while_a_transaction_stands_open(installation))
    installation.worker.kill()
    installation.worker.wait(10)
    wait_until("it is missed", lambda: "not been heard" in str(installation.findings()[1].get("workers")), 60)


async def look_while_a_transaction_stands_open(installation: Installation) -> None:
    squatter = AIOKafkaProducer(
        bootstrap_servers=installation.environment["TIEOUT_BOOTSTRAP"],
        transactional_id="squatter",
        transaction_timeout_ms=60_000,
    )
    await squatter.start()
    await squatter.begin_transaction()
    await squatter.send_and_wait("tieout.decisions", b"x", b"foreign", partition=1)
    status, wrong = await asyncio.to_thread(installation.findings)
    await squatter.abort_transaction()
    await squatter.stop()
    assert (status, list(wrong)) == (9, ["transactions"]), wrong
    assert "tieout.decisions" in wrong["transactions"][0]["found"]
    assert "partition 1 is readable up to" in wrong["transactions"][0]["found"]
