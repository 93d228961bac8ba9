"""Bring a partition's store up to its changelog.

Called only after the fence: then nobody else can add to the changelog, and its last stable offset must be its end.
Invariant: where that does not hold, the restore waits and then halts, because committed rows of ours would be hidden;
it halts where the store knows more than the changelog, which has lost records then; and a store whose rows do not add
up to the digest that the changelog has for them is thrown away and built anew, never trusted. The rows are written as
they come and added up once at the end, which is quicker than keeping the sum, and finds what a disk has lost or kept
too long as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieout.agents.spec import ENGINE_ROW_PREFIX, LogRecord
from tieout.streams.engine.errors import Halt
from tieout.streams.engine.fault_points import passing
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.ports import Bounds, Clock, Log, Scheduler
from tieout.streams.engine.positions import (
    DIGEST_ROW,
    POSITION_ROW,
    STORE_ROW,
    Digest,
    StoreMark,
    decode_store_mark,
    encode,
)
from tieout.streams.engine.restore_report import RestoreReport
from tieout.streams.engine.status import RestoreProgress
from tieout.streams.engine.tally import tally
from tieout.tables.store import Changes, Store, StoreCorrupt

MARKS = 2
"""A transaction ends with its digest and its position. The sum does not cover these two, so a store's own copies are not
believed: they are read again at each start. So a store's mark follows its last record and passes no marker."""

MISMATCH = "its rows do not add up to the changelog's digest"


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
    waiting_for: str | None = None
    written: Digest | None = None
    """After a replay: the digest that the changelog has for its rows,"""
    computed: Digest | None = None
    """and the one that the rows in the store have."""
    _store: Store | None = None
    _report: RestoreReport | None = None

    async def run(self) -> tuple[Store, StoreMark]:
        """Give the store with all committed rows and its mark. Raises ``Halt``, ``StoreFull``, ``StoreCorrupt``."""
        bounds = await self._decided_bounds()
        identity = await self.log.identity(self.topic, self.partition)
        try:
            why = self._open()
            mark = await self._bring_up(identity, bounds, why)
            return self._opened, mark
        except BaseException:
            self._close()
            raise

    @property
    def progress(self) -> RestoreProgress | None:
        """How far it is; None before it knows."""
        return None if self._report is None else self._report.progress

    async def _bring_up(self, identity: str, bounds: Bounds, why: str | None) -> StoreMark:
        distrust: str | None = None
        try:
            mark, distrust = self._trusted(identity, bounds)
            if distrust is None:
                done = await self._replay(mark, identity, bounds, why)
                if done is not None:
                    return done
                distrust = MISMATCH if mark is not None else None
        except StoreCorrupt as error:
            distrust = str(error)
        if distrust is not None:
            self._renew()
            done = await self._replay(None, identity, bounds, distrust)
            if done is not None:
                return done
        raise Halt(
            "changelog_damaged",
            f"{self._where}: the rows replayed from the beginning do not add up to the digest written with them; "
            "records are missing or changed: restore the changelog topic",
        )

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
        """The store's mark (None: it is new), and why it must be thrown away, if it must. Raises ``StoreCorrupt``.

        Only what was committed is ever written to a store, so one that is ahead proves a loss; raises ``Halt``.
        """
        mark = decode_store_mark(self._opened.get(STORE_ROW))
        if mark is None:
            is_new = next(self._opened.scan(b""), None) is None
            return None, None if is_new else "it has rows and does not say of which changelog"
        if mark.changelog != identity:
            return None, f"it belongs to {mark.changelog}, not to {identity}"
        if mark.next > bounds.high:
            raise Halt(
                "changelog_behind",
                f"{self._where}: the store {self._opened.identity} has its rows up to offset {mark.next}, and it ends "
                f"at {bounds.high}: it has lost records; restore the changelog topic, or delete {self._opened.identity} "
                "if the state is to be built anew from what is left",
            )
        if mark.next < bounds.start:
            return None, f"it ends before the changelog begins ({mark.next} < {bounds.start})"
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
        """Replay [mark, end) into the store; None when its rows do not add up at the end."""
        store = self._opened
        now = mark or StoreMark(changelog=identity, next=bounds.start, digest=b"")
        begin, first_new = max(bounds.start, now.next - MARKS), now.next
        keeps_sum = bool(now.digest) and not self.settings.verify_rows
        report = self._report = RestoreReport(self._where, now.next, bounds.high, why, self.clock)
        if begin < bounds.high:
            async for batch, reached in self.log.read(self.topic, self.partition, begin, bounds.high):
                passing("during_restore")
                rows = {record.key or b"": record.value for record in batch}
                digest = _digest_after(store, now.digest, rows) if keeps_sum else b""
                known = batch[-1].offset + 1 if batch else now.next
                now = StoreMark(changelog=identity, next=max(known, first_new), digest=digest)
                rows[STORE_ROW] = encode(now)
                store.write(rows)
                report.replayed(_count_from(first_new, batch), reached)
                await self.scheduler.sleep(0)
        digest = now.digest if keeps_sum else (await tally(store, self.scheduler, report.added_up)).encode()
        self.written, self.computed = Digest(store.get(DIGEST_ROW) or b""), Digest(digest)
        if self.written.value != self.computed.value or (mark is not None and _headless(store, mark, bounds)):
            return None
        if digest != now.digest:
            now = StoreMark(changelog=identity, next=now.next, digest=digest)
            store.write({STORE_ROW: encode(now)})
        report.over()
        return now


def _headless(store: Store, mark: StoreMark, bounds: Bounds) -> bool:
    """Whether a store that has taken records lacks the rows that come with each transaction: a disk has lost them,
    and markers or aborted records at the end of the changelog kept them from being read again.
    """
    return mark.next > bounds.start and (store.get(POSITION_ROW) is None or store.get(DIGEST_ROW) is None)


def _count_from(offset: int, batch: Sequence[LogRecord]) -> int:
    if not batch or batch[0].offset >= offset:
        return len(batch)
    return sum(record.offset >= offset for record in batch)


def _digest_after(store: Store, digest: bytes, rows: Changes) -> bytes:
    kept = Digest(digest)
    for key, value in rows.items():
        if not key.startswith(ENGINE_ROW_PREFIX):
            kept.change(key, store.get(key), value)
    return kept.encode()
