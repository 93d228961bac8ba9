"""The embedded broker against real Java processes: it works, it stops, it leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tieout.streams.operate.broker import EmbeddedBroker, ready
from tieout.streams.operate.broker.errors import DataDirMismatchError, DiskFullError
from tieout.streams.operate.broker.storage import DataDirectory
from tieout.streams.operate.servers import ports
from tieout.streams.operate.servers.errors import DiedError, DirectoryInUseError, PortTakenError

pytestmark = pytest.mark.broker

GONE_S = 10.0


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A broker that these tests may stop and kill; each leaves it running."""
    with EmbeddedBroker(tmp_path_factory.mktemp("own") / "kafka") as running:
        yield running


async def write(bootstrap, topic, value, transactional_id):
    """Write one record in a transaction."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=transactional_id)
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def read(bootstrap, topic):
    """Every committed value of partition 0."""
    partition = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        values = []
        while await consumer.position(partition) < end:
            batches = await consumer.getmany(timeout_ms=200)
            values += [record.value for records in batches.values() for record in records]
        return values
    finally:
        await consumer.stop()


async def create(bootstrap, topic, copies=1):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, copies)])
    await admin.close()


def wait_until_gone(pids, seconds=GONE_S):
    """Wait for processes to end; those of a killed parent are reaped by whoever adopted them."""
    deadline = time.monotonic() + seconds
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there after {seconds} s: {[p for p in pids if runs(p)]}"
        time.sleep(0.05)


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_committed_transaction_is_read_back_from_the_sessions_broker(broker, make_topic, unique):
    topic = make_topic("round-trip")
    await write(broker.bootstrap, topic, b"kept", unique("writer"))
    assert await read(broker.bootstrap, topic) == [b"kept"]


def test_ready_means_this_broker_and_not_another_one_on_its_port(broker):
    running = DataDirectory(broker.nodes[0].home.parent).running()
    assert ready.probe(ready.Address(broker.bootstrap, 1, running.cluster_id))
    assert not ready.probe(ready.Address(broker.bootstrap, 1, "AAAAAAAAAAAAAAAAAAAAAA"))
    assert not ready.probe(ready.Address(broker.bootstrap, 3, running.cluster_id))


async def test_records_and_address_stay_over_a_clean_stop_and_the_death_of_its_guard(own, unique):
    topic, address = unique("restarts"), own.bootstrap
    await create(address, topic)
    await write(address, topic, b"first", unique("writer"))
    own.stop()
    assert not any(node.is_running() for node in own.nodes)
    own.start()
    await write(address, topic, b"second", unique("writer"))
    java = own.nodes[0].java_pid
    os.kill(psutil.Process(java).ppid(), signal.SIGKILL)
    wait_until_gone([java])
    with pytest.raises(DiedError):
        own.check_alive()
    own.stop()
    own.start()
    assert own.bootstrap == address
    assert await read(address, topic) == [b"first", b"second"]


def test_its_log_is_kept_in_the_data_directory_and_settings_are_the_tables(own):
    home = own.nodes[0].home
    assert "Kafka Server started" in (home / "logs" / "server.log").read_text()
    assert "auto.create.topics.enable=false" in (home / "server.properties").read_text()


def test_a_new_cluster_has_the_feature_levels_that_kafkas_own_format_tool_gives(own):
    log = (own.nodes[0].home / "logs" / "server.log").read_text()
    assert "bootstrap record(s) in metadata transaction at metadata.version 4.1" in log
    assert "bootstrap.checkpoint" in log


def test_a_second_broker_on_the_data_directory_is_refused_with_the_firsts_address(own):
    with pytest.raises(DirectoryInUseError, match="another broker holds the data directory") as caught:
        EmbeddedBroker(own.nodes[0].home.parent).start()
    assert own.bootstrap in caught.value.what
    assert own.nodes[0].is_running()


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"127.0.0.1:{port}"):
            EmbeddedBroker(tmp_path, port=port).start()
    assert not DataDirectory(tmp_path).is_held()


def test_a_port_that_is_taken_between_choice_and_start_is_replaced(tmp_path, monkeypatch):
    choose = ports.choose
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        answers = iter([(taken, *choose(1))])
        monkeypatch.setattr(ports, "choose", lambda count: next(answers, None) or choose(count))
        with EmbeddedBroker(tmp_path) as running:
            assert running.bootstrap != f"127.0.0.1:{taken}"


def test_too_little_disk_space_is_said_before_anything_starts(tmp_path):
    with pytest.raises(DiskFullError, match="MiB are free, the broker wants"):
        EmbeddedBroker(tmp_path, free_mb=1 << 40).start()
    assert not DataDirectory(tmp_path).is_held()


def test_a_java_that_does_not_start_says_why_and_names_the_log(tmp_path):
    with pytest.raises(DiedError, match="Too small maximum heap") as caught:
        EmbeddedBroker(tmp_path, heap_mb=1).start()
    assert Path(caught.value.where).name == "server.log"
    assert not DataDirectory(tmp_path).is_held()


OWNER = """
import sys, time
from pathlib import Path
from tieout.streams.operate.broker import EmbeddedBroker
with EmbeddedBroker(Path(sys.argv[1])) as broker:
    print(broker.nodes[0].java_pid, flush=True)
    time.sleep(600)
"""


def test_no_java_is_left_when_its_owner_is_killed(tmp_path):
    owner = subprocess.Popen(
        [sys.executable, "-P", "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    java = int(owner.stdout.readline())
    guard = psutil.Process(java).ppid()
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until_gone([java, guard])
    deadline = time.monotonic() + 30
    while DataDirectory(
        tmp_path
    ).is_held():  # the last thread of a dead process lets go of its files after the first
        assert time.monotonic() < deadline, "the directory is still held"
        time.sleep(0.05)


async def test_three_nodes_keep_what_was_committed_when_one_is_killed(tmp_path, unique):
    with EmbeddedBroker(tmp_path, nodes=3) as cluster:
        topic = unique("copies")
        await create(cluster.bootstrap, topic, copies=3)
        await write(cluster.bootstrap, topic, b"before", unique("writer"))
        lost = cluster.nodes[1]
        lost.kill()
        await write(cluster.bootstrap, topic, b"without", unique("writer"))
        cluster.restart_node(lost)
        assert await read(cluster.bootstrap, topic) == [b"before", b"without"]
        javas = [node.java_pid for node in cluster.nodes]
    assert not any(runs(java) for java in javas)
    with pytest.raises(DataDirMismatchError, match=r"3 node\(s\), 1 were asked for"):
        EmbeddedBroker(tmp_path).start()
