"""A worker of the comparison job, as a process that a campaign can hurt: `job_worker.py CONFIG.json`.

It is the engine as it is, with three things a test needs: SIGUSR1 arms the fault points that a file names; connections
to the broker can be led through a proxy; the wall clock can be skewed. ``defect`` plants a mistake in the engine, so
that the campaign's checks can be shown to find it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from chaos.planted import plant

from comparison.agent import job_spec
from tieout.streams.engine import fault_points
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.worker import run_worker


def lead_through(routes: dict[str, int]) -> None:
    """Connect to other ports of this machine than the broker has told: to a proxy's."""
    real = asyncio.base_events.BaseEventLoop.create_connection

    async def rerouted(self: Any, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        return await real(self, factory, host, routes.get(str(port), port), **more)

    asyncio.base_events.BaseEventLoop.create_connection = rerouted


def skew(seconds: float, step_after: float) -> None:
    """Move the wall clock; with ``step_after``, only once so many seconds have passed."""
    began, now, now_ns = time.monotonic(), time.time, time.time_ns

    def shift() -> float:
        return seconds if time.monotonic() - began >= step_after else 0.0

    time.time = lambda: now() + shift()
    time.time_ns = lambda: now_ns() + int(shift() * 1e9)


async def main(config: dict[str, Any]) -> None:
    """Run until SIGTERM."""
    plant(config.get("defect", ""), config["worker_id"])
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: fault_points.arm(Path(config["arm_file"]).read_text()))
    topics = config["topics"]
    worker = await run_worker(
        [job_spec(topics["inbox"], topics["changelog"], topics["commands"], topics["revenue"])],
        bootstrap=config["bootstrap"],
        app_id=config["app_id"],
        worker_id=config["worker_id"],
        state_dir=Path(config["state_dir"]),
        settings=EngineSettings(**config["settings"]),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: loop.create_task(worker.stop()))
    reporting = loop.create_task(report(worker, Path(config["status_file"])))
    await worker.wait()
    reporting.cancel()
    await worker.stop()
    write(worker, Path(config["status_file"]))


async def report(worker: Any, path: Path) -> None:
    """Say how the worker is, ten times a second."""
    while True:
        write(worker, path)
        await asyncio.sleep(0.1)


def write(worker: Any, path: Path) -> None:
    """Replace the status file at once, so that a reader never sees half of it."""
    draft = path.with_suffix(".draft")
    said = dataclasses.asdict(worker.status())
    said["rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    draft.write_text(json.dumps(said))
    draft.replace(path)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    given = json.loads(Path(sys.argv[1]).read_text())
    if given.get("routes"):
        lead_through(given["routes"])
    if given.get("skew_seconds"):
        skew(given["skew_seconds"], given.get("skew_after_seconds", 0.0))
    if given.get("address_space_bytes"):
        resource.setrlimit(resource.RLIMIT_AS, (given["address_space_bytes"],) * 2)
    asyncio.run(main(given))
