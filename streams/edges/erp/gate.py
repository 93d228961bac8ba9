"""The one way to an ERP account: calls within its pace, several commands in a call where that gains something.

The task hands over what is committed; the gate begins it within two seconds of when it was asked for, or gives it back
untouched. Invariants: never more calls at once than the pace allows; each command gets exactly one outcome of its own; what
was handed over long ago (a process that was frozen) is not begun any more, because somebody else may have it by now.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tieout.agents.decode import Decodes
from tieout.agents.posting.answers import Missing, NotStarted, Outcome, Refused, encode_outcome
from tieout.streams.edges.erp import pace as pacing
from tieout.streams.edges.erp.pace import Breaker, BreakerSettings, CallEnd
from tieout.streams.edges.erp.port import Erp
from tieout.streams.engine.ports import Clock, Scheduler
from tieout.tables.posting import CALLS, Verb

log = logging.getLogger(__name__)

BEGINS_WITHIN_MS = 2_000
_AHEAD_SECONDS = 0.5
"""So much work is kept ready behind the running calls: what a commit takes, with room to spare."""

_SAID_MAX = 200
_WHOLE_CALL_SECONDS = 1.0
"""Where a slot is free again within it, a whole call is kept ready: a slow ERP would else get what half a second takes."""

_CALL_SECONDS_GUESS = 0.1
_SMOOTHING = 0.2
_NOT_STARTED = encode_outcome(NotStarted())


@dataclass(slots=True)
class _Entry:
    verb: Verb
    attempt: int
    asked_ms: int
    command: Any
    group: tuple[Verb, str] | None
    alone: bool
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: asyncio.Future[bytes] = field(default_factory=asyncio.Future)


class Gate:
    """The caller of one account's task. ``rate``: calls a second, where the vendor states one. ``account``: for the log.

    ``batch_items_max``: commands in one call, where that is fewer than the adapter would send. ``throttled`` counts calls that
    the ERP refused for their pace; ``stopped_ms`` is when it last let nobody in, UTC, 0: never.
    """

    def __init__(
        self,
        erp: Erp,
        *,
        slots: int,
        codec: Decodes,
        clock: Clock,
        scheduler: Scheduler,
        now_ms: Callable[[], int],
        rate: float | None = None,
        batch_items_max: int | None = None,
        breaker: BreakerSettings | None = None,
        account: str = "",
    ) -> None:
        self._account = account or erp.capabilities.name
        self._erp = erp
        most = erp.capabilities.batch_items_max
        self._batch_items_max = min(most, batch_items_max or most)
        self._codec = codec
        self._clock = clock
        self._scheduler = scheduler
        self._now_ms = now_ms
        self._breaker = breaker or BreakerSettings()
        self._queue: deque[_Entry] = deque()
        self._running = 0
        self._running_items = 0
        self._call_seconds = _CALL_SECONDS_GUESS
        self._calls_ended = 0
        self._pumping_later = False
        self._gathering = False
        self._groups_running: set[tuple[Verb, str] | None] = set()
        self.throttled = 0
        self.stopped_ms = 0
        self.pace = pacing.paced(slots, rate)

    def free(self) -> int:
        """How many more commands can be begun in time."""
        limit = pacing.at_once(self.pace, self._clock.monotonic())
        if limit == 0:
            return 0
        taken = len(self._queue) + self._running_items
        if self.pace.probing:
            return max(0, 1 - taken)
        ahead = limit * min(1_000.0, _AHEAD_SECONDS / self._call_seconds)
        if self._call_seconds <= limit * _WHOLE_CALL_SECONDS:
            ahead = max(1.0, ahead)
        calls = limit + ahead
        if self.pace.rate is not None:
            calls = min(calls, 1 + self.pace.rate * _AHEAD_SECONDS)
        return max(0, int(calls * self._batch_items_max) - taken)

    @property
    def paused_seconds(self) -> float:
        """How long no call is begun: while the ERP fails, or because it asked for that."""
        return max(0.0, self.pace.open_until - self._clock.monotonic())

    @property
    def breaker(self) -> Breaker:
        """How the circuit breaker stands."""
        return pacing.breaker_of(self.pace, self._clock.monotonic())

    @property
    def commands_per_second(self) -> float | None:
        """What all slots in use would come to, at the present length of a call; None before the first call has ended."""
        if not self._calls_ended:
            return None
        calls = self.pace.slots / max(0.001, self._call_seconds)
        if self.pace.rate is not None:
            calls = min(calls, self.pace.rate)
        return calls * self._batch_items_max

    @property
    def is_probing(self) -> bool:
        """Whether the next call alone decides if the ERP is well again."""
        return self.pace.probing

    @property
    def calls_running(self) -> int:
        """Calls that the ERP has now."""
        return self._running

    async def __call__(self, key: bytes, value: bytes) -> bytes:
        """Make the call that the row asks for; its outcome's bytes."""
        del key
        call = CALLS.decode(value)
        command: Any = self._codec.decode(call.command)
        batch = self._erp.batch_key(command) if call.verb == "post" else ""
        group = None if batch is None else (call.verb, batch)
        alone = group is None or (call.alone and call.verb == "post")
        entry = _Entry(call.verb, call.attempt, call.asked_ms, command, group, alone)
        self._queue.append(entry)
        try:
            self._gather()
            # Not longer than from now on either: a clock that was set back would have it begin much later than that.
            left_ms = min(BEGINS_WITHIN_MS, call.asked_ms + BEGINS_WITHIN_MS - self._now_ms())
            await self._scheduler.within(max(0.0, left_ms / 1000), entry.begun.wait())
        except TimeoutError:
            if not entry.begun.is_set():
                return _NOT_STARTED
        finally:
            if not entry.begun.is_set():
                self._queue.remove(entry)
        return await entry.outcome

    def resume(self, erp: Erp | None = None) -> None:
        """A person has mended what the account was stopped for. ``erp``: the adapter from now on, made with what was mended."""
        self._erp = erp or self._erp
        self.pace = pacing.paced(self.pace.slots, self.pace.rate)
        log.warning("ERP account %s goes on: a person has resumed it", self._account)

    def _gather(self) -> None:
        """Begin a turn of the event loop later: one commit hands over many commands, and the first would go alone."""
        if not self._gathering:
            self._gathering = True
            self._scheduler.spawn(self._gathered(), "gathers what is handed over together")

    async def _gathered(self) -> None:
        self._gathering = False
        self._pump()

    def _pump(self) -> None:
        """Begin what may begin."""
        while self._queue:
            now = self._clock.monotonic()
            if self._running >= pacing.at_once(self.pace, now):
                return
            if (wait := pacing.wait_for_rate(self.pace, now)) > 0:
                self._pump_later(wait)
                return
            batch = self._next_batch(now)
            if not batch:
                return
            again = sum(entry.attempt > 1 for entry in batch if entry.verb == "post")
            self.pace = pacing.begun(self.pace, first=len(batch) - again, again=again, now=now)
            self._running += 1
            self._running_items += len(batch)
            if self._erp.capabilities.serial_batches:
                self._groups_running.add(batch[0].group)
            for entry in batch:
                entry.begun.set()
            self._scheduler.spawn(self._call(batch), f"{self._erp.capabilities.name} call")

    def _next_batch(self, now: float) -> list[_Entry]:
        """The first command that may begin, and what may share its call; they leave the queue.

        What no call has answered yet goes alone: one that fails the server would take its whole batch with it again.
        """
        most = 1 if self.pace.probing else self._batch_items_max
        retries = pacing.retries_left(self.pace, now)
        fresh_from = self._now_ms() - BEGINS_WITHIN_MS
        batch: list[_Entry] = []
        for entry in self._queue:
            is_retry = entry.verb == "post" and entry.attempt > 1
            if entry.asked_ms < fresh_from or (is_retry and retries < 1):
                continue
            if entry.group is not None and entry.group in self._groups_running:
                continue
            if batch and (entry.alone or entry.group != batch[0].group):
                continue
            batch.append(entry)
            retries -= is_retry
            if len(batch) >= most or entry.alone:
                break
        taken = {id(entry) for entry in batch}
        if taken:
            self._queue = deque(entry for entry in self._queue if id(entry) not in taken)
        return batch

    def _pump_later(self, seconds: float) -> None:
        if not self._pumping_later:
            self._pumping_later = True
            self._scheduler.spawn(self._pump_after(seconds), "waits for the stated rate")

    async def _pump_after(self, seconds: float) -> None:
        await self._scheduler.sleep(seconds)
        self._pumping_later = False
        self._pump()

    async def _call(self, batch: list[_Entry]) -> None:
        began = self._clock.monotonic()
        outcomes: Sequence[Outcome] = [_adapter_failed("it was cancelled")] * len(batch)
        try:
            outcomes = await self._ask(batch)
        except Exception as error:
            log.exception("the adapter of %s failed", self._erp.capabilities.name)
            outcomes = [_adapter_failed(repr(error))] * len(batch)
        finally:
            self._running -= 1
            self._running_items -= len(batch)
            self._groups_running.discard(batch[0].group)
            for entry, outcome in zip(batch, outcomes, strict=True):
                if not entry.outcome.done():
                    entry.outcome.set_result(encode_outcome(outcome))
        now = self._clock.monotonic()
        self._call_seconds += _SMOOTHING * (now - began - self._call_seconds)
        self._calls_ended += 1
        retry_after = max((_retry_after_ms(outcome) for outcome in outcomes), default=0) / 1000
        end = _end_of(outcomes)
        self.throttled += end == "throttled"
        was_stopped = self.pace.stopped
        self.pace = pacing.ended(self.pace, end, began, now, self._breaker, retry_after)
        if self.pace.stopped and not was_stopped:
            self._page(outcomes)
        self._pump()

    def _page(self, outcomes: Sequence[Outcome]) -> None:
        """Wake a person: nothing is sent to this account until one acts."""
        self.stopped_ms = self._now_ms()
        said = next(each for each in outcomes if isinstance(each, Refused) and each.kind == "auth")
        self.pace = replace(self.pace, stopped=f"{self.pace.stopped} ({said.code})")
        log.error(
            "ERP account %s is stopped: %s. It said: %s. Nothing is sent to it, its commands wait and nothing is lost. Mend"
            " its secret, its user or that user's rights (docs/operations.md, ERP accounts), then: tieout posting resume %s",
            self._account,
            self.pace.stopped,
            said.text[:_SAID_MAX],
            self._account,
        )

    async def _ask(self, batch: list[_Entry]) -> Sequence[Outcome]:
        commands = [entry.command for entry in batch]
        outcomes: Sequence[Outcome]
        if batch[0].verb == "post":
            outcomes = await self._erp.post(commands)
        else:
            outcomes = [Missing() if each is None else each for each in await self._erp.find(commands)]
        if len(outcomes) != len(batch):
            raise ValueError(f"{len(outcomes)} answers to {len(batch)} commands: which is whose is not known")
        return outcomes


def _adapter_failed(what: str) -> Refused:
    return Refused("ambiguous", "NONE", "ADAPTER_FAILED", f"the adapter raised {what}"[:500])


def _retry_after_ms(outcome: Outcome) -> int:
    return (outcome.retry_after_ms or 0) if isinstance(outcome, Refused) else 0


def _end_of(outcomes: Sequence[Outcome]) -> CallEnd:
    """How the call went as a whole: any word about pace counts, silence only where nothing else was said."""
    kinds = {outcome.kind if isinstance(outcome, Refused) else "done" for outcome in outcomes}
    if "auth" in kinds:
        return "auth"
    if "throttled" in kinds:
        return "throttled"
    return "failed" if kinds <= {"transient", "ambiguous"} else "done"
