"""The composition root: settings become agents, their world, and what they show. The only place that knows all parts.

Invariant: whatever is started here is stopped here, in the opposite order; a second signal ends the process at once,
which is safe: what was not committed is done again.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from tieout.agents.agent import NAME as CONTRACTS
from tieout.agents.agent import Watching, contract_agent
from tieout.agents.control.marking import ControlTopics, control_agent
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import ContractTask, PipelineSettings
from tieout.agents.spec import AgentSpec, Caller
from tieout.avro.codec import Codec
from tieout.avro.record_codec import CodecMissing, why_not_compiled
from tieout.streams import topics
from tieout.streams.edges.control import ReceiptCaller, Receipts
from tieout.streams.edges.erp.accounts import AccountsRefused
from tieout.streams.edges.erp.resuming import ResumeRequests
from tieout.streams.edges.producing import partition_of
from tieout.streams.edges.reaching import KafkaRefusedError
from tieout.streams.engine.errors import BrokerUnreachable, StartRefused
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.startup_checks import check_topics
from tieout.streams.engine.status import TaskStatus
from tieout.streams.engine.worker import Worker, WorkerCrashed, run_worker
from tieout.streams.operate import logs
from tieout.streams.operate.cli.exits import Exit, status_of
from tieout.streams.operate.status import AccountStatus, AgentStatus, PartitionStatus, WorkerStatus
from tieout.streams.operate.surface import WorkerSurface
from tieout.streams.operate.vitals import cpu_seconds, rss_bytes
from tieout.streams.operate.web.server import WebRefused
from tieout.streams.posting_parts import NAME as POSTING
from tieout.streams.posting_parts import PostingParts, posting_parts
from tieout.streams.reference_feed import ReferenceFeed
from tieout.streams.reporting import partition_status
from tieout.streams.settings import Settings
from tieout.streams.stopwatch import Stopwatch
from tieout.streams.twin import refuse_living_twin
from tieout.tables.codec import write_version

CONTROL = "control"
_RECEIPT_SECONDS = 5.0
"""How long the control agent waits for receipts before it repeats its markers."""


@dataclass(slots=True)
class Parts:
    """What one worker is made of. ``tasks`` and ``watches`` are by partition of the contract agent."""

    settings: Settings
    codec: Codec
    references: ReferenceFeed
    receipts: Receipts
    posting: PostingParts | None = None
    tasks: dict[int, ContractTask] = field(default_factory=dict)
    watches: dict[int, Stopwatch] = field(default_factory=dict)
    started_us: int = field(default_factory=lambda: time.time_ns() // 1000)


def run(settings: Settings, start_at: Mapping[str, int] | None = None) -> int:
    """Run a worker until a signal; the exit status.

    ``start_at``: agent -> offset where a partition without a position begins although its log starts later.
    """
    logs.configure(settings.log_format, settings.log_level)
    try:
        return asyncio.run(_run(settings, start_at or {}))
    except (StartRefused, WorkerCrashed, KafkaRefusedError) as refused:
        sys.stderr.write(f"tieout worker: {refused}\n")
        return _status(refused)


def _status(refused: Exception) -> Exit:
    if isinstance(refused, WebRefused):
        return Exit.CONFIG
    if isinstance(refused, BrokerUnreachable | KafkaRefusedError):
        return status_of(refused)
    return Exit.FAILURE


async def _run(settings: Settings, start_at: Mapping[str, int]) -> int:
    stop = asyncio.Event()
    _on_signals(stop)
    parts = build(settings)
    specs, callers = agents(parts)
    counts = await check_topics(settings.bootstrap, specs)
    _check_partitions(settings, counts[topics.CONTRACT_EVENTS])
    await refuse_living_twin(settings.bootstrap, settings.worker_id)
    async with AsyncExitStack() as stack:
        surface = WorkerSurface(settings)
        logs.logger(__name__).info("serving", url=surface.start(), worker_id=settings.worker_id)
        stack.callback(surface.stop)
        parts.references.start()
        stack.push_async_callback(parts.references.stop)
        if CONTROL in callers:
            await parts.receipts.start()
            stack.push_async_callback(parts.receipts.stop)
        if parts.posting is not None:
            stack.push_async_callback(parts.posting.close)
            asked = ResumeRequests(
                settings.bootstrap, topics.CONTROL_REQUESTS, parts.codec, parts.posting.resume
            )
            await asked.start()
            stack.push_async_callback(asked.stop)
        worker = await run_worker(
            specs,
            bootstrap=settings.bootstrap,
            app_id=settings.app_id,
            worker_id=settings.worker_id,
            state_dir=settings.state_dir,
            callers=callers,
            settings=engine_settings(settings),
            start_at=start_at,
        )
        stack.push_async_callback(worker.stop)
        heartbeats = asyncio.create_task(surface.run(lambda: heartbeat(parts, worker, specs, surface)))
        stack.callback(heartbeats.cancel)
        await _until(stop, worker)
    logs.logger(__name__).info("stopped", worker_id=settings.worker_id)
    return Exit.OK


def build(settings: Settings) -> Parts:
    """The parts that agents share; nothing runs yet."""
    try:
        codec = Codec.load(settings.codec)
    except CodecMissing as missing:
        raise StartRefused(f"TIEOUT_CODEC=compiled: {missing}") from None
    logs.logger(__name__).info("codec", implementation=codec.implementation)
    if (why := why_not_compiled(settings.codec)) is not None:
        logs.logger(__name__).warning("codec_stale", reason=why)
    write_version(settings.state_version)
    return Parts(
        settings=settings,
        codec=codec,
        references=ReferenceFeed(
            settings.bootstrap,
            topics.REFERENCE,
            codec,
            unpacked_bytes_max=settings.batch_unpacked_max_bytes,
        ),
        receipts=Receipts(settings.bootstrap, topics.CONTROL_RECEIPTS, settings.partitions, codec),
        posting=_posting(settings, codec),
    )


def _posting(settings: Settings, codec: Codec) -> PostingParts | None:
    if POSTING not in settings.agents:
        return None
    assert settings.erp_file is not None, "the settings refuse posting without it"
    try:
        return posting_parts(settings.erp_file, codec)
    except AccountsRefused as refused:
        raise StartRefused(str(refused)) from None


def agents(parts: Parts) -> tuple[list[AgentSpec], dict[str, Caller]]:
    """The agents that this worker is asked to run, and the callers of those that make calls."""
    settings = parts.settings
    known: dict[str, Callable[[], AgentSpec]] = {
        CONTRACTS: lambda: _contracts(parts),
        CONTROL: lambda: control_agent(
            ControlTopics(
                requests=topics.CONTROL_REQUESTS,
                inbox=topics.CONTRACT_EVENTS,
                dead_letters=topics.DEAD_LETTERS,
                changelog=topics.changelog_of(CONTROL),
                inbox_partitions=settings.partitions,
            ),
            parts.codec,
        ),
    }
    callers: dict[str, Caller] = {CONTROL: ReceiptCaller(parts.receipts, _RECEIPT_SECONDS)}
    posting = parts.posting
    if posting is not None:
        known[POSTING] = lambda: posting.agent(settings.partitions)
        callers[POSTING] = posting.call
    unknown = [name for name in settings.agents if name not in known]
    if unknown:
        raise StartRefused(
            f"there is no agent {unknown[0]!r}; TIEOUT_AGENTS takes {', '.join((*known, POSTING))}"
        )
    chosen = [known[name]() for name in settings.agents]
    return chosen, {name: callers[name] for name in settings.agents if name in callers}


def _contracts(parts: Parts) -> AgentSpec:
    settings = parts.settings

    def opened(partition: int, task: ContractTask) -> None:
        parts.tasks[partition] = task

    def lap(partition: int) -> Callable[[str], None]:
        watch = parts.watches[partition] = Stopwatch()
        return watch

    return contract_agent(
        PipelineSettings(
            input_topic=topics.CONTRACT_EVENTS,
            topics=OutputTopics(
                erp_commands=topics.ERP_COMMANDS,
                revenue_events=topics.REVENUE_EVENTS,
                exceptions=topics.EXCEPTIONS,
                decisions=topics.DECISIONS,
                dead_letters=topics.DEAD_LETTERS,
                control_receipts=topics.CONTROL_RECEIPTS,
                control_totals=topics.CONTROL_TOTALS,
                crm_feedback=topics.CRM_FEEDBACK,
            ),
            gap_timer_ms=int(settings.gap_timer_seconds * 1000),
        ),
        changelog_topic=topics.changelog_of(CONTRACTS),
        codec=parts.codec,
        placement=lambda key: partition_of(key, settings.partitions),
        references=parts.references.below,
        now_us=lambda: time.time_ns() // 1000,
        watching=Watching(lap=lap, opened=opened),
    )


def engine_settings(settings: Settings) -> EngineSettings:
    """The engine's limits as the settings have them."""
    return EngineSettings(
        max_records_per_transaction=settings.transaction_max_records,
        max_transaction_bytes=settings.transaction_max_bytes,
        max_slice_seconds=settings.transaction_max_ms / 1000,
        floor_seconds=settings.transaction_idle_floor_ms / 1000,
        tick_seconds=settings.tick_seconds,
        queue_bytes=settings.byte_budget_bytes,
        max_unpacked_bytes=settings.batch_unpacked_max_bytes,
        transaction_timeout_seconds=settings.transaction_timeout_seconds,
        commit_seconds=settings.commit_deadline_seconds,
        state_version=settings.state_version,
        session_timeout_seconds=settings.session_timeout_seconds,
    )


