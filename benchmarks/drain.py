"""Drain rate: a preloaded inbox to empty, by one worker, beside the floor of the same run.

    make bench                      # medians of 3 runs of 5,000 contracts; writes benchmarks/results/drain.json
    .venv/bin/python benchmarks/drain.py --contracts 20000 --runs 3

Measured: events per second of wall time and per CPU-second of the worker process (user and system, all threads), from
the first committed control totals to the last, and the share of the worker's CPU time per stage. The stages of the
pipeline are timed by its stopwatch (one event in 16); ``commit`` is what is left: fetching, rows, sending, transactions,
the store, heartbeats. Broker, worker and reader share the machine's cores. The floor writes each input record twice and
does nothing else: it shows what transactions cost, not what a contract agent could reach.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tieout.agents.decode import inbox_key
from tieout.agents.pipeline import EVENT_STAGES
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, ReferenceActivated
from tieout.streams.edges.producing import produce_events
from tieout.streams.edges.reference import publish_reference
from tieout.streams.operate.broker import EmbeddedBroker
from tieout.streams.operate.demo.journey import erp_accounts, outputs_of
from tieout.streams.operate.demo.progress import PartitionProgress
from tieout.streams.operate.demo.readback import read_raw, read_topics
from tieout.streams.operate.demo.workers import WorkerProcess
from tieout.streams.operate.generate import Generation, generate
from tieout.streams.operate.status import decode
from tieout.streams.operate.vitals import HEARTBEAT_SECONDS
from tieout.streams.topics import (
    CONTRACT_EVENTS,
    CONTROL_TOTALS,
    WORKER_STATUS,
    apply,
    plan,
    topic_table,
)

TENANT = "acme"
RESULTS = Path(__file__).parent / "results"


async def one_run(options: argparse.Namespace, number: int) -> dict[str, Any]:
    """One broker, one preloaded inbox, the floor over it, then the worker over it."""
    with tempfile.TemporaryDirectory(prefix="tieout-bench-") as directory:
        home = Path(directory)
        broker = await asyncio.to_thread(EmbeddedBroker(home / "kafka", heap_mb=512).start)
        try:
            generation = generate(options.scenario, options.contracts, number)
            events = await preload(broker.bootstrap, options, generation)
            floor = await measure_floor(broker.bootstrap, options)
            worker = await measure_worker(broker.bootstrap, options, (generation, events), home)
        finally:
            await asyncio.to_thread(broker.stop)
    return {"seed": number, "events": events, "floor": floor, "worker": worker}


async def preload(bootstrap: str, options: argparse.Namespace, generation: Generation) -> int:
    """Topics, reference rows and their activation, and every event; the number of events."""
    codec, reference = Codec.load(), generation.reference()
    table = topic_table(options.partitions, erp_accounts=erp_accounts(generation))
    await apply(bootstrap, await plan(bootstrap, table))
    upto = (await publish_reference(bootstrap, codec, reference)).upto
    marker = codec.encode(ReferenceActivated(ControlHeader("bench", 1, TENANT, "bench", 0), upto))
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for partition in range(options.partitions):
        await producer.send_and_wait(CONTRACT_EVENTS, marker, key=b"control", partition=partition)
    await producer.stop()
    records = (
        (inbox_key(e.envelope.tenant, e.envelope.group_id), codec.encode(e), ()) for e in generation.events()
    )
    return await produce_events(bootstrap, records, CONTRACT_EVENTS)


async def measure_floor(bootstrap: str, options: argparse.Namespace) -> dict[str, float]:
    """Run the floor over the inbox, as a process of its own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics(
        [
            NewTopic("floor-output", options.partitions, 1),
            NewTopic("floor-rows", options.partitions, 1, topic_configs={"cleanup.policy": "compact"}),
        ]
    )
    await admin.close()
    command = [
        sys.executable, str(Path(__file__).with_name("floor.py")), "--bootstrap", bootstrap,
        "--input", CONTRACT_EVENTS, "--output", "floor-output", "--rows", "floor-rows",
        "--partitions", str(options.partitions), "--records", str(options.records),
    ]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=600)
    found = json.loads(done.stdout)
    return {**found, **rates(found["records"], found["wall_seconds"], found["cpu_seconds"])}


