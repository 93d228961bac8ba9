"""The contract agent as a subject: a generated business year, judged by control totals, ids, lanes and balances.

``drain`` judges complete streams with the independent oracle on top (``contract_oracle``); a stream that is cut off in
the middle has no answer there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from measuring.broker import Ground
from measuring.contract_oracle import oracle_findings
from measuring.sending import Delivery, producer_at
from measuring.workers import Worker
from tieout.agents.agent import NAME as CONTRACTS
from tieout.agents.decode import inbox_key
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, ControlReceipt, Marker, ReferenceActivated, RevenueRun
from tieout.avro.outcomes import ControlTotals
from tieout.streams.edges.producing import partition_of
from tieout.streams.edges.reference import publish_reference
from tieout.streams.operate.cli.options import day
from tieout.streams.operate.demo.outputs import erp_accounts, outputs_of
from tieout.streams.operate.demo.readback import read_topics
from tieout.streams.operate.demo.tally import Tally
from tieout.streams.operate.generate import Generation, generate
from tieout.streams.topics import CONTRACT_EVENTS, CONTROL_RECEIPTS, apply, changelog_of, plan, topic_table

EVENTS_PER_CONTRACT = 10
"""Of the day's mix; a little more in truth."""
TOTALS_SECONDS = 20.0
GAP_SECONDS = 10.0
"""Gap timer of the workers: what waits for a version that never comes is an exception before the oracle looks."""
RUN_SECONDS = 120.0
_TICKS_SECONDS = 3.0
HORIZON = "2025-09-30"
_ENTRY = "from tieout.streams.operate.cli import main; main()"
_NAMES = {
    "max_records_per_transaction": "TIEOUT_TRANSACTION_MAX_RECORDS",
}
"""Engine setting -> the worker's own variable."""


