"""Readers of committed data: one that follows while the faults go on, and one that reads everything afterwards.

Invariant: the live reader never seeks back and never skips; what it was given, byte for byte and offset by offset, is
compared with what the topics hold in the end, so that a record which was shown and then taken back is found.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from chaos.checking import Findings

T = TypeVar("T")
Take = Callable[[str, str, bytes], None]
"""(topic, where, value) of one record."""

SILENT_ROUNDS = 300
"""Rounds of 0.2 s without progress after which a whole read gives up."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own, whether or not this thread has one."""
    box: list[T] = []
    failed: list[BaseException] = []

    def turn() -> None:
        try:
            box.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            failed.append(error)

    thread = threading.Thread(target=turn)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return box[0]


def places(topics: Iterable[str], partitions: int) -> list[TopicPartition]:
    """Every partition of some topics."""
    return [TopicPartition(topic, number) for topic in topics for number in range(partitions)]


def chained(hash_before: bytes, offset: int, key: bytes | None, value: bytes | None) -> bytes:
    """The hash of a log that has one more record."""
    raw = b"%b%d/%b/%b" % (hash_before, offset, key or b"-", value or b"-")
    return hashlib.blake2b(raw, digest_size=12).digest()


class LiveReader:
    """Follows topics read-committed in a thread of its own, and gives each record to ``take``."""

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        partitions: int,
        take: Take,
        isolation: str = "read_committed",
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._partitions = partitions
        self._take = take
        self._isolation = isolation
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._follow()), daemon=True)
        self.counts: dict[str, int] = dict.fromkeys(topics, 0)
        self.last_at: dict[tuple[str, int], float] = {}
        """When the last record of a (topic, partition) became visible, monotonic seconds."""
        self._next: dict[tuple[str, int], int] = {}
        self._chain: dict[tuple[str, int], list[tuple[int, bytes]]] = defaultdict(list)
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin at the beginning."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self._stopping.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "the live reader does not end"

    @property
    def total(self) -> int:
        """Records seen, copies included."""
        return sum(self.counts.values())

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._read_on()
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.3)
            except BaseException as error:  # noqa: BLE001 - told to whoever asks for the verdict
                self.failure = error
                return

    async def _read_on(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level=self._isolation,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
            metadata_max_age_ms=5_000,
        )
        await asyncio.wait_for(consumer.start(), 20)
        try:
            everything = places(self._topics, self._partitions)
            consumer.assign(everything)
            for place in everything:
                consumer.seek(place, self._next.get((place.topic, place.partition), 0))
            while not self._stopping.is_set():
                found = await consumer.getmany(timeout_ms=100, max_records=2_000)
                for place, records in found.items():
                    self._note(place, records)
                await asyncio.sleep(0)
        finally:
            await consumer.stop()

    def _note(self, place: TopicPartition, records: Sequence[Any]) -> None:
        where = (place.topic, place.partition)
        chain = self._chain[where]
        before = chain[-1][1] if chain else b""
        for record in records:
            before = chained(before, record.offset, record.key, record.value)
            chain.append((record.offset, before))
            self._take(place.topic, f"{place.topic}/{place.partition}@{record.offset}", record.value)
        self.counts[place.topic] += len(records)
        self.last_at[where] = time.monotonic()
        self._next[where] = records[-1].offset + 1

    def compare(self, findings: Findings) -> None:
        """After ``stop``: read all again and say what the live reader was shown or denied wrongly."""
        again: dict[tuple[str, int], dict[int, bytes]] = defaultdict(dict)
        hashes: dict[tuple[str, int], bytes] = defaultdict(bytes)
        for record in read_all(self._bootstrap, places(self._topics, self._partitions)):
            where = record.topic, record.partition
            hashes[where] = chained(hashes[where], record.offset, record.key, record.value)
            again[where][record.offset] = hashes[where]
        for where, chain in self._chain.items():
            shown = {offset for offset, _ in chain}
            for offset in sorted(shown - again[where].keys())[:3]:
                findings.add(
                    "aborted-read", f"{where[0]}/{where[1]}@{offset}", "shown, and not in the log afterwards"
                )
            last = max(shown, default=-1)
            for offset in sorted(o for o in again[where] if o <= last and o not in shown)[:3]:
                findings.add(
                    "poll-skip", f"{where[0]}/{where[1]}@{offset}", "in the log, and the reader read past it"
                )
            if (
                shown
                and again[where].get(last) != chain[-1][1]
                and shown == {o for o in again[where] if o <= last}
            ):
                findings.add("aborted-read", f"{where[0]}/{where[1]}", "other bytes than were shown")


def read_all(
    bootstrap: str, everything: Sequence[TopicPartition], isolation: str = "read_committed"
) -> list[Any]:
    """Everything that a reader of that isolation sees now, each partition in its order."""
    return run(_read_all(bootstrap, everything, isolation))


async def _read_all(bootstrap: str, everything: Sequence[TopicPartition], isolation: str) -> list[Any]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level=isolation, enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(everything)
        await consumer.seek_to_beginning(*everything)
        ends = await consumer.end_offsets(everything)
        left = {place for place in everything if ends[place] > 0}
        found: list[Any] = []
        silent = 0
        while left:
            taken = await consumer.getmany(timeout_ms=200)
            for records in taken.values():
                found.extend(records)
            silent = 0 if taken else silent + 1
            assert silent < SILENT_ROUNDS, f"nothing comes of {sorted(left)} although the log has more"
            for place in list(left):
                if await consumer.position(place) >= ends[place]:
                    left.discard(place)
        return found
    finally:
        await consumer.stop()


def ends(bootstrap: str, everything: Sequence[TopicPartition], isolation: str) -> dict[TopicPartition, int]:
    """The end of each partition: the last stable offset for a committed reader, the high water mark otherwise."""

    async def ask() -> dict[TopicPartition, int]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level=isolation, enable_auto_commit=False
        )
        await asyncio.wait_for(consumer.start(), 20)
        try:
            return await asyncio.wait_for(consumer.end_offsets(everything), 20)
        finally:
            await consumer.stop()

    return run(ask())
