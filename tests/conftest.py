"""Fixtures that several test folders share: the session's Kafka broker and quick, unique topics on it."""

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tieout.streams.operate.broker import EmbeddedBroker

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def broker(tmp_path_factory) -> Iterator[EmbeddedBroker]:
    """One running Kafka node for the whole session. Do not stop it: start your own for that."""
    with EmbeddedBroker(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def unique() -> Callable[[str], str]:
    """unique("events") -> a name that no other test of this session uses: topics, groups, transactional ids."""
    return lambda stem: f"test-{stem}-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def make_topic(broker, unique) -> Callable[..., str]:
    """make_topic("events", partitions=4, **{"cleanup.policy": "compact"}) -> name of the new topic."""

    def make(stem: str = "topic", partitions: int = 1, **configs: Any) -> str:
        name = unique(stem)
        settings = {key: str(value) for key, value in configs.items()}
        create_topics(broker.bootstrap, [NewTopic(name, partitions, 1, topic_configs=settings)])
        return name

    return make


def create_topics(bootstrap: str, topics: list[NewTopic]) -> None:
    """Works in sync and async tests alike: the client gets an event loop of its own thread."""

    async def create() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            answer = await admin.create_topics(topics)
            refused = [error for error in answer.topic_errors if error[1] != 0]
            assert not refused, refused
        finally:
            await admin.close()

    run_in_thread(create)


def run_in_thread(work) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(work())).result()