def heartbeat(parts: Parts, worker: Worker, specs: list[AgentSpec], surface: WorkerSurface) -> WorkerStatus:
    """This worker as the stats page shows it."""
    status = worker.status()
    now_us = time.time_ns() // 1000
    partitions: list[PartitionStatus] = []
    for task in status.tasks:
        mine = task.agent == CONTRACTS
        partitions.append(
            partition_status(
                task,
                parts.tasks.get(task.partition) if mine else None,
                parts.watches.get(task.partition) if mine else None,
                now_us // 1000,
                _account(parts, task),
            )
        )
    return WorkerStatus(
        worker_id=parts.settings.worker_id,
        version=importlib.metadata.version("tieout"),
        started_us=parts.started_us,
        reported_us=now_us,
        agents=tuple(
            AgentStatus(spec.name, spec.input_topic, _partitions_of(spec.name, parts)) for spec in specs
        ),
        partitions=tuple(partitions),
        host=socket.gethostname(),
        pid=os.getpid(),
        rss_bytes=rss_bytes(),
        cpu_seconds=cpu_seconds(),
        loop_lag=surface.loop_lag,
        rebalances=sum(status.rebalances.values()),
    )


def _account(parts: Parts, task: TaskStatus) -> AccountStatus | None:
    if task.agent != POSTING or parts.posting is None:
        return None
    return parts.posting.status(task.partition, max(0, task.lag))


def _partitions_of(agent: str, parts: Parts) -> int:
    if agent == POSTING and parts.posting is not None:
        return len(parts.posting.accounts)
    return 1 if agent == CONTROL else parts.settings.partitions


async def _until(stop: asyncio.Event, worker: Worker) -> None:
    """Until asked to stop, or the worker has ended by itself (which raises why)."""
    asked = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(worker.wait())
    await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if ended.done():
        await ended
    else:
        ended.cancel()


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            os._exit(Exit.FAILURE)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)


def _check_partitions(settings: Settings, found: int) -> None:
    if found != settings.partitions:
        raise StartRefused(
            f"{topics.CONTRACT_EVENTS} has {found} partitions, TIEOUT_PARTITIONS says {settings.partitions}; set it to"
            f" {found}: which partition a contract lives in depends on it"
        )
