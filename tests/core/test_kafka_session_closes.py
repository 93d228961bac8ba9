"""A session lets go of its connections in bounded time, also where the broker has stopped reading in the middle of a batch."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from aiokafka.conn import AIOKafkaConnection

from tieout.streams.engine import kafka_session
from tieout.streams.engine.kafka_session import KafkaSession
from tieout.streams.engine.limits import EngineSettings

UNSENT_BYTES = 32 << 20  # far more than the sockets of both ends hold


class FrozenBroker(asyncio.Protocol):
    """Takes a connection and never reads from it."""

    def connection_made(self, transport) -> None:
        transport.pause_reading()


class Producer:
    """As far as a session closes it: it wants to be rid of its batches first, which it never is."""

    def __init__(self, connection: AIOKafkaConnection) -> None:
        self._message_accumulator = SimpleNamespace(_batches={}, _pending_batches=set())
        self.client = SimpleNamespace(_conns={1: connection}, close=self._close, send=None)

    async def stop(self) -> None:
        await asyncio.Event().wait()

    async def _close(self) -> None:
        await asyncio.gather(*(one.close() for one in self.client._conns.values()))


def test_a_broker_that_reads_no_more_does_not_keep_a_session_from_closing(monkeypatch):
    monkeypatch.setattr(kafka_session, "CLOSE_SECONDS", 0.2)

    async def no_lookup(_self) -> None:
        """A frozen broker tells no versions."""

    monkeypatch.setattr(AIOKafkaConnection, "_do_version_lookup", no_lookup)

    async def live() -> None:
        server = await asyncio.get_running_loop().create_server(FrozenBroker, "127.0.0.1", 0)
        connection = AIOKafkaConnection("127.0.0.1", server.sockets[0].getsockname()[1])
        await connection.connect()
        connection._writer.write(b"x" * UNSENT_BYTES)
        session = KafkaSession(Producer(connection), "app-count-0", EngineSettings())
        async with asyncio.timeout(20):
            await session.close()
            await connection.close()
        server.close()

    asyncio.run(live())
