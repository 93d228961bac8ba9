"""The contract agent under simulation, judged by the oracle that shares no code with it.

A generated business stream arrives, rests past the gap timer, its late tail arrives, and a revenue run ends it. Of some
streams the journals are summed; these see a run before the late tail too, so that there are batches of late effects.
Invariant: which commands, amounts and exceptions must exist depends on the generated truth alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from core.summed_days import with_grain
from oracle.batches import one_by_one
from oracle.comparing import Report, compare
from oracle.expected import expect
from oracle.reading import read
from oracle.saying import day
from simulation.swarm import Swarm
from simulation.verdict import outputs

from comparison.generator import partition_of
from tieout.agents.agent import contract_agent
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import PipelineSettings
from tieout.agents.spec import AgentSpec
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, ReferenceActivated, RevenueRun
from tieout.streams.engine.limits import EngineSettings
from tieout.streams.operate.generate import generate
from tieout.tables.reference import Reference

TOPICS = OutputTopics.by_field()
SCENARIOS = ("day", "quarter-end", "renewal-wave", "usage-surge")
STREAMS, CONTRACTS = 12, 10
GAP_TIMER_SECONDS = 30.0
HORIZON, EARLIER = "2025-09-30", "2025-04-30"
SUMMED_OF, SUMMED_AT = 3, 2
"""Of each three streams, the one whose journals are summed."""


@cache
def codec() -> Codec:
    """The packaged language, once per process."""
    return Codec.load()


class Stream:
    """One generated business, told once per process."""

    def __init__(self, number: int) -> None:
        contracts = CONTRACTS if SCENARIOS[number % 4] != "usage-surge" else CONTRACTS // 3
        self.generation = generate(SCENARIOS[number % 4], contracts, number)
        self.is_summed = number % SUMMED_OF == SUMMED_AT
        rows = self.generation.reference()
        self.reference = Reference.of(with_grain(rows) if self.is_summed else rows, 10**6)
        self.expected = expect(self.generation, day(HORIZON), by_period=True)
        arrivals = list(self.generation.arrivals())
        self.early = [_encoded(each.event) for each in arrivals if not each.late]
        self.late = [_encoded(each.event) for each in arrivals if each.late]


def _encoded(event: Any) -> tuple[bytes, bytes]:
    return f"{event.envelope.tenant}/{event.envelope.group_id}".encode(), codec().encode(event)


@cache
def stream(number: int) -> Stream:
    """Told once per process."""
    return Stream(number)


@cache
def spec_of(number: int, partitions: int) -> AgentSpec:
    """The agent over a stream's reference rows."""
    return contract_agent(
        PipelineSettings(
            input_topic="in",
            topics=TOPICS,
            gap_timer_ms=int(GAP_TIMER_SECONDS * 1000),
        ),
        changelog_topic="changelog",
        codec=codec(),
        placement=lambda key: partition_of(key, partitions),
        references=lambda _: stream(number).reference,
        now_us=lambda: 0,
    )


class ContractWorkload:
    """One seed's deliveries of one stream, in phases. Ticks make traffic of their own."""

    makes_traffic = True
    ordered_by = "key"
    extra_seconds = 8 * GAP_TIMER_SECONDS
    replay_settings = EngineSettings()

    def __init__(self, number: int, chance: Random, swarm: Swarm) -> None:
        self.stream, self._partitions = stream(number), swarm.partitions
        self.spec = spec_of(number, swarm.partitions)
        self.replayed_spec = replace(self.spec, tick=None)
        self._markers = 0
        self.deliveries = [
            *self._mark(ReferenceActivated, reference_upto=10**6),
            *self._placed(self.stream.early),
        ]
        self.events = len(self.stream.early) + len(self.stream.late)
        early = [self._run(EARLIER)] if self.stream.is_summed else []
        self._phases = iter((*early, self._placed(self.stream.late), self._run(HORIZON)))
        self._rest_until: float | None = None

    def _placed(self, events: list[tuple[bytes, bytes]]) -> list[tuple[int, bytes | None, bytes]]:
        return [(partition_of(key, self._partitions), key, value) for key, value in events]

    def _mark(self, kind: Any, **content: Any) -> list[tuple[int, bytes | None, bytes]]:
        self._markers += 1
        header = ControlHeader(f"request-{self._markers}", self._markers, "acme", "controller", 0)
        value = codec().encode(kind(header=header, **content))
        return [(partition, None, value) for partition in range(self._partitions)]

    def _run(self, through: str) -> list[tuple[int, bytes | None, bytes]]:
        return self._mark(RevenueRun, entity=None, book="primary", through_date=day(through))

    def caller_of(self, process: Any) -> None:
        """It makes no calls."""

    async def continues(self, world: Any) -> bool:
        """Rest past the gap timer, then go on with the next phase; True after the last rest."""
        now = world.loop.time()
        if self._rest_until is None:
            self._rest_until = now + 2 * GAP_TIMER_SECONDS
        if now < self._rest_until:
            return False
        self._rest_until = None
        following = next(self._phases, None)
        if following is not None:
            world.source.give(following)
        return following is None

    def judge(self, world: Any) -> list[str]:
        """I1, I2, I5 and I14 by the oracle; what it finds besides is a matter of arrival (I4)."""
        said: dict[str, list[Any]] = {topic: [] for topic in TOPICS.all()}
        for (topic, _), records in outputs(world).items():
            said[topic] += [codec().decode(record.value) for record in records if record.value is not None]
        outcomes = [m for t in TOPICS.all() if t not in ("erp_commands", "control_receipts") for m in said[t]]
        commands, disagreeing = one_by_one(said["erp_commands"], outcomes)
        report = compare(self.stream.expected, read(commands, outcomes, day(HORIZON)))
        return [*(f"I5 wrong-amount: {each}" for each in disagreeing), *_named(report)]


def _named(report: Report) -> Iterator[str]:
    if report.lost:
        yield f"I1 lost-write: {report.lost} of what must exist, such as {report.missing_commands[:2]}"
    if report.duplicated:
        yield f"I2 duplicate: {report.duplicated} commands or revenue events"
    if report.oracle_difference or report.measures or report.periods:
        yield f"I5 wrong-amount: {report.oracle_difference} minor units in {report.contracts_differing[:3]}"
    for each in report.missing_exceptions:
        name = "I14 conflicting body" if each[1] == "ID_CONFLICT" else "I4 arrival order"
        yield f"{name}: no exception says {each}"
    if any(fate == "conflict" for _, fate in report.outcomes):
        yield f"I14 conflicting body: outcomes (expected, actual) {dict(report.outcomes)}"
    for finding in report.findings:
        yield f"I4 arrival order: {finding}"
