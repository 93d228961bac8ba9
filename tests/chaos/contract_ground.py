"""A broker with the contract agent's topics and a generated year in its inbox, for faults that are about that agent."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from chaos.contract_worker import WRITTEN
from chaos.reading import ends, places, read_all, run
from chaos.stage import Stage, create_topics, until
from oracle.comparing import compare
from oracle.expected import expect
from oracle.reading import read

from measuring.contract_oracle import OUTCOMES
from measuring.contract_subject import HORIZON, ContractSubject
from tieout.avro.codec import Codec
from tieout.avro.control import ControlReceipt, RevenueRun
from tieout.streams import topics
from tieout.streams.operate.cli.options import day
from tieout.streams.operate.demo.outputs import erp_accounts
from tieout.streams.operate.servers.guarded import start_guarded

CHUNK = 500
Record = tuple[int, bytes | None, bytes | None]
"""(partition, key, value)."""


@dataclass
class ContractGround:
    """Made once per fault; ``stop`` ends what it started."""

    stage: Stage
    bootstrap: str
    subject: ContractSubject
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def partitions(self) -> int:
        """Of the inbox."""
        return self.subject.partitions

    def prepare(self) -> None:
        """Topics, reference data and its activation."""
        run(self.subject.prepare(self.bootstrap))

    def send(self, records: Iterable[Record]) -> int:
        """Write records into the inbox, in order; how many."""
        return run(_send(self.bootstrap, list(records)))

    def recognise_revenue(self) -> None:
        """Write the marker of a revenue run into every partition."""
        horizon = day(HORIZON)
        run(self.subject.mark(self.bootstrap, RevenueRun, entity=None, book="primary", through_date=horizon))

    def outputs(self, prefix: str = "") -> dict[str, int]:
        """Topic that is written -> its partitions."""
        accounts = erp_accounts(self.subject.generation)
        return {
            prefix + getattr(topics, name): accounts if name == "ERP_COMMANDS" else self.partitions
            for name in WRITTEN
        }

    def make_outputs(self, prefix: str) -> None:
        """The same topics once more under a prefix."""
        table = topics.topic_table(self.partitions, erp_accounts=erp_accounts(self.subject.generation))
        wanted = {*self.outputs(), topics.changelog_of("contracts")}
        for spec in table:
            if spec.name in wanted:
                settings = {setting.name: setting.value for setting in spec.settings}
                create_topics(self.bootstrap, spec.partitions, 1, **{prefix + spec.name: settings})

    def start(self, name: str, arguments: Sequence[str], **more: str) -> subprocess.Popen[bytes]:
        """A worker of the contract agent under the guard; ``arguments`` follow the interpreter."""
        environment = {
            "TIEOUT_BOOTSTRAP": self.bootstrap,
            "TIEOUT_AGENTS": "contracts",
            "TIEOUT_PARTITIONS": str(self.partitions),
            "TIEOUT_STATE_DIR": str(self.folder / f"state-{name}"),
            "TIEOUT_APP_ID": name,
            "TIEOUT_WORKER_ID": name,
            "TIEOUT_WEB_PORT": "0",
            "TIEOUT_LOG_FORMAT": "json",
            **more,
        }
        process = start_guarded([sys.executable, *arguments], environment, self.log_of(name))
        self.processes.append(process)
        return process

    def log_of(self, name: str) -> Path:
        """What a worker has logged."""
        return self.folder / f"{name}.log"

    def ended(self, prefix: str = "") -> Mapping[Any, int]:
        """The stable ends of all outputs."""
        everything = [p for topic, count in self.outputs(prefix).items() for p in places((topic,), count)]
        return ends(self.bootstrap, everything, "read_committed")

    def await_rest(self, prefix: str = "", seconds: float = 120.0) -> bool:
        """Wait until every partition has acknowledged the revenue run and only running totals are still written."""
        receipts, marker = prefix + topics.CONTROL_RECEIPTS, self.subject._markers
        before: list[Mapping[Any, int]] = []
        codec = Codec.load()

        def rests() -> bool:
            told = [codec.decode(record.value) for record in self.read(receipts)]
            done = sum(receipt.control_seq == marker for receipt in told) >= self.partitions
            before.append(
                {
                    at: end
                    for at, end in self.ended(prefix).items()
                    if at.topic != prefix + topics.CONTROL_TOTALS
                }
            )
            return done and len(before) > 2 and before[-3] == before[-1]

        return until(rests, seconds, every=0.7)

    def said(self, *endings: str) -> list[Any]:
        """Every committed record of the outputs, or of those whose names end so."""
        found: list[Any] = []
        for topic, count in self.outputs().items():
            if not endings or topic.endswith(endings):
                found += read_all(self.bootstrap, places((topic,), count))
        return found

    def read(self, topic: str) -> list[Any]:
        """Every committed record of one topic that is partitioned as the inbox is."""
        return read_all(self.bootstrap, places((topic,), self.partitions))

    def messages(self, *endings: str) -> list[Any]:
        """The same, decoded."""
        codec = Codec.load()
        return [codec.decode(record.value) for record in self.said(*endings) if record.value is not None]

    def await_received(self, sent: int, seconds: float = 90.0) -> int:
        """Wait until the control totals count every record; what they count in the end."""
        newest = [0]

        def counted() -> bool:
            totals = {each.partition: each for each in self.messages("control-totals")}
            newest[0] = sum(each.received for each in totals.values())
            return newest[0] >= sent

        until(counted, seconds, every=0.5)
        return newest[0]

    def differences(self, reasons: Counter[str]) -> Sequence[str]:
        """What the independent oracle finds wrong; ``reasons`` are of dead letters that were provoked on purpose."""
        said = self.messages()
        outcomes = [message for message in said if isinstance(message, OUTCOMES)]
        commands = [message for message in said if not isinstance(message, (*OUTCOMES, ControlReceipt))]
        horizon = day(HORIZON)
        expected, actual = expect(self.subject.generation, horizon), read(commands, outcomes, horizon)
        if reasons:
            expected.outcomes["unknown", "dead_lettered"] = reasons.total()
        report = compare(expected, actual, dead_letters=reasons)
        return () if report.tied_out else report.findings

    def stop(self) -> None:
        """End every worker."""
        for process in self.processes:
            end(process)


def end(process: subprocess.Popen[bytes]) -> int:
    """Ask a worker to stop, and wait."""
    if process.poll() is None:
        process.terminate()
    try:
        status = process.wait(25)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    return status


async def _send(bootstrap: str, records: Sequence[Record]) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_request_size=2 << 20
    )
    await producer.start()
    try:
        for begin in range(0, len(records), CHUNK):
            waiting = [
                await producer.send(topics.CONTRACT_EVENTS, value, key, partition=partition)
                for partition, key, value in records[begin : begin + CHUNK]
            ]
            for future in waiting:
                await future
    finally:
        await producer.stop()
    return len(records)
