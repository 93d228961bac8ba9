"""The posting agent on its ground: a broker, a worker process that posts and nothing else, and commands written as they are.

Invariant: everything that is read back comes from outside of the worker: the log, the changelog, heartbeats, the ERP.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from tieout.avro.codec import Codec
from tieout.avro.commands import Command
from tieout.avro.control import CommandResolved, Tick
from tieout.avro.events import ErpAccepted, ErpRejected
from tieout.streams.operate.broker import EmbeddedBroker
from tieout.streams.operate.demo.readback import read_raw, read_topics
from tieout.streams.operate.demo.workers import WorkerProcess
from tieout.streams.operate.heartbeats import observe_now
from tieout.streams.operate.status import AccountStatus
from tieout.streams.topics import CONTRACT_EVENTS, ERP_COMMANDS, changelog_of
from tieout.tables.posting import OPEN, OPEN_ROWS, OpenCommand

CODEC = Codec.load()
INBOXES = 2


class PostingGround:
    """``with PostingGround(folder, accounts, secrets)``; ``accounts``: the file of ERP accounts, one partition each."""

    def __init__(
        self,
        folder: Path,
        accounts: str,
        secrets: Mapping[str, str],
        *,
        partitions: int = 1,
        broker: EmbeddedBroker | None = None,
    ) -> None:
        self._folder = folder
        self._partitions = partitions
        self._broker = broker or EmbeddedBroker(folder / "kafka")
        file = folder / "erps.toml"
        file.write_text(accounts)
        self._secrets = {**secrets, "TIEOUT_ERP_FILE": str(file)}
        self.environment: dict[str, str] = {}
        self._workers = 0

    def __enter__(self) -> Self:
        self._broker.start()
        self.environment = {
            "TIEOUT_BOOTSTRAP": self.bootstrap,
            "TIEOUT_PARTITIONS": str(INBOXES),
            "TIEOUT_STATE_DIR": str(self._folder / "state"),
            "TIEOUT_TICK_SECONDS": "1",
            "TIEOUT_AGENTS": "posting",
            **self._secrets,
        }
        try:
            self.tieout("topics", "apply", "--erp-accounts", str(self._partitions))
            self.worker = WorkerProcess("w1", self.environment, self._folder / "worker.log")
            self.worker.start()
        except BaseException:
            self._broker.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worker.ask_to_stop()
        self.worker.wait()
        self._broker.stop()

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return self._broker.bootstrap

    def restart(self, **variables: str) -> None:
        """Start the worker that has died, with more in its environment."""
        self.worker = WorkerProcess("w1", {**self.environment, **variables}, self._folder / "worker.log")
        self.worker.start()

    def tieout(self, *arguments: str) -> str:
        """What a command of the product prints; it has to end well."""
        done = self._run(arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ended(self, *arguments: str) -> int:
        """The exit status of a command of the product."""
        return self._run(arguments).returncode

    def _run(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        entry = "from tieout.streams.operate.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", entry, *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    # Into the log.

    def write(self, commands: Iterable[Command | CommandResolved], partition: int = 0) -> None:
        """All of them in one transaction, as the contract agent would."""
        apart(self.put(commands, partition))

    def retry(self, refused: Iterable[ErpRejected], partition: int = 0) -> None:
        """A person says "again" of each of them."""
        self.write([_again(each) for each in refused], partition)

    async def put(self, commands: Iterable[Command | CommandResolved], partition: int = 0) -> float:
        """As ``write``; gives the moment (monotonic) before its commit."""
        values = [CODEC.encode(each) for each in commands]
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            transactional_id="the-contract-agent",
            max_batch_size=1 << 18,
        )
        await producer.start()
        try:
            async with producer.transaction():
                sent = [await producer.send(ERP_COMMANDS, each, partition=partition) for each in values]
                await asyncio.gather(*sent)
                return time.monotonic()
        finally:
            await producer.stop()

    # Out of it.

    def commands(self) -> list[Command]:
        """The commands of the log, in order."""
        found: list[Command] = []

        def take(message: Any, *_: Any) -> None:
            if not isinstance(message, CommandResolved | Tick):
                found.append(message)

        apart(read_topics(self.bootstrap, {ERP_COMMANDS: self._partitions}, CODEC, take))
        return found

    def told(self) -> list[ErpAccepted | ErpRejected]:
        """What the contracts were told."""
        found: list[ErpAccepted | ErpRejected] = []
        apart(
            read_topics(
                self.bootstrap, {CONTRACT_EVENTS: INBOXES}, CODEC, lambda each, *_: found.append(each)
            )
        )
        return found

    def accepted(self) -> Counter[str]:
        """Command id -> how often its contract was told that it is posted."""
        return Counter(each.envelope.object_id for each in self.told() if isinstance(each, ErpAccepted))

    def rejected(self) -> list[ErpRejected]:
        """Every refusal that a contract was told of."""
        return [each for each in self.told() if isinstance(each, ErpRejected)]

    def ledger(self) -> list[OpenCommand]:
        """The open commands as the changelog has them: what the next owner starts from."""
        rows: dict[bytes, bytes] = {}

        def take(record: Any) -> None:
            if not record.key.startswith(OPEN_ROWS):
                return
            if record.value is None:
                rows.pop(record.key, None)
            else:
                rows[record.key] = record.value

        apart(read_raw(self.bootstrap, {changelog_of("posting"): self._partitions}, take))
        return [OPEN.decode(value) for value in rows.values()]

    def status(self) -> dict[str, AccountStatus]:
        """Account -> its status, as the worker's heartbeat has it; nothing before the first."""
        seen = apart(observe_now(self.bootstrap))
        found = [each.account for each in seen.furthest.values()]
        return {each.account: each for each in found if each is not None}

    def until(self, what: str, condition: Callable[[], object], seconds: float = 120.0) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not yet; {self.worker.last_words()}")
            time.sleep(0.2)


def _again(refused: ErpRejected) -> CommandResolved:
    envelope = refused.envelope
    return CommandResolved(
        envelope.object_id,
        "retry",
        envelope.tenant,
        envelope.group_id,
        refused.erp_account,
        None,
        None,
        "ada",
        time.time_ns() // 1000,
    )


def apart(work: Any) -> Any:
    """What a coroutine comes to, on a loop of its own thread: pytest keeps one in this."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
