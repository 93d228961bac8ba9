"""The demo from start to verdict: a real broker, real workers, one of them killed, every output read back.

``travel`` is the story in order. Invariant: whatever happens, no process that was started here is left behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tieout.agents.decode import inbox_key
from tieout.agents.spec import Headers
from tieout.avro.codec import Codec
from tieout.avro.control import (
    ControlRequest,
    PeriodCloseRequested,
    ReferenceActivationRequested,
    RevenueRunRequested,
)
from tieout.streams.edges.control import header, submit_and_wait
from tieout.streams.edges.producing import produce_events
from tieout.streams.edges.reference import publish_reference
from tieout.streams.operate.broker.embedded import EmbeddedBroker
from tieout.streams.operate.cli.options import day
from tieout.streams.operate.demo.options import DemoOptions
from tieout.streams.operate.demo.progress import PartitionProgress
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.operate.demo.tally import Tally
from tieout.streams.operate.demo.workers import WorkerProcess
from tieout.streams.operate.generate import Generation, generate
from tieout.streams.operate.servers import ports
from tieout.streams.topics import (
    CONTRACT_EVENTS,
    CONTROL_RECEIPTS,
    CONTROL_REQUESTS,
    CONTROL_TOTALS,
    DEAD_LETTERS,
    DECISIONS,
    ERP_COMMANDS,
    EXCEPTIONS,
    REVENUE_EVENTS,
    apply,
    plan,
    topic_table,
)

OUTPUT_TOPICS = (ERP_COMMANDS, REVENUE_EVENTS, EXCEPTIONS, DECISIONS, DEAD_LETTERS, CONTROL_TOTALS)
_STALL_SECONDS = 120.0
_RECEIPT_SECONDS = 300.0
_SETTLE_SECONDS = 5.0
_RESTART_AFTER_SECONDS = 1.0


class DemoFailedError(Exception):
    """The demo could not be carried through; the message says at which step and what to look at."""


@dataclass(slots=True)
class Kill:
    """One SIGKILL and how long it took until every partition had committed again."""

    worker_id: str
    events_received: int
    recovered_seconds: float | None = None


@dataclass(slots=True)
class Journey:
    """What happened: filled step by step, read by the report and the judge."""

    options: DemoOptions
    generation: Generation
    produced: int = 0
    received: int = 0
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    receipts: dict[str, tuple[int, int]] = field(default_factory=dict)
    outputs: int = 0
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(horizon=day(self.options.through_day))


Keyed = tuple[bytes, bytes, Headers]
"""(key, value, headers) of a record to produce."""
Judge = Callable[[msgspec.Struct], None]
"""Is given every committed output, once each, before the verdict."""
Say = Callable[[str, int, int], None]
"""Progress: step in words, how far, of how many (0: unknown)."""


async def travel(
    options: DemoOptions, directory: Path, judge: Judge, say: Say, arrived: Callable[[Journey], None]
) -> None:
    """Run the demo in ``directory``, and give the journey to ``arrived`` before anything is kept up to look at.

    Raises DemoFailedError where it cannot be carried through.
    """
    journey = Journey(options, generate(options.scenario, options.contracts, options.seed))
    codec = Codec.load()
    async with AsyncExitStack() as stack:
        with _timed(journey, "broker_start"):
            say("starting Apache Kafka", 0, 0)
            broker = await asyncio.to_thread(EmbeddedBroker(directory / "kafka", heap_mb=512).start)
        stack.push_async_callback(asyncio.to_thread, broker.stop)
        demo = _Demo(options, directory, broker.bootstrap, codec, journey, say)
        stack.push_async_callback(demo.stop_workers)
        with _timed(journey, "set_up"):
            await demo.set_up()
        await stack.enter_async_context(demo.following())
        with _timed(journey, "events"):
            await demo.send_and_kill()
        with _timed(journey, "revenue_run"):
            await demo.run_revenue()
        with _timed(journey, "close"):
            await demo.close_period()
        await demo.settle()
        with _timed(journey, "read_back"):
            await demo.read_back(judge)
        arrived(journey)
        if options.serve:
            await demo.serve()


def erp_accounts(generation: Generation) -> int:
    """How many ERP accounts the reference data of a generation posts to."""
    return 1 + max(getattr(row, "command_partition", 0) for row in generation.reference())


def outputs_of(generation: Generation, partitions: int) -> dict[str, int]:
    """Topic -> number of partitions, of everything that the contract agent says."""
    return {
        topic: erp_accounts(generation) if topic == ERP_COMMANDS else partitions for topic in OUTPUT_TOPICS
    }


class _Demo:
    def __init__(
        self,
        options: DemoOptions,
        directory: Path,
        bootstrap: str,
        codec: Codec,
        journey: Journey,
        say: Say,
    ) -> None:
        self.options = options
        self.bootstrap = bootstrap
        self.codec = codec
        self.journey = journey
        self.say = say
        self.killing = False
        self.progress = PartitionProgress(bootstrap, CONTROL_TOTALS, options.partitions, codec)
        self.pages = ports.choose(options.workers)
        names = [f"worker-{number + 1}" for number in range(options.workers)]
        self.workers = [
            WorkerProcess(name, self._environment(directory, name, port), directory / f"{name}.log")
            for name, port in zip(names, self.pages, strict=True)
        ]

    def following(self) -> AsyncExitStack:
        """Follow the control totals for as long as the returned stack is open."""
        stack = AsyncExitStack()
        stack.push_async_callback(self.progress.stop)
        return stack

    async def set_up(self) -> None:
        """Topics, workers, reference data, and its activation in every partition."""
        self.say("creating topics", 0, 0)
        reference = self.journey.generation.reference()
        table = topic_table(self.options.partitions, erp_accounts=erp_accounts(self.journey.generation))
        await apply(self.bootstrap, await plan(self.bootstrap, table))
        upto = (await publish_reference(self.bootstrap, self.codec, reference)).upto
        self.say("starting workers", 0, 0)
        for worker in self.workers:
            worker.start()
        await self.progress.start()
        tenant = self.journey.generation.tenant
        await self._ask(ReferenceActivationRequested(header(tenant, "demo"), upto))

    async def send_and_kill(self) -> None:
        """Send the day while the workers work; kill one in the middle; the late tail after the gap timer."""
        killer = asyncio.create_task(self._kill_at_shares())
        late: list[Keyed] = []
        await produce_events(self.bootstrap, self._records(late), CONTRACT_EVENTS)
        await self._drained("events")
        if late:
            seconds = self.options.gap_timer_seconds
            self.say(f"waiting {seconds:.0f} s: the gap timer", 0, 0)
            await asyncio.sleep(seconds + 2)
            self.journey.produced += len(late)
            await produce_events(self.bootstrap, late, CONTRACT_EVENTS)
        await killer
        await self._drained("late events")

    def _records(self, late: list[Keyed]) -> Iterator[Keyed]:
        """Every delivery as a record; those of the late tail are put into ``late`` instead."""
        for number, arrival in enumerate(self.journey.generation.arrivals()):
            envelope = arrival.event.envelope
            record = inbox_key(envelope.tenant, envelope.group_id), self.codec.encode(arrival.event), ()
            if arrival.late:
                late.append(record)
                continue
            self.journey.produced += 1
            if number % 500 == 0:
                self.say("events", self.progress.received, self._estimate())
            yield record

    async def run_revenue(self) -> None:
        """Recognise revenue up to the horizon, in every partition."""
        through = day(self.options.through_day)
        self.say(f"revenue run through {self.options.through_day}", 0, 0)
        tenant = self.journey.generation.tenant
        await self._ask(RevenueRunRequested(header(tenant, "demo"), None, "primary", through))

    async def close_period(self) -> None:
        """Close the period, in every partition."""
        self.say(f"closing {self.options.close_period}", 0, 0)
        tenant = self.journey.generation.tenant
        await self._ask(
            PeriodCloseRequested(header(tenant, "demo"), None, "revenue", self.options.close_period)
        )

    async def settle(self) -> None:
        """Wait for the totals that follow the last change: ticks publish them within seconds."""
        asked_at = time.monotonic()
        await self.progress.until(lambda now: not now.silent_since(asked_at), _SETTLE_SECONDS)
        self.journey.received = self.progress.received
        self.journey.outcomes = self.progress.outcomes()

    async def read_back(self, judge: Judge) -> None:
        """Read every output, read committed, for the tally and the judge."""
        self.say("reading every output back", 0, 0)
        tally = self.journey.tally

        def sink(message: msgspec.Struct, *_: object) -> None:
            tally.take(message)
            judge(message)

        self.journey.outputs = await read_topics(
            self.bootstrap, outputs_of(self.journey.generation, self.options.partitions), self.codec, sink
        )

    async def serve(self) -> None:
        """Keep everything up for looking around."""
        pages = " and ".join(f"http://127.0.0.1:{port}" for port in self.pages)
        self.say(f"serving: stats page {pages}; Kafka {self.bootstrap}; Ctrl-C ends it", 0, 0)
        await asyncio.Event().wait()

    async def stop_workers(self) -> None:
        """SIGTERM to all, then wait."""
        for worker in self.workers:
            worker.ask_to_stop()
        await asyncio.gather(*(asyncio.to_thread(worker.wait) for worker in self.workers))

    async def _kill_at_shares(self) -> None:
        """Kill a worker at equal shares of the way, restart it, and time until all partitions commit again."""
        for number in range(self.options.kills):
            share = (number + 1) / (self.options.kills + 1)
            await self._reached(self._estimate() * share)
            worker = self.workers[number % len(self.workers)]
            kill = Kill(worker.worker_id, self.progress.received)
            self.journey.kills.append(kill)
            self.killing = True
            killed_at = await asyncio.to_thread(worker.kill)
            await asyncio.sleep(_RESTART_AFTER_SECONDS)
            worker.start()
            self.killing = False
            await self._all_moved_since(killed_at)
            kill.recovered_seconds = max(self.progress.updated_at.values()) - killed_at

    async def _reached(self, received: float) -> None:
        await self.progress.until(lambda now: now.received >= received or self._all_received())

    async def _all_moved_since(self, moment: float) -> None:
        if not await self.progress.until(lambda now: not now.silent_since(moment), _STALL_SECONDS):
            raise DemoFailedError(
                f"{_STALL_SECONDS:.0f} s after a kill, partitions {self.progress.silent_since(moment)} have not"
                f" committed again; {self._workers_said()}"
            )

    async def _drained(self, what: str) -> None:
        """Wait until every event that was sent has an outcome; give up when nothing moves for long."""
        received, moved_at = -1, time.monotonic()
        while self.progress.received < self.journey.produced:
            if self.progress.received != received:
                received, moved_at = self.progress.received, time.monotonic()
            if time.monotonic() - moved_at > _STALL_SECONDS:
                raise DemoFailedError(
                    f"{what}: {received} of {self.journey.produced} received and nothing moved for"
                    f" {_STALL_SECONDS:.0f} s; {self._workers_said()}"
                )
            self._check_workers()
            self.say(what, self.progress.received, self.journey.produced)
            await asyncio.sleep(0.1)

    async def _ask(self, request: ControlRequest) -> None:
        receipts = await submit_and_wait(
            self.bootstrap,
            (CONTROL_REQUESTS, CONTROL_RECEIPTS),
            self.options.partitions,
            self.codec,
            request,
            _RECEIPT_SECONDS,
        )
        if len(receipts) < self.options.partitions:
            missing = sorted(set(range(self.options.partitions)) - set(receipts))
            raise DemoFailedError(
                f"{request.EVENT_TYPE}: no receipt from partitions {missing}; {self._workers_said()}"
            )
        self.journey.receipts[request.EVENT_TYPE] = (
            sum(receipt.groups for receipt in receipts.values()),
            sum(receipt.commands for receipt in receipts.values()),
        )

    def _check_workers(self) -> None:
        if not self.killing and not any(worker.running for worker in self.workers):
            raise DemoFailedError(f"every worker has ended; {self._workers_said()}")

    def _workers_said(self) -> str:
        return "\n".join(f"{w.worker_id} ({w.log}) said last:\n{w.last_words()}" for w in self.workers)

    def _all_received(self) -> bool:
        return 0 < self.journey.produced <= self.progress.received

    def _estimate(self) -> int:
        return max(self.options.contracts * 10, 1)

    def _environment(self, directory: Path, name: str, web_port: int) -> dict[str, str]:
        return {
            "TIEOUT_BOOTSTRAP": self.bootstrap,
            "TIEOUT_AGENTS": "contracts,control",
            "TIEOUT_PARTITIONS": str(self.options.partitions),
            "TIEOUT_STATE_DIR": str(directory / "state" / name),
            "TIEOUT_GAP_TIMER_SECONDS": str(self.options.gap_timer_seconds),
            "TIEOUT_TICK_SECONDS": "1",
            "TIEOUT_WEB_PORT": str(web_port),
            "TIEOUT_LOG_FORMAT": "json",
        }


@contextmanager
def _timed(journey: Journey, step: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        journey.seconds[step] = time.monotonic() - began
