"""Goal: anybody can add state up. `tieout state` on a real changelog and on the directories of a real worker."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from tieout.streams import twin
from tieout.streams.operate.cli import app
from tieout.streams.operate.cli.exits import Exit
from tieout.streams.topic_table import changelog_of
from tieout.tables.rocksdb_store import RocksdbStore

pytestmark = pytest.mark.broker


@pytest.fixture
def at_rest(bench, unique, make_topic, monkeypatch, events, broker, wait_until):
    """A bench whose worker has counted 600 events and stopped, and the command on its state."""
    monkeypatch.setattr(twin, "WORKER_STATUS", make_topic("status", **{"cleanup.policy": "compact"}))
    agent = unique("agent")
    bench.changelog = changelog_of(agent)
    asyncio.run(create(broker.bootstrap, bench.changelog, bench.partitions))
    bench.produce(events(600, 40))
    worker = bench.start(agent={"name": agent})
    bench.await_outputs(600)
    wait_until("the worker has told of all of them", lambda: worker.total("outputs") == 600)
    live = {task["partition"]: task["digest"] for task in worker.tasks("running")}
    assert worker.end() == 0

    def state(what: str, *more: str):
        places = ("--agent", agent, "--bootstrap", bench.bootstrap)
        where = ("--state-dir", str(bench.folder / "state-a"))
        return CliRunner().invoke(app, ["state", what, *places, *where, *more])

    def rows(partition: int) -> RocksdbStore:
        return RocksdbStore(bench.folder / "state-a" / agent / str(partition) / "rows")

    return SimpleNamespace(bench=bench, agent=agent, live=live, state=state, rows=rows)


async def create(bootstrap: str, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1, topic_configs={"cleanup.policy": "compact"})])
    await admin.close()


def test_what_a_worker_has_live_is_what_its_disk_and_its_changelog_add_up_to(at_rest):
    done = at_rest.state("digest", "--json")
    assert done.exit_code == Exit.OK, done.output
    found = json.loads(done.stdout)["partitions"]
    assert [look["partition"] for look in found] == list(range(at_rest.bench.partitions))
    for look in found:
        digests = {look[place][kind] for place in ("disk", "changelog") for kind in ("written", "computed")}
        assert digests == {at_rest.live[look["partition"]]}
        assert 0 < look["disk"]["upto"] <= look["changelog"]["upto"]
        assert look["disk"]["rows"] == look["changelog"]["rows"] > 0
    assert "ties out" in at_rest.state("digest").stdout
    assert list((at_rest.bench.folder / "state-a").glob("digest-*")) == [], "nothing is left behind"


def test_a_row_that_a_disk_has_lost_is_found_and_a_rebuild_brings_it_back(at_rest, wait_until):
    store = at_rest.rows(2)
    store.write({next(store.scan(b"c/"))[0]: None})
    store.close()
    for more in ((), ("--local",)):
        done = at_rest.state("digest", *more)
        assert done.exit_code == Exit.STATE
        assert f"{at_rest.agent}/2: this disk: its rows do not add up" in done.stdout
    assert at_rest.state("digest", "--partition", "1").exit_code == Exit.OK
    rebuilt = at_rest.state("rebuild", "--partition", "2", "--json")
    assert rebuilt.exit_code == Exit.OK, rebuilt.output
    (one,) = json.loads(rebuilt.stdout)["partitions"]
    assert (one["partition"], one["digest"]) == (2, at_rest.live[2])
    assert one["records"] > one["rows"] > 0
    assert at_rest.state("digest").exit_code == Exit.OK
    worker = at_rest.bench.start(agent={"name": at_rest.agent})
    wait_until("all run", lambda: len(worker.tasks("running")) == at_rest.bench.partitions)
    assert all(task["restore"]["records"] == 0 for task in worker.tasks("running")), "it is used as it is"


def test_the_rows_of_a_living_worker_are_left_alone(at_rest, wait_until):
    worker = at_rest.bench.start(agent={"name": at_rest.agent})
    wait_until("all run", lambda: len(worker.tasks("running")) == at_rest.bench.partitions)
    refused = at_rest.state("rebuild")
    assert refused.exit_code == Exit.FAILURE
    assert "another process holds it" in refused.stderr
    looked = at_rest.state("digest")
    assert looked.exit_code == Exit.OK
    assert "another process holds it" in looked.stdout
    assert at_rest.state("digest", "--local").exit_code == Exit.FAILURE
    assert worker.end() == 0
    assert at_rest.state("digest").exit_code == Exit.OK


def test_a_changelog_with_a_row_of_nobody_is_said_to_be_damaged(at_rest):
    asyncio.run(write_a_row(at_rest.bench.bootstrap, at_rest.bench.changelog, 3))
    done = at_rest.state("digest")
    assert done.exit_code == Exit.STATE
    assert f"{at_rest.agent}/3: the changelog:" in done.stdout
    refused = at_rest.state("rebuild", "--partition", "3")
    assert refused.exit_code == Exit.STATE
    assert "changelog_damaged" in refused.stderr


async def write_a_row(bootstrap: str, topic: str, partition: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, key=b"c/k1", value=b"1,1", partition=partition)
    await producer.stop()


def test_a_partition_that_there_is_not_and_a_place_without_rows_are_said(at_rest, tmp_path):
    assert at_rest.state("rebuild", "--partition", "99").exit_code == Exit.USAGE
    empty = at_rest.state("digest", "--local", "--state-dir", str(tmp_path / "nowhere"))
    assert empty.exit_code == Exit.FAILURE
    assert "name the worker's --state-dir" in empty.stderr
