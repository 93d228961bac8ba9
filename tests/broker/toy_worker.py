"""A worker with a toy agent, as a process of its own: `toy_worker.py CONFIG.json`.

The agent counts. Input key k, value n: the row `c/k` becomes (count, sum), and the output says both, so one wrong
step shows for ever after. Values that begin with `!` do harm: kill the process, raise, or wait for a file.
`!alarmN` asks for an output N ms of log time later: a timer in a row.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
from pathlib import Path

import msgspec

from tieout.agents.spec import AgentSpec, CallSpec, NotReady, Output
from tieout.streams.engine import opening
from tieout.streams.engine import worker as worker_module
from tieout.streams.engine.kafka_log import KafkaLog
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.engine.transaction import Transaction
from tieout.streams.engine.worker import run_worker


class CountingTask:
    def __init__(self, context, output_topic: str, gate: str | None = None, side: str | None = None) -> None:
        self.rows = context.rows
        self.output = output_topic
        self.gate = gate
        self.side = side
        self.dirty: dict[bytes, tuple[int, int]] = {}
        self.pending_work = 0

    def step(self, record, effects) -> None:
        key, value = record.key or b"", record.value or b""
        self.ring(record.timestamp, effects)
        if value.startswith(b"!"):
            return self.harm(record, value, effects)
        count, total = self.read(key)
        count, total = count + 1, total + int(value)
        self.dirty[key] = (count, total)
        effects.emit(Output(self.output, None, key, b"%d,%d,%d" % (int(value), count, total)))
        return None

    def read(self, key: bytes) -> tuple[int, int]:
        if key in self.dirty:
            return self.dirty[key]
        raw = self.rows.get(b"c/" + key)
        if raw is None:
            return 0, 0
        count, _, total = raw.partition(b",")
        return int(count), int(total)

    def ring(self, now_ms: int, effects) -> None:
        for row, asked_ms in list(self.rows.scan(b"alarm/")):
            _, due_ms, key = row.split(b"/", 2)
            if int(due_ms) > now_ms:
                break
            effects.delete(row)
            effects.emit(Output(self.output, None, key, b"rang %b %d %d" % (asked_ms, int(due_ms), now_ms)))

    def harm(self, record, value: bytes, effects) -> None:
        if value == b"!kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while value == b"!hang":
            pass
        if value == b"!raise":
            raise RuntimeError("the toy agent was told to fail")
        if value == b"!wait" and not (self.gate and Path(self.gate).exists()):
            raise NotReady("the gate is closed")
        if value == b"!big":
            effects.put(b"big", b"x" * 300_000)
        if value.startswith(b"!alarm"):
            due_ms = record.timestamp + int(value[6:])
            effects.put(b"alarm/%015d/%b" % (due_ms, record.key), b"%d" % record.timestamp)
        if value == b"!side":
            effects.emit(Output(self.side, None, record.key, value))
        if value.startswith(b"!call"):
            effects.put(b"call/%b/%d" % (record.key, record.offset), value)
        if value.startswith(b"!work"):
            self.pending_work = int(value[5:])

    def isolate(self, record, reason: str, effects) -> None:
        effects.emit(Output(self.output, None, record.key, b"isolated"))

    def pending(self) -> bool:
        return self.pending_work > 0

    def work(self, effects, limit: int) -> None:
        for _ in range(min(limit, self.pending_work)):
            self.pending_work -= 1
            effects.put(b"w/%d" % self.pending_work, b"done")

    def outcome(self, key: bytes, outcome: bytes, effects) -> None:
        effects.emit(Output(self.output, None, key, b"answered " + outcome))
        if outcome.endswith(b"ok"):
            effects.delete(key)

    def flush(self, effects) -> None:
        for key, (count, total) in self.dirty.items():
            effects.put(b"c/" + key, b"%d,%d" % (count, total))
        self.dirty.clear()


def spec(
    inbox: str, changelog: str, output: str, *, name="toy", tick=False, calls=False, gate=None, side=None
) -> AgentSpec:
    return AgentSpec(
        name=name,
        input_topic=inbox,
        changelog_topic=changelog,
        output_topics=(output, *([side] if side else [])),
        open=lambda context: CountingTask(context, output, gate, side),
        tick=(lambda partition: (b"tick", b"0")) if tick else None,
        calls=CallSpec(row_prefix=b"call/", slots=2, retry_seconds=0.3) if calls else None,
    )


class ToyCaller:
    """Answers the first call of `!call-retry` with "again", every other with "ok"; fails once for `!call-fail`."""

    def __init__(self) -> None:
        self.seen: dict[bytes, int] = {}

    async def __call__(self, key: bytes, value: bytes) -> bytes:
        times = self.seen[key] = self.seen.get(key, 0) + 1
        await asyncio.sleep(0.01)
        if value == b"!call-fail" and times == 1:
            raise ConnectionError("the toy server is away")
        if value == b"!call-retry" and times == 1:
            return b"%d again" % times
        return b"%d ok" % times


def without_the_fence(worker_id: str) -> None:
    """A planted defect: each worker has transactional ids of its own, so that nobody fences anybody."""
    real = KafkaLog.fence
    KafkaLog.fence = lambda self, name: real(self, f"{name}-{worker_id}")


def with_the_position_of_yesterday() -> None:
    """A planted defect: each transaction carries the position that the one before it should have."""
    real, last = Transaction.commit, {}

    async def commit(self, position):
        late = last.get(id(self), position)
        last[id(self)] = position
        return await real(self, late)

    Transaction.commit = commit


def with_one_record_again() -> None:
    """A planted defect: each start but a partition's first reads the last record of the one before again."""
    real = opening.starting_point

    def early(*given):
        found = real(*given)
        return msgspec.structs.replace(found, next=found.next - 1) if found.next else found

    opening.starting_point = early


async def main(config: dict) -> None:
    if config.get("defect") == "no fence":
        without_the_fence(config["worker_id"])
    if config.get("defect") == "no log limit":
        worker_module.limit_client_logs = lambda: None
    if config.get("defect") == "one record again":
        with_one_record_again()
    if config.get("defect") == "position of yesterday":
        with_the_position_of_yesterday()
    agents = [spec(**agent) for agent in config["agents"]]
    worker = await run_worker(
        agents,
        bootstrap=config["bootstrap"],
        app_id=config["app_id"],
        worker_id=config["worker_id"],
        state_dir=Path(config["state_dir"]),
        settings=EngineSettings(**config.get("settings", {})),
        callers={agent.name: ToyCaller() for agent in agents if agent.calls},
        start_at=config.get("start_at"),
        cache_bytes=config.get("cache_bytes", 128 << 20),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: loop.create_task(worker.stop()))
    reporting = loop.create_task(report(worker, Path(config["status_file"])))
    await worker.wait()
    reporting.cancel()
    await worker.stop()


async def report(worker, path: Path) -> None:
    while True:
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(dataclasses.asdict(worker.status())))
        draft.replace(path)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    import logging

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