class ContractSubject:
    """The agent over a generated year of so many contracts."""

    name = "contracts"
    input_topic = CONTRACT_EVENTS
    changelog = changelog_of(CONTRACTS)

    def __init__(
        self,
        *,
        contracts: int,
        partitions: int = 4,
        seed: int = 1,
        scenario: str = "day",
        whole: bool = False,
    ) -> None:
        """``whole``: all events will be sent, so that the oracle can judge what has come of them."""
        self.partitions = partitions
        self._whole = whole
        self.generation: Generation = generate(scenario, contracts, seed)
        self._codec = Codec.load()
        self._markers = 0

    @classmethod
    def of_events(cls, events: int, *, partitions: int = 4, seed: int = 1) -> ContractSubject:
        """As many contracts as have at least so many events."""
        return cls(contracts=events // EVENTS_PER_CONTRACT + 500, partitions=partitions, seed=seed)

    async def prepare(self, bootstrap: str) -> None:
        table = topic_table(self.partitions, erp_accounts=erp_accounts(self.generation))
        await apply(bootstrap, await plan(bootstrap, table))
        upto = (await publish_reference(bootstrap, self._codec, self.generation.reference())).upto
        await self.mark(bootstrap, ReferenceActivated, reference_upto=upto)

    async def mark(self, bootstrap: str, kind: type[Marker], **content: Any) -> None:
        """Write the next marker into every partition, as the control agent would."""
        self._markers += 1
        header = ControlHeader(f"bench-{self._markers}", self._markers, self.generation.tenant, "bench", 0)
        value = self._codec.encode(kind(header=header, **content))
        async with producer_at(bootstrap) as producer:
            for partition in range(self.partitions):
                await producer.send_and_wait(CONTRACT_EVENTS, value, key=b"control", partition=partition)

    def deliveries(self, count: int) -> Iterator[Delivery]:
        for arrival in islice(self.generation.arrivals(), None if self._whole else count):
            yield self.delivery(arrival.event)

    def delivery(self, event: Any) -> Delivery:
        """An event as a record of the inbox."""
        key = inbox_key(event.envelope.tenant, event.envelope.group_id)
        return Delivery(partition_of(key, self.partitions), key, self._codec.encode(event))

    def worker(self, ground: Ground, name: str, tuning: Mapping[str, Any]) -> Worker:
        environment = {
            "TIEOUT_BOOTSTRAP": ground.bootstrap,
            "TIEOUT_AGENTS": CONTRACTS,
            "TIEOUT_PARTITIONS": str(self.partitions),
            "TIEOUT_STATE_DIR": str(ground.home / "state" / name),
            "TIEOUT_TICK_SECONDS": "1",
            "TIEOUT_GAP_TIMER_SECONDS": str(GAP_SECONDS),
            "TIEOUT_LOG_FORMAT": "json",
            **{_NAMES[key]: str(value) for key, value in tuning.items()},
        }
        command = ["-c", _ENTRY, "worker", "--worker-id", name]
        return Worker(name, command, environment, ground.home / f"{name}.log")

    async def judge(self, bootstrap: str, count: int) -> list[str]:
        """Wait for the totals that count every event, then check them and every output's id, lane and balance."""
        deadline = asyncio.get_running_loop().time() + TOTALS_SECONDS
        while True:
            tally, totals = Tally(horizon=0), {}

            def take(message: Any, *_: object, tally: Tally = tally, totals: Any = totals) -> None:
                if isinstance(message, ControlTotals):
                    totals[message.partition] = message
                else:
                    tally.take(message)

            await read_topics(bootstrap, outputs_of(self.generation, self.partitions), self._codec, take)
            problems = list(_problems(tally, totals, count))
            late = asyncio.get_running_loop().time() > deadline
            if late or sum(t.received for t in totals.values()) >= count:
                break
            await asyncio.sleep(1)
        if self._whole and not problems:
            problems = await self._ask_oracle(bootstrap)
        return problems

    async def _ask_oracle(self, bootstrap: str) -> list[str]:
        """Let the gap timer pass, recognise revenue, and compare everything with the independent oracle."""
        await asyncio.sleep(GAP_SECONDS + _TICKS_SECONDS)
        await self.mark(bootstrap, RevenueRun, entity=None, book="primary", through_date=day(HORIZON))
        topics = outputs_of(self.generation, self.partitions) | {CONTROL_RECEIPTS: self.partitions}
        deadline = asyncio.get_running_loop().time() + RUN_SECONDS
        while True:
            said: list[Any] = []
            await read_topics(
                bootstrap, topics, self._codec, lambda message, *_, said=said: said.append(message)
            )
            done = sum(isinstance(m, ControlReceipt) and m.control_seq == self._markers for m in said)
            if done >= self.partitions:
                break
            if asyncio.get_running_loop().time() > deadline:
                return [f"{done} of {self.partitions} partitions have run revenue after {RUN_SECONDS:g} s"]
            await asyncio.sleep(1)
        return await asyncio.to_thread(oracle_findings, self.generation, said, day(HORIZON))


def _problems(tally: Tally, totals: Mapping[int, ControlTotals], count: int) -> Iterator[str]:
    received = sum(each.received for each in totals.values())
    accounted = sum(row.count for each in totals.values() for row in each.totals)
    if received != count:
        yield f"{count} events were sent, the control totals count {received}"
    if accounted != received:
        yield f"outcomes add up to {accounted}, received were {received}"
    if tally.duplicated_ids:
        yield f"{tally.duplicated_ids} ids were emitted more than once"
    if gaps := tally.lane_gaps():
        yield f"{gaps} commands are missing from, or out of order in, their lanes"
    if tally.unbalanced_journals:
        yield f"{tally.unbalanced_journals} journals do not balance"


class GrownContracts(ContractSubject):
    """Every group is opened before any gets another event; then all are touched alike, by their own next events.

    A run over it shows what the number of contracts costs. Only what each group says first is kept in memory.
    """

    def deliveries(self, count: int) -> Iterator[Delivery]:
        groups = self.generation.group_count
        later: list[list[Delivery]] = [[] for _ in range(-(-count // groups))]
        firsts = 0
        for truth in self.generation.groups():
            events = (planned.event for planned in truth.planned if planned.delivered)
            for place, event in enumerate(islice(events, len(later) + 1)):
                if place == 0:
                    firsts += 1
                    yield self.delivery(event)
                else:
                    later[place - 1].append(self.delivery(event))
        yield from islice((delivery for layer in later for delivery in layer), max(0, count - firsts))
