"""A live read-committed reader in a process of its own: it tells when each position of a partition became visible.

Run as ``python -m measuring.visible BOOTSTRAP TOPIC PARTITIONS WHAT``; it prints ``moment partition next`` per fetch
that brings a position row (WHAT is ``positions``) or any record (``records``), until its standard input is closed.
``Reader`` starts it and keeps what it says. Invariant: a moment is taken when the records are handed to the reader,
before anything else is done with them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from measuring.latency import Seen
from tieout.streams.engine.positions import POSITION_ROW, decode_position

FOLDER = str(Path(__file__).resolve().parents[1])
FETCH_WAIT_MS = 50
_LINE_BYTES = 1 << 20


class Reader:
    """What has become visible so far: ``seen`` in order, ``positions`` by partition."""

    def __init__(self, bootstrap: str, topic: str, partitions: int, what: str = "positions") -> None:
        self.seen: list[Seen] = []
        self.positions: dict[int, int] = {}
        self._arguments = (bootstrap, topic, str(partitions), what)
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._moved = asyncio.Condition()

    async def start(self) -> None:
        """Start the process; it begins at the start of the changelog."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "measuring.visible", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_BYTES,
            env={**os.environ, "PYTHONPATH": FOLDER},
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    async def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            moment, partition, position = line.split()
            self.seen.append(Seen(float(moment), int(partition), int(position)))
            self.positions[int(partition)] = int(position)
            async with self._moved:
                self._moved.notify_all()

    async def until(self, ends: Mapping[int, int], seconds: float) -> bool:
        """Wait until every partition has reached its end; False when one has not after ``seconds``."""

        def reached() -> bool:
            return all(self.positions.get(partition, 0) >= end for partition, end in ends.items())

        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(reached)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End the process."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        if self._listening is not None:
            await self._listening


def newest_position(records: Sequence[ConsumerRecord]) -> int | None:
    """The position in the last position row among the records."""
    newest = next((record for record in reversed(records) if record.key == POSITION_ROW), None)
    position = decode_position(newest.value) if newest is not None else None
    return None if position is None else position.next


def newest_record(records: Sequence[ConsumerRecord]) -> int | None:
    """The offset behind the last record."""
    return records[-1].offset + 1 if records else None


LOOKS = {"positions": newest_position, "records": newest_record}


async def follow(bootstrap: str, topic: str, partitions: int, what: str) -> None:
    """Print positions until the standard input is closed."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=4 << 20,
    )
    await consumer.start()
    where = [TopicPartition(topic, partition) for partition in range(partitions)]
    consumer.assign(where)
    await consumer.seek_to_beginning(*where)
    newest = LOOKS[what]
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not ended.done():
        batches = await consumer.getmany(timeout_ms=100)
        now = time.monotonic()
        for tp, records in batches.items():
            position = newest(records)
            if position is not None:
                sys.stdout.write(f"{now:.6f} {tp.partition} {position}\n")
        sys.stdout.flush()
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
