"""A bench for the engine: topics, toy workers as processes, and what a read-committed reader finds afterwards."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from engine_load import Load
from installation import Installation

from tieout.streams.operate.broker import EmbeddedBroker

TOY_WORKER = Path(__file__).with_name("toy_worker.py")
DEADLINE = 30.0


def in_thread(work: Callable[[], Any]) -> Any:
    """Run a coroutine function on a loop of its own, from sync and async tests alike."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


def until(what: str, condition: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    """Wait for a truth; a liveness deadline, not a measurement."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class ToyWorker:
    process: subprocess.Popen
    status_file: Path
    log_file: Path

    def status(self) -> dict[str, Any]:
        return (
            json.loads(self.status_file.read_text())
            if self.status_file.exists()
            else {"tasks": [], "ready": False}
        )

    def tasks(self, state: str) -> list[dict[str, Any]]:
        return [task for task in self.status()["tasks"] if task["state"] == state]

    def total(self, counter: str) -> int:
        return sum(task[counter] for task in self.status()["tasks"])

    def log(self) -> str:
        return self.log_file.read_text()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def is_stopped(self) -> bool:
        state = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state == "T"

    def end(self, seconds: float = 15) -> int:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.process.wait(seconds)


@dataclass
class Bench:
    bootstrap: str
    folder: Path
    inbox: str
    changelog: str
    output: str
    partitions: int
    app_id: str
    workers: list[ToyWorker] = field(default_factory=list)

    def agent(self, **more: Any) -> dict[str, Any]:
        return {"inbox": self.inbox, "changelog": self.changelog, "output": self.output, **more}

    def start(
        self, worker_id: str = "a", *, faults: str = "", settings: dict | None = None, **more: Any
    ) -> ToyWorker:
        number = len(self.workers)
        config = self.folder / f"config-{number}.json"
        worker = ToyWorker.__new__(ToyWorker)
        worker.status_file = self.folder / f"status-{number}.json"
        worker.log_file = self.folder / f"log-{number}.txt"
        agents = more.pop("agents", None) or [self.agent(**more.pop("agent", {}))]
        config.write_text(
            json.dumps(
                {
                    "bootstrap": self.bootstrap,
                    "app_id": self.app_id,
                    "worker_id": worker_id,
                    "state_dir": str(self.folder / f"state-{worker_id}"),
                    "status_file": str(worker.status_file),
                    "agents": agents,
                    "settings": {"session_timeout_seconds": 2.0} | (settings or {}),
                    **more,
                }
            )
        )
        environment = {**os.environ, "TIEOUT_FAULT_POINTS": faults}
        with worker.log_file.open("w") as log:
            worker.process = subprocess.Popen(
                [sys.executable, str(TOY_WORKER), str(config)], stdout=log, stderr=log, env=environment
            )
        self.workers.append(worker)
        return worker

    def produce(self, events: list[tuple[bytes, bytes]], *, batch: int = 200, abort_every: int = 0) -> None:
        """Write events keyed to partitions; with ``abort_every`` in transactions, some of them aborted."""

        async def send() -> None:
            transactional = {"transactional_id": f"{self.app_id}-source"} if abort_every else {}
            producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, **transactional)
            await producer.start()
            try:
                for number, begin in enumerate(range(0, len(events), batch)):
                    if abort_every and number % abort_every == 0:
                        await producer.begin_transaction()
                        await producer.send(
                            self.inbox, b"1000000", b"aborted", partition=number % self.partitions
                        )
                        await producer.abort_transaction()
                    if abort_every:
                        await producer.begin_transaction()
                    sent = [
                        await producer.send(self.inbox, value, key, partition=self.partition_of(key))
                        for key, value in events[begin : begin + batch]
                    ]
                    await asyncio.gather(*sent)
                    if abort_every:
                        await producer.commit_transaction()
            finally:
                await producer.stop()

        in_thread(send)

    def partition_of(self, key: bytes) -> int:
        return sum(key) % self.partitions

    def read(self, topic: str, *, committed: bool = True) -> list[Any]:
        """Everything in the topic now, as a reader of that isolation sees it."""

        async def fetch() -> list[Any]:
            isolation = "read_committed" if committed else "read_uncommitted"
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.bootstrap, isolation_level=isolation, enable_auto_commit=False
            )
            await consumer.start()
            try:
                places = [TopicPartition(topic, number) for number in range(self.partitions)]
                consumer.assign(places)
                await consumer.seek_to_beginning(*places)
                ends = await consumer.end_offsets(places)
                found: list[Any] = []
                while any([await consumer.position(place) < ends[place] for place in places]):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found.extend(records)
                return found
            finally:
                await consumer.stop()

        return in_thread(fetch)

    def outputs(self) -> dict[bytes, list[tuple[int, int, int]]]:
        """Counting outputs per key, in order: (value, count, sum)."""
        found: dict[bytes, list[tuple[int, int, int]]] = defaultdict(list)
        for record in self.read(self.output):
            found[record.key].append(tuple(int(part) for part in record.value.split(b",")))
        return dict(found)

    def await_outputs(self, count: int, seconds: float = DEADLINE) -> None:
        until(f"{count} outputs", lambda: len(self.read(self.output)) >= count, seconds)

    def stop_all(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait(10)


def expected(events: list[tuple[bytes, bytes]]) -> dict[bytes, list[tuple[int, int, int]]]:
    """What the toy agent must have said, once each and in order: an oracle of four lines."""
    said: dict[bytes, list[tuple[int, int, int]]] = defaultdict(list)
    for key, value in events:
        count, total = said[key][-1][1:] if said[key] else (0, 0)
        said[key].append((int(value), count + 1, total + int(value)))
    return dict(said)


def numbered(count: int, keys: int) -> list[tuple[bytes, bytes]]:
    return [(b"k%d" % (number * 7 % keys), b"%d" % (number % 97)) for number in range(count)]


@pytest.fixture
def bench(broker, make_topic, unique, tmp_path) -> Iterator[Bench]:
    made = make_bench(broker.bootstrap, make_topic, unique, tmp_path)
    yield made
    made.stop_all()


@pytest.fixture
def own_bench(tmp_path) -> Iterator[tuple[EmbeddedBroker, Bench]]:
    """A broker that may be killed, and a bench of two partitions on it."""
    with EmbeddedBroker(tmp_path / "kafka") as own:
        topics = {"inbox": {}, "changelog": {"cleanup.policy": "compact"}, "output": {}}
        create_topics(
            own.bootstrap, [NewTopic(name, 2, 1, topic_configs=more) for name, more in topics.items()]
        )
        made = Bench(own.bootstrap, tmp_path, "inbox", "changelog", "output", 2, "app")
        yield own, made
        made.stop_all()


@pytest.fixture
def installation(tmp_path) -> Iterator[Installation]:
    """A Kafka of its own, without topics, and the commands of tieout for it."""
    with EmbeddedBroker(tmp_path / "kafka") as own:
        made = Installation(own.bootstrap, tmp_path)
        yield made
        made.end_worker()


def create_topics(bootstrap: str, topics: list[NewTopic]) -> None:
    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        await admin.create_topics(topics)
        await admin.close()

    in_thread(create)


def make_bench(bootstrap: str, make_topic, unique, folder: Path, partitions: int = 4) -> Bench:
    log = {"message.timestamp.type": "LogAppendTime"}
    return Bench(
        bootstrap=bootstrap,
        folder=folder,
        inbox=make_topic("inbox", partitions, **log),
        changelog=make_topic("changelog", partitions, **{"cleanup.policy": "compact"}),
        output=make_topic("output", partitions, **log),
        partitions=partitions,
        app_id=unique("app"),
    )


@pytest.fixture
def running():
    """running(Load(...)) -> the load, started; it ends with the test, failed or not."""
    started: list[Load] = []

    def start(load: Load) -> Load:
        started.append(load)
        return load.start()

    yield start
    for load in started:
        load.stop()


@pytest.fixture
def note():
    """Tell a measured figure: ``--log-cli-level=INFO`` shows it."""

    def keep(name: str, value: object) -> None:
        logging.getLogger("figures").info("%s: %s", name, value)

    return keep


@pytest.fixture(scope="session")
def bench_of():
    """Make a bench of another size; whoever makes it stops its workers."""
    return make_bench


@pytest.fixture(scope="session")
def toy():
    """The toy agent's module, for tests that run a task in their own process."""
    spec = importlib.util.spec_from_file_location("toy_worker", TOY_WORKER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def events():
    return numbered


@pytest.fixture(scope="session")
def oracle():
    return expected


@pytest.fixture(scope="session")
def wait_until():
    return until
