"""One fault's arena: topics, workers, a feeder, a live reader and the checks that every fault ends with.

Invariant: ``conclude`` asks everything that was promised, whatever the fault was: all outputs once, right and in
order, nothing hanging, all partitions alive, counters true, and the rows equal in changelog, status and store.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chaos import rows
from chaos.anomalies import FaultResult
from chaos.checking import Findings, OutputChecker
from chaos.feeding import Feeder
from chaos.reading import LiveReader, ends, places, read_all
from chaos.stage import Stage, create_topics, until
from chaos.truth import KeyValue, Truth
from chaos.workers import Worker

SETTINGS: dict[str, Any] = {
    "session_timeout_seconds": 2.0,
    "restart_seconds": 0.2,
    "send_seconds": 5.0,
    "commit_seconds": 5.0,
    "fence_seconds": 10.0,
    "transaction_timeout_seconds": 20.0,
    "max_records_per_transaction": 400,
}
"""Shorter deadlines than in production, so that a campaign meets each of them many times."""

TAIL = 400
"""Deliveries kept back for the calm after the faults, in which every figure must be exact."""

FRESH = 50
"""Deliveries after a heal that must be seen too."""

SAMPLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Topics:
    """The job's topics in one arena."""

    inbox: str
    changelog: str
    commands: str
    revenue: str

    @property
    def outputs(self) -> tuple[str, str]:
        """What a reader reads."""
        return self.commands, self.revenue


