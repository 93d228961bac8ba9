"""A process that runs the comparison job on tieout's engine, by the contract that every engine's worker follows.

Environment: BOOTSTRAP, INPUT, COMMANDS, REVENUE, GROUP, PARTITIONS, STATE_DIR; GUARANTEE (eos is the only one),
COMMIT_MS and THREADS are not needed. Beyond the contract: WORKER_ID (default ``one``) names the slot, JOB_CODEC
(``compiled`` or ``fastavro``) the codec, JOB_SETTINGS is JSON of EngineSettings, JOB_STATUS a file for status as JSON.
It starts at the earliest offset, makes its own changelog topic, and stops on SIGTERM.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import signal
import sys
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from comparison.agent import job_spec
from comparison.wire import load_wire
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.worker import Worker, run_worker

STATUS_SECONDS = 0.1


def changelog_of(group: str) -> str:
    """The topic of the worker's rows."""
    return f"{group}-changelog"


async def run(environment: dict[str, str]) -> None:
    """Run until SIGTERM or SIGINT."""
    bootstrap, group = environment["BOOTSTRAP"], environment["GROUP"]
    if environment.get("GUARANTEE", "eos") != "eos":
        raise SystemExit("this worker has one guarantee, exactly once; set GUARANTEE=eos")
    changelog = changelog_of(group)
    await make_changelog(bootstrap, changelog, int(environment["PARTITIONS"]))
    wire = load_wire(environment.get("JOB_CODEC", "auto"))
    logging.getLogger("tieout.job").info("codec: %s", wire.codec)
    worker = await run_worker(
        [
            job_spec(
                environment["INPUT"], changelog, environment["COMMANDS"], environment["REVENUE"], wire=wire
            )
        ],
        bootstrap=bootstrap,
        app_id=group,
        worker_id=environment.get("WORKER_ID", "one"),
        state_dir=Path(environment["STATE_DIR"]),
        settings=EngineSettings(**json.loads(environment.get("JOB_SETTINGS", "{}"))),
    )
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: stopping.append(loop.create_task(worker.stop())))
    status_file = environment.get("JOB_STATUS")
    reporting = loop.create_task(report(worker, Path(status_file))) if status_file else None
    await worker.wait()
    await worker.stop()
    if reporting is not None:
        reporting.cancel()


async def make_changelog(bootstrap: str, topic: str, partitions: int) -> None:
    """Create the topic of rows unless it is there."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        rows = NewTopic(topic, partitions, 1, topic_configs={"cleanup.policy": "compact"})
        answer = await admin.create_topics([rows])
    finally:
        await admin.close()
    refused = [error for error in answer.topic_errors if error[1] not in (0, TopicAlreadyExistsError.errno)]
    if refused:
        raise SystemExit(f"the broker at {bootstrap} did not create {topic}: {refused}")


async def report(worker: Worker, path: Path) -> None:
    """Keep the status file up to date."""
    while True:
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(dataclasses.asdict(worker.status())), encoding="utf-8")
        draft.replace(path)
        await asyncio.sleep(STATUS_SECONDS)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(run(dict(os.environ)))
