"""Heartbeats over a real broker: what one worker posts, every page shows; a clean stop leaves, a kill goes silent."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from tieout.streams.operate.cli.stats import cluster_server
from tieout.streams.operate.heartbeats import HeartbeatReader, HeartbeatWriter
from tieout.streams.operate.status import PartitionStatus, WorkerStatus
from tieout.streams.operate.surface import WorkerSurface
from tieout.streams.operate.vitals import StatusBoard
from tieout.streams.settings import Settings

pytestmark = pytest.mark.broker


def status(name: str, received: int = 7) -> WorkerStatus:
    done = PartitionStatus(
        agent="contracts",
        partition=0,
        state="running",
        position=received,
        received=received,
        outcomes={"usage_rated": {"applied": received}},
    )
    now = time.time_ns() // 1_000
    return WorkerStatus(worker_id=name, version="1", started_us=now, reported_us=now, partitions=(done,))


@pytest.fixture
def topic(make_topic):
    return make_topic("worker-status", **{"cleanup.policy": "compact"})


async def until(condition, seconds: float = 15.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "not within the time"
        await asyncio.sleep(0.05)
    return found


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


async def stop(task: asyncio.Task) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_posted_is_seen_and_a_clean_stop_takes_it_away(broker, topic):
    board = StatusBoard()
    writer = HeartbeatWriter(broker.bootstrap, "alpha", board, topic)
    reader = HeartbeatReader(broker.bootstrap, topic)
    reading = asyncio.create_task(reader.run())
    writing = asyncio.create_task(writer.run())
    assert writer.answered.silent_seconds() == float("inf")
    board.post(status("alpha", 7))
    await until(lambda: reader.snapshot().received == 7)
    assert writer.answered.silent_seconds() < 5
    assert not reader.snapshot().workers[0].silent
    board.post(status("alpha", 9))
    await until(lambda: reader.snapshot().received == 9)
    await stop(writing)
    await until(lambda: reader.snapshot().workers == ())
    assert reader.snapshot().received == 9
    await stop(reading)


async def test_a_page_that_starts_later_reads_the_last_heartbeats_and_passes_over_rubbish(broker, topic):
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    for key, value in ((b"alpha", b"rubbish"), (b"beta", msgspec.json.encode(status("beta")))):
        await producer.send_and_wait(topic, key=key, value=value)
    await producer.stop()
    reader = HeartbeatReader(broker.bootstrap, topic)
    reading = asyncio.create_task(reader.run())
    await until(lambda: reader.snapshot().workers)
    now = reader.snapshot()
    assert [w.worker_id for w in now.workers] == ["beta"]
    assert now.unreadable_heartbeats == 1
    await stop(reading)


async def test_a_reader_that_is_started_again_goes_on_where_it_was(broker, topic):
    board = StatusBoard()
    writing = asyncio.create_task(HeartbeatWriter(broker.bootstrap, "alpha", board, topic).run())
    board.post(status("alpha", 7))
    reader = HeartbeatReader(broker.bootstrap, topic)
    for received in (7, 8):
        board.post(status("alpha", received))
        reading = asyncio.create_task(reader.run())
        await until(lambda received=received: reader.snapshot().received == received)
        await stop(reading)
    picture = reader._cluster
    reading = asyncio.create_task(reader.run())
    board.post(status("alpha", 9))
    await until(lambda: reader.snapshot().received == 9)
    assert reader._cluster is picture
    await stop(reading)
    await stop(writing)


async def test_a_reader_starts_anew_when_the_topic_was_made_anew(broker, topic):
    reader = HeartbeatReader(broker.bootstrap, topic)
    reader._next = 1_000
    reader._cluster.hear(status("ghost", 5), time.time_ns() // 1_000)
    reading = asyncio.create_task(reader.run())
    await until(lambda: reader.snapshot().workers == ())
    assert reader.snapshot().received == 0
    await stop(reading)


async def test_no_broker_is_an_error_in_bounded_time_and_not_a_hang():
    for client in (HeartbeatReader("127.0.0.1:1"), HeartbeatWriter("127.0.0.1:1", "alpha", StatusBoard())):
        with pytest.raises(Exception, match=r"(?i)bootstrap|connect"):
            await asyncio.wait_for(client.run(), 15)


def test_stats_serve_answers_shows_an_unready_broker_and_stops_on_a_signal(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TIEOUT_")}
    process = subprocess.Popen(
        [Path(sys.executable).parent / "tieout", "stats", "serve", "--bootstrap", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        with urllib.request.urlopen(url + "/", timeout=5) as answer:
            assert "No worker has reported yet" in answer.read().decode()
        assert get(url + "/livez")["ok"]
        with pytest.raises(urllib.error.HTTPError) as unready:
            get(url + "/readyz")
        assert json.load(unready.value)["failing"] == ["broker"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


async def test_stats_serve_shows_the_workers_of_a_real_broker(broker, topic):
    server = cluster_server(Settings(bootstrap=broker.bootstrap), topic)
    url = server.start()
    board = StatusBoard()
    board.post(status("alpha", 7))
    writing = asyncio.create_task(HeartbeatWriter(broker.bootstrap, "alpha", board, topic).run())
    await until(lambda: get(url + "/api/stats")["received"] == 7)
    assert get(url + "/readyz")["ok"]
    await stop(writing)
    await asyncio.to_thread(server.stop)


async def test_a_worker_answers_while_its_loop_is_busy_and_leaves_when_it_stops(broker, topic):
    surface = WorkerSurface(Settings(bootstrap=broker.bootstrap, worker_id="alpha"), topic)
    url = surface.start()
    watcher = HeartbeatReader(broker.bootstrap, topic)
    watching = asyncio.create_task(watcher.run())
    running = asyncio.create_task(
        surface.run(lambda: msgspec.structs.replace(status("alpha"), loop_lag=surface.loop_lag))
    )
    await until(lambda: watcher.snapshot().received == 7)
    await until(lambda: get(url + "/api/stats")["received"] == 7)
    assert get(url + "/livez")["ok"]
    assert get(url + "/readyz")["ok"]
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        assert get(url + "/livez")["ok"]
    await until(lambda: watcher.snapshot().workers[0].loop_lag_seconds > 0)
    exposition = await asyncio.to_thread(lambda: urllib.request.urlopen(url + "/metrics").read().decode())
    assert 'tieout_events_received_total{agent="contracts",partition="0"} 7.0' in exposition
    running.cancel()
    await asyncio.to_thread(surface.stop)
    await until(lambda: watcher.snapshot().workers == ())
    await stop(watching)
