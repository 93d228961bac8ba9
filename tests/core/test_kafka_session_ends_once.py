"""An end of transaction is sent once: where its answer is lost, the session is of no more use and says so.

The producer is the real one; only its connections are ours.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.transaction import EndTxnRequest

from tieout.streams.engine.errors import CommitUnanswered
from tieout.streams.engine.kafka_session import KafkaSession
from tieout.streams.engine.limits import EngineSettings

EPOCH = 3


class Line:
    """Connections that fail first with ``errors``, then answer; ``ends`` are the epochs of the ends that were asked for."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.ends: list[int] = []

    async def send(self, _node: int, request: object, **_: object) -> SimpleNamespace:
        if isinstance(request, EndTxnRequest):
            self.ends.append(EPOCH)
            if self.errors:
                raise self.errors.pop(0)
        return SimpleNamespace(error_code=0)


async def committed_over(line: Line) -> None:
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", transactional_id="app-a-0")
    producer._closed = True  # it was never started, and says so at its end otherwise
    producer.client.send = line.send

    async def found(*_: object, **__: object) -> int:
        return 1

    producer.client.coordinator_lookup = producer.client.ready = found
    transactions = producer._txn_manager
    transactions.set_pid_and_epoch(7, EPOCH)
    session = KafkaSession(producer, "app-a-0", EngineSettings())
    await producer._sender.start()
    transactions.begin_transaction()
    transactions._txn_partitions.add(TopicPartition("changelog", 0))
    try:
        await session.commit()
    finally:
        producer._sender._sender_task.cancel()
        await asyncio.wait({producer._sender._sender_task})


@pytest.mark.parametrize("lost", [KafkaConnectionError("closed"), RequestTimedOutError()])
def test_an_end_without_an_answer_is_never_asked_for_again(lost):
    line = Line(lost)
    with pytest.raises(CommitUnanswered):
        asyncio.run(asyncio.wait_for(committed_over(line), 20))
    assert line.ends == [EPOCH]


def test_an_end_that_was_never_sent_is_tried_again():
    line = Line(NodeNotReadyError())
    asyncio.run(asyncio.wait_for(committed_over(line), 20))
    assert line.ends == [EPOCH, EPOCH]
