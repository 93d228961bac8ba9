"""Bring a partition's store up to its changelog.

Called only after the fence: then nobody else can add to the changelog, and its last stable offset must be its end.
Invariant: where that does not hold, the restore waits and then halts, because committed rows of ours would be hidden;
and a store whose digest does not match what the changelog says is thrown away and built anew, never trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.agents.spec import ENGINE_ROW_PREFIX
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Bounds, Clock, Log, Scheduler
from tieout.streams.engine.positions import (
    DIGEST_ROW,
    STORE_ROW,
    Digest,
    StoreMark,
    decode_store_mark,
    encode,
)
from tieout.streams.engine.status import RestoreProgress
from tieout.tables.store import Changes, Store, StoreCorrupt


@dataclass(frozen=True, slots=True)
class StoreHome:
    """How to open a partition's store, and how to delete it."""

    open: Callable[[], Store]
    reset: Callable[[], None]


@dataclass(slots=True)
class Restore:
    """One restore of one partition; ``progress`` can be read while it runs."""

    log: Log
    home: StoreHome
    topic: str
    partition: int
    settings: EngineSettings
    clock: Clock
    scheduler: Scheduler
    progress: RestoreProgress | None = None
    waiting_for: str | None = None
    _store: Store | None = None

    async def run(self) -> tuple[Store, StoreMark]:
        """Give the store with all committed rows and its mark. Raises ``Halt``, ``StoreFull``."""
        bounds = await self._decided_bounds()
        identity = await self.log.identity(self.topic, self.partition)
        try:
            why = self._open()
            return await self._bring_up(identity, bounds, why)
        except BaseException:
            self._close()
            raise

    async def _bring_up(self, identity: str, bounds: Bounds, why: str | None) -> tuple[Store, StoreMark]:
        mark, distrust = self._trusted(identity, bounds)
        if distrust is not None:
            mark, why = None, distrust
            self._renew()
        done = await self._replay(mark, identity, bounds, why)
        if done is not None and self.settings.verify_rows and digest_of(self._opened) != done.digest:
            done = None
        if done is None and mark is not None:
            self._renew()
            done = await self._replay(None, identity, bounds, "its digest does not match the changelog's")
        if done is None:
            raise Halt(
                "changelog_damaged",
                f"{self._where}: the rows replayed from the beginning do not add up to the digest written with them; "
                "records are missing or changed: restore the changelog topic",
            )
        return self._opened, done

    @property
    def _where(self) -> str:
        return f"{self.topic}/{self.partition}"

    @property
    def _opened(self) -> Store:
        assert self._store is not None, "the store is open while it is restored"
        return self._store

    def _open(self) -> str | None:
        """Open the store; says why it had to be thrown away first, if it had."""
        try:
            self._store = self.home.open()
        except StoreCorrupt as error:
            self.home.reset()
            self._store = self.home.open()
            return str(error)
        return None

    def _close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _renew(self) -> None:
        self._close()
        self.home.reset()
        self._store = self.home.open()

    def _trusted(self, identity: str, bounds: Bounds) -> tuple[StoreMark | None, str | None]:
        """The store's mark (None: it is new), and why it must be thrown away, if it must."""
        try:
            mark = decode_store_mark(self._opened.get(STORE_ROW))
        except StoreCorrupt as error:
            return None, str(error)
        if mark is not None and mark.changelog != identity:
            return None, f"it belongs to {mark.changelog}, not to {identity}"
        if mark is not None and mark.next > bounds.high:
            return None, f"it is ahead of the changelog ({mark.next} > {bounds.high})"
        return mark, None

    async def _decided_bounds(self) -> Bounds:
        """Bounds once the whole changelog is decided; the fence has decided ours, so what is open is foreign."""
        started = self.clock.monotonic()
        while True:
            bounds = await self.log.bounds(self.topic, self.partition)
            if bounds.stable == bounds.high:
                self.waiting_for = None
                return bounds
            self.waiting_for = (
                f"{self._where}: the last stable offset is {bounds.stable} and the end is {bounds.high}: "
                "a transaction that is not ours is open on this changelog"
            )
            if self.clock.monotonic() - started > self.settings.foreign_transaction_seconds:
                raise Halt(
                    "foreign_transaction", f"{self.waiting_for}; find who writes there, then start again"
                )
            await self.scheduler.sleep(0.25)

    async def _replay(
        self, mark: StoreMark | None, identity: str, bounds: Bounds, why: str | None
    ) -> StoreMark | None:
        """Replay [mark, end) into the store; None when the digests do not match at the end."""
        store, started = self._opened, self.clock.monotonic()
        begin = bounds.start if mark is None else mark.next
        now = StoreMark(changelog=identity, next=begin, digest=b"") if mark is None else mark
        records = 0
        self._report(begin, begin, bounds.high, records, started, why)
        if begin < bounds.high:
            async for batch, reached in self.log.read(self.topic, self.partition, begin, bounds.high):
                passing("during_restore")
                rows = {record.key or b"": record.value for record in batch}
                now = StoreMark(changelog=identity, next=reached, digest=_digest_after(store, now, rows))
                store.write({**rows, STORE_ROW: encode(now)})
                records += len(batch)
                self._report(begin, reached, bounds.high, records, started, why)
                await self.scheduler.sleep(0)
        said = store.get(DIGEST_ROW) or b""
        return now if Digest(said).value == Digest(now.digest).value else None

    def _report(self, start: int, at: int, end: int, records: int, started: float, why: str | None) -> None:
        self.progress = RestoreProgress(
            start=start,
            end=end,
            position=at,
            records=records,
            seconds=self.clock.monotonic() - started,
            rebuilt_because=why,
        )


def digest_of(store: Store) -> bytes:
    """The digest of all rows that are in a store, by looking at each of them."""
    digest = Digest()
    for key, value in store.scan(b""):
        if not key.startswith(ENGINE_ROW_PREFIX):
            digest.change(key, None, value)
    return digest.encode()


def _digest_after(store: Store, mark: StoreMark, rows: Changes) -> bytes:
    digest = Digest(mark.digest)
    for key, value in rows.items():
        if not key.startswith(ENGINE_ROW_PREFIX):
            digest.change(key, store.get(key), value)
    return digest.encode()
