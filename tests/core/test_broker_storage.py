"""The data directory: one holder at a time, one cluster shape, enough room, whole files."""

import os
import subprocess
import threading
from dataclasses import replace

import pytest

from tieout.streams.operate.broker import storage
from tieout.streams.operate.broker.death import died
from tieout.streams.operate.broker.errors import DataDirMismatchError, DiskFullError
from tieout.streams.operate.broker.properties import NodePlace
from tieout.streams.operate.broker.storage import Cluster, DataDirectory, Running, new_id
from tieout.streams.operate.servers.errors import DiedError, DirectoryInUseError, PortTakenError

RUNNING = Running(
    pid=4711,
    cluster_id="AAAAAAAAAAAAAAAAAAAAAA",
    bootstrap="127.0.0.1:20001",
    nodes=1,
    kafka_version="4.1.1",
    heap_mb=256,
    started_at_ms=0,
    stops_on_signal=True,
)


@pytest.fixture
def directory(tmp_path):
    return DataDirectory.at(tmp_path / "kafka")


def test_a_second_holder_is_refused_with_the_first_ones_address(directory, monkeypatch):
    monkeypatch.setattr(storage, "_LOCK_PATIENCE_S", 0.1)
    held = directory.acquire()
    directory.announce(replace(RUNNING, pid=os.getpid()))
    with pytest.raises(DirectoryInUseError, match=rf"process {os.getpid()} at 127\.0\.0\.1:20001") as caught:
        directory.acquire()
    assert str(directory.path) in caught.value.where
    os.close(held)
    os.close(directory.acquire())


def test_a_start_waits_for_nodes_whose_owner_was_killed(directory, monkeypatch):
    monkeypatch.setattr(storage, "_LOCK_PATIENCE_S", 0.0)
    held = directory.acquire()
    directory.announce(replace(RUNNING, pid=dead_process()))
    release = threading.Timer(0.3, os.close, [held])
    release.start()
    os.close(directory.acquire())
    assert directory.running() is None
    release.join()


def dead_process():
    """Id of a process that has just ended."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_the_lock_outlives_its_first_descriptor_when_a_guard_has_inherited_it(directory):
    held = directory.acquire()
    inherited = os.dup(held)
    os.close(held)
    assert directory.is_held()
    os.close(inherited)
    assert not directory.is_held()


def test_a_directory_that_was_never_used_is_not_held(tmp_path):
    assert not DataDirectory(tmp_path / "nowhere").is_held()


def test_a_directory_of_three_nodes_is_not_started_with_one(directory):
    directory.keep(Cluster(new_id(), (1, 2, 3), (4, 5, 6)))
    directory.require_nodes(3)
    with pytest.raises(DataDirMismatchError, match=r"cluster of 3 node\(s\), 1 were asked for"):
        directory.require_nodes(1)


def test_too_little_room_is_refused_before_anything_starts(directory):
    with pytest.raises(DiskFullError, match="MiB are free, the broker wants"):
        directory.require_room(1 << 40)
    directory.require_room(0)


def test_notes_are_read_back_as_written(directory):
    cluster = Cluster(new_id(), (1,), (2,))
    directory.keep(cluster)
    directory.announce(RUNNING)
    assert (directory.cluster(), directory.running()) == (cluster, RUNNING)
    directory.announce(None)
    assert directory.running() is None


def test_a_formatted_node_keeps_its_identity_when_it_is_prepared_again(directory):
    place = NodePlace(1, 20_001, 20_002, directory.node_directory(1) / "data")
    cluster_id = new_id()
    directory.format_node(place, (place,), cluster_id, b"levels")
    first = (place.log_dir / "meta.properties").read_text()
    (place.log_dir / "bootstrap.checkpoint").write_bytes(b"its own")
    directory.format_node(place, (place,), cluster_id, b"levels")
    assert (place.log_dir / "meta.properties").read_text() == first
    assert (place.log_dir / "bootstrap.checkpoint").read_bytes() == b"its own"
    assert f"cluster.id={cluster_id}\n" in first


def test_ids_have_kafkas_form():
    ids = [new_id() for _ in range(500)]
    assert all(len(identity) == 22 and identity[0] != "-" for identity in ids)
    assert len(set(ids)) == 500


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("java.net.BindException: Address already in use", PortTakenError),
        ("java.io.IOException: No space left on device", DiskFullError),
        ("Disk error while writing: java.io.IOException: Disk quota exceeded", DiskFullError),
        (
            "KafkaException: Failed to acquire lock on file .lock in /x. A Kafka instance ...",
            DirectoryInUseError,
        ),
        ("Error: Could not find or load main class kafka.Kafka", DiedError),
    ],
)
def test_a_brokers_last_words_name_the_error(tmp_path, said, kind):
    error = died(f"INFO starting\n{said}\nINFO shut down\n", 1, tmp_path)
    assert type(error) is kind
    assert error.next_step


def test_an_unknown_death_quotes_what_tells_and_names_the_log(tmp_path):
    error = died("INFO hello\nERROR something odd\nINFO bye\n", 7, tmp_path)
    assert "exit status 7" in error.what
    assert "something odd" in error.what
    assert "hello" not in error.what
    assert error.where.endswith("server.log")
