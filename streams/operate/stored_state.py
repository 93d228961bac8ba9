"""The state of a partition, looked at and rebuilt from outside a worker: the changelog in Kafka and the rows on a disk.

Invariant: a directory that a living worker holds is never touched (RocksDB's own lock says so), nothing is written to
Kafka, and what is looked at is added up row by row, never believed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from tieout.streams.edges.reaching import partitions_of, reach
from tieout.streams.engine import leaving
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.positions import DIGEST_ROW, STORE_ROW, Digest, StoreMark, decode_store_mark
from tieout.streams.engine.real_time import AsyncioScheduler, SystemClock
from tieout.streams.engine.restore import Restore, StoreHome
from tieout.streams.engine.status import RestoreProgress
from tieout.streams.engine.tally import digest_of
from tieout.tables.rocksdb_store import RocksdbStore
from tieout.tables.store import StoreCorrupt, StoreFull

Watch = Callable[[RestoreProgress], None]

WATCH_SECONDS = 0.2


class RowsUnavailable(RuntimeError):  # noqa: N818 - named for what was found
    """A running process has the rows of this partition open, or the disk does not let us at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows added up. ``upto``: the offset of the changelog before which all of it is in them; digests are hex.

    ``problem`` says why they are not to be trusted, empty when they are.
    """

    upto: int
    rows: int
    written: str
    computed: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One partition: what its changelog holds and what this disk holds, where they were looked at.

    ``not_read`` says why this disk was not looked at, although it has rows.
    """

    partition: int
    changelog: Found | None = None
    disk: Found | None = None
    not_read: str = ""

    @property
    def problems(self) -> list[str]:
        """Why it does not tie out; none when it does."""
        places = (("the changelog", self.changelog), ("this disk", self.disk))
        said = [f"{name}: {found.problem}" for name, found in places if found is not None and found.problem]
        if said or self.changelog is None or self.disk is None:
            return said
        if self.disk.upto > self.changelog.upto:
            return [f"this disk is ahead of the changelog ({self.disk.upto} > {self.changelog.upto})"]
        if self.disk.upto == self.changelog.upto and self.disk.computed != self.changelog.computed:
            return ["this disk and the changelog are at the same offset with other rows"]
        return []

    @property
    def verdict(self) -> str:
        """In words."""
        if self.problems:
            return "; ".join(self.problems)
        if self.not_read:
            return f"this disk was not looked at: {self.not_read}"
        if self.changelog is None or self.disk is None or self.disk.computed == self.changelog.computed:
            return "ties out"
        return f"ties out; this disk lacks the last {self.changelog.upto - self.disk.upto} offsets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild took. ``cpu_seconds`` are of this process, RocksDB's own threads included."""

    partition: int
    records: int
    rows: int
    seconds: float
    cpu_seconds: float
    digest: str


def rows_directory(state_dir: Path, agent: str, partition: int) -> Path:
    """Where a worker keeps the rows of a partition."""
    return state_dir / agent / str(partition) / "rows"


def partitions_on_disk(state_dir: Path, agent: str) -> list[int]:
    """Partitions of which this disk has rows."""
    homes = (state_dir / agent).glob("*/rows")
    return sorted(int(home.parent.name) for home in homes if home.parent.name.isdigit())


def look_here(state_dir: Path, agent: str, partition: int) -> Look:
    """What this disk holds of a partition, unless a worker runs on it."""
    try:
        return Look(partition=partition, disk=look_at_disk(rows_directory(state_dir, agent, partition)))
    except RowsUnavailable as held:
        return Look(partition=partition, not_read=str(held))


def look_at_disk(directory: Path) -> Found:
    """Add up the rows of a stopped worker. Raises ``RowsUnavailable``."""
    try:
        store = RocksdbStore(directory)
    except StoreCorrupt as error:
        return Found(upto=-1, rows=0, written="", computed="", problem=str(error))
    except (OSError, StoreFull) as error:
        raise RowsUnavailable(str(error)) from error
    try:
        mark = decode_store_mark(store.get(STORE_ROW))
        written = Digest(store.get(DIGEST_ROW) or b"")
        computed, rows = digest_of(store)
    except StoreCorrupt as error:
        return Found(upto=-1, rows=0, written="", computed="", problem=str(error))
    finally:
        store.close()
    problem = ""
    if mark is None:
        problem = "it does not say of which changelog it is" if rows else "it is empty"
    elif computed.value != written.value:
        problem = (
            "its rows do not add up"
            if mark.digest
            else "its restore was cut short; the next start finishes it"
        )
    return Found(
        upto=-1 if mark is None else mark.next,
        rows=rows,
        written=written.text,
        computed=computed.text,
        problem=problem,
    )


async def changelog_partitions(bootstrap: str, topic: str) -> int:
    """How many partitions a changelog has. Raises ``KafkaRefusedError``."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await reach(consumer, bootstrap)
    try:
        return await partitions_of(consumer._client, bootstrap, topic)  # noqa: SLF001 - no public call lists a topic
    finally:
        await leaving.stop(consumer)


async def look_at_changelog(log: KafkaLog, topic: str, partition: int, scratch: Path, watch: Watch) -> Found:
    """Replay a changelog partition into ``scratch``, which must be new, and add it up. Raises ``Halt``, ``EngineError``."""
    one = _restore(log, topic, partition, scratch)
    problem, upto = "", -1
    try:
        upto = (await _watched(one, watch)).next
    except Halt as halt:
        if halt.code != "changelog_damaged":
            raise
        problem = halt.detail
    progress = one.progress
    return Found(
        upto=upto if progress is None else progress.end,
        rows=0 if progress is None else progress.rows,
        written="" if one.written is None else one.written.text,
        computed="" if one.computed is None else one.computed.text,
        problem=problem,
    )


async def rebuild(log: KafkaLog, topic: str, partition: int, directory: Path, watch: Watch) -> Rebuilt:
    """Throw the rows of a stopped worker away and build them anew. Raises ``RowsUnavailable``, ``Halt``, ``EngineError``."""
    refuse_held(directory)
    RocksdbStore.reset(directory)
    began, cpu = time.monotonic(), time.process_time()
    one = _restore(log, topic, partition, directory)
    mark = await _watched(one, watch)
    progress = one.progress
    assert progress is not None, "a finished restore has a progress"
    return Rebuilt(
        partition=partition,
        records=progress.records,
        rows=progress.rows,
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - cpu,
        digest=Digest(mark.digest).text,
    )


def refuse_held(directory: Path) -> None:
    """Raise ``RowsUnavailable`` when a running process has these rows open."""
    if not directory.exists():
        return
    try:
        RocksdbStore(directory).close()
    except StoreCorrupt:
        return
    except (OSError, StoreFull) as error:
        raise RowsUnavailable(str(error)) from error


def _restore(log: KafkaLog, topic: str, partition: int, directory: Path) -> Restore:
    return Restore(
        log=log,
        home=StoreHome(open=partial(RocksdbStore, directory), reset=partial(RocksdbStore.reset, directory)),
        topic=topic,
        partition=partition,
        settings=EngineSettings(),
        clock=SystemClock(),
        scheduler=AsyncioScheduler(),
    )


async def _watched(one: Restore, watch: Watch) -> StoreMark:
    """Run a restore and close its store; ``watch`` is told the progress now and then."""
    running = asyncio.create_task(one.run())
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=WATCH_SECONDS)
            if one.progress is not None:
                watch(one.progress)
    finally:
        running.cancel()
    try:
        store, mark = running.result()
    except StoreFull as error:
        raise RowsUnavailable(str(error)) from error
    store.close()
    return mark
