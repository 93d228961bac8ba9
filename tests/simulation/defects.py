"""Deliberate defects, one or more per invariant, each as somebody might make it. The simulation must name every one.

Invariant: a defect changes the code under test, never the simulated world or its judges.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from simulation.disk import OpenFolder
from simulation.swarm import REQUESTS, Swarm

from comparison.agent import JobTask
from comparison.records import Event
from comparison.wire import decoder
from tieout.agents import dedup
from tieout.agents.spec import Output
from tieout.streams.engine.inbox import Inbox
from tieout.streams.engine.opening import Opening
from tieout.streams.engine.partition_task import PartitionTask
from tieout.streams.engine.positions import StoreMark
from tieout.streams.engine.restore import Restore
from tieout.streams.engine.transaction import Transaction
from tieout.streams.engine.working import Working
from tieout.tables.identity import Verdict, judge

Patch = Callable[[Any, str, Any], None]
"""``monkeypatch.setattr``."""


@dataclass(frozen=True)
class Defect:
    """``named``: anomalies that tell of it, each of them; ``contract``: only the contract agent can show it; ``where``:
    the seeds that have a chance to.
    """

    name: str
    named: tuple[str, ...]
    plant: Callable[[Patch], None]
    contract: bool = False
    where: Callable[[Swarm], bool] = lambda _: True


def with_zombies(swarm: Swarm) -> bool:
    return swarm.workers > 1 and swarm.on("cut off from the group") and swarm.source_seconds > 1


def with_lost_commits(swarm: Swarm) -> bool:
    return any(swarm.on(fault) for fault in REQUESTS["commit"])


def skipped_position(patch: Patch) -> None:
    """A restart begins one record behind what was committed."""
    after = Working._after

    def one_more(self: Working, last: Any, count: int, clock_ms: int) -> Any:
        position = after(self, last, count, clock_ms)
        return replace_position(position, next=position.next + 1)

    patch(Working, "_after", one_more)


def replace_position(position: Any, **changes: Any) -> Any:
    return type(position)(
        **{field: getattr(position, field) for field in position.__struct_fields__} | changes
    )


def told_before_the_commit(patch: Patch) -> None:
    """The group hears of a position that is not committed yet."""
    commit = Working._commit

    async def early(self: Working, position: Any, answered: Any) -> None:
        self.feed.moved(self.partition, position.next)
        await self.scheduler.sleep(1.5)
        await commit(self, position, answered)

    patch(Working, "_commit", early)


def acknowledged_before_the_commit(patch: Patch) -> None:
    """What came out of the inbox counts as done, whatever becomes of its transaction."""
    commit = Transaction.commit

    async def unsure(self: Transaction, position: Any) -> Any:
        changes = dict(self.effects.changes)
        with suppress(Exception):
            return await commit(self, position)
        self.effects.clear()
        return changes

    patch(Transaction, "commit", unsure)


def no_fence(patch: Patch) -> None:
    """Every start takes a transactional id of its own: the former owner writes on."""
    fence, numbers = Opening._fence, itertools.count()

    async def unfenced(self: Opening) -> Any:
        self.transactional_id = f"{self.transactional_id}-{next(numbers)}"
        return await fence(self)

    patch(Opening, "_fence", unfenced)


def forgotten_dedup_entry(patch: Patch) -> None:
    """What has been seen is not remembered."""
    patch(dedup.Dedup, "judge", lambda self, entry, event, offset, effects: Verdict.NEW)


def forgotten_row(patch: Patch) -> None:
    """Now and then a contract's state is not written."""
    flush, turns = JobTask.flush, itertools.count(1)

    def forgetful(self: JobTask, effects: Any) -> None:
        if next(turns) % 3 == 0 and self._dirty:
            self._dirty.pop(next(iter(self._dirty)))
        flush(self, effects)

    patch(JobTask, "flush", forgetful)


def shuffled_outputs(patch: Patch, order: Callable[[list[Output]], list[Output]]) -> None:
    """A transaction's outputs are sent in another order than they were said."""
    emit, commit = Transaction._emit, Transaction.commit
    waiting: dict[int, list[Output]] = {}

    def later(self: Transaction, output: Output) -> None:
        waiting.setdefault(id(self), []).append(output)

    async def all_at_once(self: Transaction, position: Any) -> Any:
        for output in order(waiting.pop(id(self), [])):
            emit(self, output)
        return await commit(self, position)

    patch(Transaction, "_emit", later)
    patch(Transaction, "commit", all_at_once)


def applied_again(patch: Patch) -> None:
    """A delivery is not looked up among those that were taken."""
    step, decode = JobTask.step, decoder(Event)

    def unaware(self: JobTask, record: Any, effects: Any) -> None:
        event = decode(record.value)
        state = self._states.get(event.contract_id) or self._load(event.contract_id)
        if event.sequence < state.next_sequence:
            hasty(self, state, event, effects)
        else:
            step(self, record, effects)

    patch(JobTask, "step", unaware)


def hasty(task: JobTask, state: Any, event: Any, effects: Any) -> None:
    """Apply an event out of its turn."""
    due = state.next_sequence
    task._apply(state, event, effects)
    state.next_sequence = due
    task._dirty[event.contract_id] = state


