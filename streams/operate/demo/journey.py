"""The demo from start to verdict: a real broker, real workers, one of them killed, every output read back.

``travel`` is the story in order: the day's events, a revenue run, everything posted to the ERP, the period closed in both,
then a few events about it that come too late. Invariant: whatever happens, no process that was started here is left behind.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
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
from tieout.streams.operate.demo.erp import DemoErp
from tieout.streams.operate.demo.erp_choice import erp_of
from tieout.streams.operate.demo.late import told_late
from tieout.streams.operate.demo.logbook import DemoFailedError, Journey, Kill
from tieout.streams.operate.demo.options import DemoOptions
from tieout.streams.operate.demo.outputs import OUTCOME_TOPICS, erp_accounts
from tieout.streams.operate.demo.posting import CommandLog, until_posted
from tieout.streams.operate.demo.progress import PartitionProgress
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.operate.demo.workers import WorkerProcess
from tieout.streams.operate.generate import generate
from tieout.streams.operate.servers import ports
from tieout.streams.topics import (
    CONTRACT_EVENTS,
    CONTROL_RECEIPTS,
    CONTROL_REQUESTS,
    CONTROL_TOTALS,
    apply,
    plan,
    topic_table,
)

_STALL_SECONDS = 120.0
_RECEIPT_SECONDS = 300.0
_SETTLE_SECONDS = 5.0
_RESTART_AFTER_SECONDS = 1.0


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
    journey.told_late = told_late(journey.generation, options.close_period)
    codec = Codec.load()
    erp = erp_of(options, directory, journey.generation)
    async with AsyncExitStack() as stack:
        if erp is not None:
            with _timed(journey, "erp_start"):
                say(f"starting {erp.name}", 0, 0)
                stack.push_async_callback(asyncio.to_thread, erp.stop)
                await asyncio.to_thread(erp.start)
        with _timed(journey, "broker_start"):
            say("starting Apache Kafka", 0, 0)
            broker = await asyncio.to_thread(EmbeddedBroker(directory / "kafka", heap_mb=512).start)
        stack.push_async_callback(asyncio.to_thread, broker.stop)
        demo = _Demo(options, directory, broker.bootstrap, codec, journey, say, judge, erp)
        stack.push_async_callback(demo.stop_workers)
        with _timed(journey, "set_up"):
            await demo.set_up()
        await stack.enter_async_context(demo.following())
        await demo.play()
        arrived(journey)
        if options.serve:
            await demo.serve()


class _Demo:
    def __init__(
        self,
        options: DemoOptions,
        directory: Path,
        bootstrap: str,
        codec: Codec,
        journey: Journey,
        say: Say,
        judge: Judge,
        erp: DemoErp | None,
    ) -> None:
        self.options = options
        self.bootstrap = bootstrap
        self.codec = codec
        self.journey = journey
        self.say = say
        self.judge = judge
        self.erp = erp
        self.killing = False
        self.progress = PartitionProgress(bootstrap, CONTROL_TOTALS, options.partitions, codec)
        self.log = CommandLog(bootstrap, erp_accounts(journey.generation), codec, self._taken)
        self.after_close: list[Keyed] = []
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

    async def play(self) -> None:
        """The story, from the first event to the last figure read back."""
        journey = self.journey
        with _timed(journey, "events"):
            await self.send_and_kill()
        with _timed(journey, "revenue_run"):
            await self.run_revenue()
        with _timed(journey, "posting"):
            await self.post_all()
        with _timed(journey, "close"):
            await self.close_period()
        with _timed(journey, "late_events"):
            await self.send_after_close()
            await self.post_all()
        await self.settle()
        with _timed(journey, "read_back"):
            await self.read_back()

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
        """Every delivery as a record, without the late tail, which goes to ``late``, and without what is told after the close."""
        for number, arrival in enumerate(self.journey.generation.arrivals()):
            envelope = arrival.event.envelope
            record = inbox_key(envelope.tenant, envelope.group_id), self.codec.encode(arrival.event), ()
            if envelope.event_id in self.journey.told_late:
                self.after_close.append(record)
                continue
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

    async def post_all(self) -> None:
        """Wait until the ERP has every command that is in the log now; what it refuses is told by the verdict."""
        await self.log.read_on()
        if self.erp is not None:
            say = f"posting to {self.erp.name}"
            await until_posted(
                self.progress,
                self.log.commands,
                lambda told, of: self.say(say, told, of),
                self._check_workers,
            )

    async def close_period(self) -> None:
        """Close the period in every partition, then in the ERP, which has all of it by then."""
        self.say(f"closing {self.options.close_period}", 0, 0)
        tenant = self.journey.generation.tenant
        await self._ask(
            PeriodCloseRequested(header(tenant, "demo"), None, "revenue", self.options.close_period)
        )
        if self.erp is not None:
            await asyncio.to_thread(self.erp.close_period, self.options.close_period)

    async def send_after_close(self) -> None:
        """Tell what was held back about the closed period."""
        self.journey.produced += len(self.after_close)
        await produce_events(self.bootstrap, self.after_close, CONTRACT_EVENTS)
        await self._drained("events about the closed period")

    async def settle(self) -> None:
        """Wait for the totals that follow the last change: ticks publish them within seconds."""
        asked_at = time.monotonic()
        await self.progress.until(lambda now: not now.silent_since(asked_at), _SETTLE_SECONDS)
        self.journey.received = self.progress.received
        self.journey.outcomes = self.progress.outcomes()

    async def read_back(self) -> None:
        """Read what is left of the outputs, read committed, for the tally and the judge; and the ERP's journal."""
        self.say("reading every output back", 0, 0)
        await self.log.read_on()
        outcomes = await read_topics(
            self.bootstrap,
            dict.fromkeys(OUTCOME_TOPICS, self.options.partitions),
            self.codec,
            lambda message, *_: self._taken(message),
        )
        self.journey.outputs = self.log.commands + outcomes
        if self.erp is not None:
            self.journey.erp = await asyncio.to_thread(self.erp.books)

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

    def _taken(self, message: msgspec.Struct) -> None:
        self.journey.tally.take(message)
        self.judge(message)

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
        posting: dict[str, str] = {"TIEOUT_AGENTS": "contracts,control"}
        if self.erp is not None:
            accounts = directory / "erps.toml"
            accounts.write_text(self.erp.accounts_file(), encoding="utf-8")
            posting = {
                **self.erp.environment,
                "TIEOUT_AGENTS": "contracts,control,posting",
                "TIEOUT_ERP_FILE": str(accounts),
            }
        return {
            **posting,
            "TIEOUT_BOOTSTRAP": self.bootstrap,
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