async def measure_worker(
    bootstrap: str, options: argparse.Namespace, preloaded: tuple[Generation, int], home: Path
) -> dict[str, Any]:
    """Run one worker over the inbox."""
    generation, events = preloaded
    environment = {
        "TIEOUT_BOOTSTRAP": bootstrap,
        "TIEOUT_AGENTS": "contracts",
        "TIEOUT_PARTITIONS": str(options.partitions),
        "TIEOUT_STATE_DIR": str(home / "state"),
        "TIEOUT_TRANSACTION_MAX_RECORDS": str(options.records),
        "TIEOUT_TICK_SECONDS": "1",
        "TIEOUT_LOG_FORMAT": "json",
    }
    progress = PartitionProgress(bootstrap, CONTROL_TOTALS, options.partitions, Codec.load())
    await progress.start()
    worker = WorkerProcess("bench", environment, home / "worker.log")
    worker.start()
    try:
        if not await progress.until(lambda now: now.received > 0, 120):
            raise SystemExit(f"the worker did not begin:\n{worker.last_words()}")
        began, began_cpu, first = time.monotonic(), cpu_seconds(worker.pid), progress.received
        if not await progress.until(lambda now: now.received >= events, 1_800):
            raise SystemExit(f"the worker did not finish:\n{worker.last_words()}")
        wall, cpu = time.monotonic() - began, cpu_seconds(worker.pid) - began_cpu
        await asyncio.sleep(HEARTBEAT_SECONDS)
        stages = stage_shares(await stage_seconds(bootstrap), cpu_seconds(worker.pid))
        outputs = await read_topics(
            bootstrap, outputs_of(generation, options.partitions), Codec.load(), lambda *_: None
        )
    finally:
        worker.ask_to_stop()
        await asyncio.to_thread(worker.wait)
        await progress.stop()
    done = events - first
    return {
        "records": done,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "outputs_per_event": outputs / events,
        "stages": stages,
        **rates(done, wall, cpu),
    }


async def stage_seconds(bootstrap: str) -> dict[str, float]:
    """Seconds that the events spent in each stage of the pipeline, from the worker's own last heartbeat."""
    latest: dict[bytes, bytes] = {}
    await read_raw(bootstrap, {WORKER_STATUS: 1}, lambda record: latest.__setitem__(record.key, record.value))
    seconds: dict[str, float] = {}
    for value in latest.values():
        for partition in decode(value).partitions if value is not None else ():
            for stage in partition.stages:
                seconds[stage.stage] = seconds.get(stage.stage, 0.0) + stage.seconds
    return {stage: seconds.get(stage, 0.0) for stage in EVENT_STAGES}


def stage_shares(seconds: dict[str, float], cpu: float) -> dict[str, float]:
    """Share of the worker's CPU time per stage; commit is the rest."""
    shares = {stage: value / cpu for stage, value in seconds.items()}
    return {**shares, "commit": max(0.0, 1 - sum(shares.values()))}


def rates(records: int, wall: float, cpu: float) -> dict[str, float]:
    """Events per second, wall and CPU."""
    return {"events_per_second": records / wall, "events_per_cpu_second": records / max(cpu, 1e-9)}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(options: argparse.Namespace, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians, ratios, machine facts, and the runs."""

    def median(part: str, figure: str) -> float:
        return round(statistics.median(run[part][figure] for run in runs), 1)

    figures = ("events_per_second", "events_per_cpu_second")
    medians = {part: {figure: median(part, figure) for figure in figures} for part in ("worker", "floor")}
    return {
        "benchmark": "drain",
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "command": "benchmarks/drain.py " + " ".join(sys.argv[1:]),
        "machine": {
            "cpu_count": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "options": vars(options),
        "medians": medians,
        "ratio_to_floor": {f: round(medians["worker"][f] / medians["floor"][f], 3) for f in figures},
        "stage_shares": {
            stage: round(statistics.median(run["worker"]["stages"].get(stage, 0.0) for run in runs), 3)
            for stage in runs[0]["worker"]["stages"]
        },
        "runs": runs,
    }


def main() -> None:
    """Run, print the medians, write the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scenario", default="day")
    parser.add_argument("--contracts", type=int, default=5_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    runs = [asyncio.run(one_run(options, seed)) for seed in range(1, options.runs + 1)]
    found = report(options, runs)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "drain.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({k: found[k] for k in ("medians", "ratio_to_floor", "stage_shares")}, indent=1))


if __name__ == "__main__":
    main()