def reversed_outputs(patch: Patch) -> None:
    """The last is sent first."""
    shuffled_outputs(patch, lambda outputs: outputs[::-1])


def sorted_outputs(patch: Patch) -> None:
    """Sorted by key within a transaction: right per key, another log with each cut."""
    shuffled_outputs(patch, lambda outputs: sorted(outputs, key=lambda output: output.key or b""))


def applied_on_arrival(patch: Patch) -> None:
    """What comes early is applied at once."""
    patch(JobTask, "_hold", lambda self, state, event, record, effects: hasty(self, state, event, effects))


def lost_held_event(patch: Patch) -> None:
    """A held event is counted and not kept."""
    hold = JobTask._hold

    class Forgetting:
        def __init__(self, effects: Any) -> None:
            self.delete, self.emit = effects.delete, effects.emit

        def put(self, key: bytes, value: bytes) -> None:
            """Forget it."""

    def careless(self: JobTask, state: Any, event: Any, record: Any, effects: Any) -> None:
        hold(self, state, event, record, Forgetting(effects))

    patch(JobTask, "_hold", careless)


def drifting_balance(patch: Patch) -> None:
    """A balance that comes from a row is one cent off."""
    load = JobTask._load

    def drifting(self: JobTask, contract_id: str) -> Any:
        state = load(self, contract_id)
        if state.next_sequence > 1:
            state.balance_minor += 1
        return state

    patch(JobTask, "_load", drifting)


def trusted_stale_store(patch: Patch) -> None:
    """A store that is there counts as complete."""
    replay = Restore._replay

    async def trusting(self: Restore, mark: Any, identity: str, bounds: Any, why: Any) -> Any:
        if mark is not None and mark.digest:
            return StoreMark(changelog=identity, next=bounds.high, digest=mark.digest)
        return await replay(self, mark, identity, bounds, why)

    patch(Restore, "_replay", trusting)


def truncated_iteration(patch: Patch) -> None:
    """A scan ends early and says nothing, as RocksDB's does at a bad block."""
    scan = OpenFolder.scan
    patch(OpenFolder, "scan", lambda self, prefix, start=b"": itertools.islice(scan(self, prefix, start), 3))


def unbounded_queue(patch: Patch) -> None:
    """The inbox takes what comes, and never holds the feed back."""
    offer = Inbox.offer

    def greedy(self: Inbox, batch: Any) -> None:
        share, self.share_bytes = self.share_bytes, 1 << 60
        offer(self, batch)
        self.share_bytes = share

    patch(Inbox, "offer", greedy)


def never_resumed(patch: Patch) -> None:
    """A rebalance pauses a partition, and it stays paused."""
    patch(
        PartitionTask,
        "resume",
        lambda self, placed: None if self._working is None else self._working.rewind(placed),
    )


def conflict_is_a_duplicate(patch: Patch) -> None:
    """The same id with another body is dropped in silence."""

    def lenient(seen: Any, envelope: Any, *, by_version: bool) -> Verdict:
        verdict = judge(seen, envelope, by_version=by_version)
        return Verdict.DUPLICATE if verdict is Verdict.CONFLICT else verdict

    patch(dedup, "judge", lenient)


def conflict_is_applied(patch: Patch) -> None:
    """The same id with another body counts as new."""

    def lenient(seen: Any, envelope: Any, *, by_version: bool) -> Verdict:
        verdict = judge(seen, envelope, by_version=by_version)
        return Verdict.NEW if verdict is Verdict.CONFLICT else verdict

    patch(dedup, "judge", lenient)


DEFECTS = (
    Defect("a skipped position", ("I1",), skipped_position),
    Defect("a position told before its commit", ("I11 halted: changelog_",), told_before_the_commit),
    Defect(
        "an acknowledgement before the commit",
        ("I1",),
        acknowledged_before_the_commit,
        where=with_lost_commits,
    ),
    Defect("no fence", ("I2", "I8", "I9"), no_fence, where=with_zombies),
    Defect("a forgotten row", ("I1", "I7"), forgotten_row),
    Defect("a duplicate applied", ("I2",), applied_again),
    Defect("a forgotten dedup entry", ("I4", "I6"), forgotten_dedup_entry, contract=True),
    Defect("outputs in reverse", ("I3",), reversed_outputs),
    Defect("applied on arrival", ("I4",), applied_on_arrival),
    Defect("a lost held event", ("I1",), lost_held_event),
    Defect("a balance that drifts", ("I5",), drifting_balance),
    Defect("outputs sorted within a transaction", ("I6",), sorted_outputs),
    Defect("a stale store trusted", ("I7",), trusted_stale_store),
    Defect("a truncated iteration", ("I1",), truncated_iteration, contract=True),
    Defect("an unbounded queue", ("I10",), unbounded_queue),
    Defect("a partition that is never resumed", ("I11 stalled",), never_resumed),
    Defect("a conflict dropped as a duplicate", ("I14",), conflict_is_a_duplicate, contract=True),
    Defect("a conflict applied", ("I14",), conflict_is_applied, contract=True),
)