class Arena:
    """Use as a context: it ends every process and thread that it has started."""

    def __init__(
        self,
        stage: Stage,
        fault: str,
        title: str,
        deliveries: Sequence[KeyValue],
        *,
        bootstrap: str = "",
        partitions: int = 4,
        copies: int = 1,
        rate: float = 1_000.0,
        burst: int = 500,
        settings: dict[str, Any] | None = None,
        isolation: str = "read_committed",
        tail: int = TAIL,
        heal_seconds: float = 60.0,
        drain_seconds: float = 60.0,
    ) -> None:
        self.stage = stage
        self.result = FaultResult(fault=fault, title=title)
        self.findings = Findings()
        self.deliveries = deliveries
        self.bootstrap = bootstrap or stage.broker().bootstrap
        self.partitions = partitions
        self.settings = SETTINGS | (settings or {})
        self.folder = stage.room(fault)
        self.app_id = self.folder.name
        self.topics = self._make_topics(copies)
        self.truth = Truth(deliveries)
        self._due = self.truth.due_after_each()
        self.checker = OutputChecker(self.truth, *self.topics.outputs, self.findings)
        self.feeder = Feeder(self.bootstrap, self.topics.inbox, deliveries, rate=rate, burst=burst)
        self.reader = LiveReader(
            self.bootstrap, self.topics.outputs, partitions, self.checker.take, isolation
        )
        self.heal_seconds = heal_seconds
        self.drain_seconds = drain_seconds
        self.tail = min(tail, len(deliveries) // 4)
        self.workers: list[Worker] = []
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def _make_topics(self, copies: int) -> Topics:
        log = {"message.timestamp.type": "LogAppendTime"}
        topics = Topics(*(f"{self.app_id}-{part}" for part in ("inbox", "changelog", "commands", "revenue")))
        settings = {topics.inbox: log, topics.commands: log, topics.revenue: log}
        settings[topics.changelog] = {"cleanup.policy": "compact"}
        create_topics(self.bootstrap, self.partitions, copies, **settings)
        return topics

    def __enter__(self) -> Self:
        self.reader.start()
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for worker in self.workers:
            worker.drop()
        self.feeder.stop()
        self.reader.stop()
        self._sampler.join(5)

    # Workers and events.

    def worker(self, worker_id: str, **more: Any) -> Worker:
        """A worker of this arena, not yet started."""
        config = {
            "bootstrap": more.pop("bootstrap", self.bootstrap),
            "app_id": self.app_id,
            "worker_id": worker_id,
            "state_dir": str(more.pop("state_dir", self.folder / f"state-{worker_id}")),
            "topics": {part: getattr(self.topics, part) for part in Topics.__slots__},
            "settings": self.settings | more.pop("settings", {}),
            **more,
        }
        made = Worker(worker_id, self.folder, config)
        self.workers.append(made)
        return made

    def start_workers(self, *names: str, **more: Any) -> list[Worker]:
        """Start workers and wait until every partition runs."""
        started = [self.worker(name, **more) for name in names]
        for worker in started:
            worker.start()
        self.await_running("the start")
        return started

    def feed(self) -> None:
        """Begin to send all but the tail."""
        self.feeder.start(len(self.deliveries) - self.tail)

    def owners(self) -> dict[int, list[Worker]]:
        """Partition -> the living workers that say they run it."""
        found: dict[int, list[Worker]] = {}
        for worker in self.workers:
            for task in worker.tasks("running"):
                found.setdefault(task["partition"], []).append(worker)
        return found

    def all_run(self) -> bool:
        """Whether every partition runs, in one place."""
        owners = self.owners()
        return len(owners) == self.partitions and all(len(found) == 1 for found in owners.values())

    def await_running(self, after: str) -> float:
        """Wait until every partition runs; seconds that it took. Past the deadline that is a finding."""
        began, seconds = time.monotonic(), self.heal_seconds
        if not until(self.all_run, seconds):
            said = {
                worker.worker_id: [
                    (task["partition"], task["state"], task["reason"]) for task in worker.tasks()
                ]
                for worker in self.workers
            }
            self.findings.add("unseen", after, f"not every partition runs after {seconds:g} s: {said}")
        return time.monotonic() - began

    def await_all_ready(self, after: str) -> None:
        """Wait until every partition runs and every worker has joined, those without a partition too."""
        self.await_running(after)
        seconds = self.heal_seconds
        if not until(
            lambda: all(worker.status()["ready"] for worker in self.workers if worker.running), seconds
        ):
            self.findings.add("unseen", after, f"not every worker has joined after {seconds:g} s")

    def an_owner(self, chance: random.Random) -> Worker:
        """A worker that runs a partition now; what ran a moment ago may be pausing for a rebalance."""
        owners: dict[int, list[Worker]] = {}
        while not owners:
            self.await_running("a choice")
            owners = self.owners()
            assert owners or not self.findings.all(), f"nobody is left to choose: {self.findings.all()}"
        return chance.choice([owners[partition][0] for partition in sorted(owners)])

    def recovered(self, since: float, after: str) -> float:
        """Note how long after ``since`` (monotonic) every partition ran again."""
        self.await_running(after)
        took = time.monotonic() - since
        self.result.recoveries.append(took)
        return took

    def caught_up(self, since: float, after: str) -> None:
        """Note how long after ``since`` all was visible that has been delivered until now, and a little more."""
        fresh = min(self.feeder.delivered + FRESH, len(self.deliveries) - self.tail)
        due, seconds = self._due[fresh], self.heal_seconds
        if not until(lambda: min(self.checker.seen.values()) >= due, seconds):
            self.findings.add(
                "unseen", after, f"{due} are due, {self.checker.seen} seen after {seconds:g} s; {self._why()}"
            )
        self.result.recoveries.append(time.monotonic() - since)

    # What is due, and what is seen.

    @property
    def unseen(self) -> int:
        """Outputs that are due and not visible yet."""
        due = self._due[self.feeder.delivered]
        return sum(max(0, due - seen) for seen in self.checker.seen.values())

    def await_seen(self, what: str) -> None:
        """Wait until all that was sent is visible; past the deadline that is a finding."""
        seconds = self.drain_seconds + self.heal_seconds
        if not until(lambda: self.feeder.done and self.unseen == 0, seconds):
            self.findings.add(
                "unseen",
                what,
                f"{self.unseen} outputs are not visible {seconds:g} s after {what}; {self._why()}",
            )

    def _why(self) -> str:
        reasons = [
            f"{worker.worker_id}/{task['partition']} {task['state']}: {task['reason']}"
            for worker in self.workers
            for task in worker.tasks()
            if task["state"] != "running"
        ]
        return "; ".join(reasons) or f"{self.feeder.delivered} of {len(self.deliveries)} were delivered"

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.result.lag.append((round(time.monotonic() - self._began, 1), self.unseen))

    # The end.

    def conclude(self, **counts: int) -> FaultResult:
        """Let it come to rest, ask everything, end the workers, and give the result."""
        self.feeder.go_on(len(self.deliveries) - self.tail, rate=20_000.0)
        until(lambda: self.feeder.done or self.feeder.failure is not None, self.drain_seconds)
        self.await_seen("the faults have ended")
        self.await_all_ready("the faults have ended")
        self._check_the_calm()
        self._check_nothing_hangs()
        self._check_rows()
        self.feeder.stop()
        self.reader.stop()
        for failure in (self.feeder.failure, self.reader.failure):
            if failure is not None:
                raise failure
        self.reader.compare(self.findings)
        self.checker.finish(self.feeder.delivered)
        self._ended.set()
        return self._filled(counts)

    def _filled(self, counts: dict[str, int]) -> FaultResult:
        result = self.result
        result.counts = {
            "deliveries": self.feeder.delivered,
            "deliveries sent again": self.feeder.sent_again,
            "events applied": self._due[self.feeder.delivered],
            "outputs visible": self.reader.total,
            **counts,
        }
        result.figures["worker_rss_mb_max"] = max(
            (worker.status().get("rss_bytes", 0) >> 20 for worker in self.workers), default=0
        )
        result.anomalies = self.findings.all()
        result.seconds = time.monotonic() - self._began
        return result

    def _check_the_calm(self) -> None:
        """With no fault about, send the tail: it is seen, and every worker has counted exactly it."""
        until(lambda: self.counted("records") == self.counted("records"), 1)
        time.sleep(0.3)
        before = self.counted("records"), self.counted("outputs"), self.reader.total
        delivered = self.feeder.delivered
        self.feeder.go_on(len(self.deliveries), rate=20_000.0)
        self.await_seen("the calm")
        sent = self.feeder.delivered - delivered

        def grown() -> tuple[int, int, int]:
            return (
                self.counted("records") - before[0],
                self.counted("outputs") - before[1],
                self.reader.total - before[2],
            )

        if not until(lambda: grown()[0] == sent and grown()[1] == grown()[2], 5):
            records, outputs, visible = grown()
            self.findings.add(
                "lying-counter",
                "the calm",
                f"{sent} sent and {records} counted; {visible} visible and {outputs} counted",
            )

    def counted(self, counter: str) -> int:
        """A counter over every partition of every living worker."""
        return sum(int(task[counter]) for worker in self.workers for task in worker.tasks())

    def _check_nothing_hangs(self) -> None:
        everything = places((self.topics.changelog, *self.topics.outputs), self.partitions)

        def decided() -> bool:
            return ends(self.bootstrap, everything, "read_committed") == ends(
                self.bootstrap, everything, "read_uncommitted"
            )

        deadline = self.settings["transaction_timeout_seconds"] + 10
        if not until(decided, deadline, every=0.5):
            self.findings.add(
                "hanging-transaction", self.app_id, f"after {deadline:g} s the log is not decided"
            )

    def _check_rows(self) -> None:
        """Changelog = status = store, after an orderly stop that must end well."""
        changelog = rows.replay(read_all(self.bootstrap, places((self.topics.changelog,), self.partitions)))
        owners = {partition: found[0] for partition, found in self.owners().items()}
        digests = {
            task["partition"]: task["digest"] for worker in self.workers for task in worker.tasks("running")
        }
        for worker in self.workers:
            if worker.running:
                status = worker.end()
                if status != 0:
                    self.findings.add("crash", worker.worker_id, f"asked to stop, it ended with {status}")
        for partition in range(self.partitions):
            kept = changelog.get(partition, {})
            if partition in digests and rows.digest(kept) != digests[partition]:
                self.findings.add("divergent-digest", f"partition {partition}", "status and changelog differ")
            if partition in owners:
                folder = Path(owners[partition].config["state_dir"]) / "job" / str(partition) / "rows"
                for finding in rows.differences(kept, folder):
                    self.findings.add("divergent-digest", f"partition {partition}", finding)
