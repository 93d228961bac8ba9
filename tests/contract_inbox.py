"""The contract agent on rows in memory, fed event by event: what tests of the pipeline share."""

from __future__ import annotations

from tieout.agents.agent import contract_agent
from tieout.agents.decode import inbox_key
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import PipelineSettings
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, ReferenceActivated, Tick
from tieout.avro.outcomes import ExceptionItem
from tieout.streams.operate.generate.reference_rows import reference_rows
from tieout.streams.testing import Harness
from tieout.tables.reference import Reference

CODEC = Codec.load()
TOPICS = OutputTopics.by_field()
ROWS = reference_rows("acme", frozenset({"US", "UK", "DE", "JP"}))
CUT = len(ROWS)


class Inbox:
    """A partition of the contract agent, and what it said."""

    def __init__(
        self,
        *,
        rows=ROWS,
        tenant: str = "acme",
        read_through: int | None = None,
        activate: bool = True,
        placement=lambda _: 0,
        **limits,
    ) -> None:
        self.rows = rows
        self.tenant = tenant
        self.read_through = len(rows) if read_through is None else read_through
        self.now = 1_000
        spec = contract_agent(
            PipelineSettings(input_topic="inbox", topics=TOPICS, gap_timer_ms=60_000, **limits),
            changelog_topic="changelog",
            codec=CODEC,
            placement=placement,
            references=self._below,
            now_us=lambda: 0,
        )
        self.harness = Harness(spec)
        self.control_seq = 0
        if activate:
            self.mark(ReferenceActivated(self.header(), len(rows)))

    def _below(self, cut: int) -> Reference | None:
        return Reference.of(self.rows[:cut], cut) if cut <= self.read_through else None

    def header(self) -> ControlHeader:
        self.control_seq += 1
        return ControlHeader(f"request-{self.control_seq}", self.control_seq, self.tenant, "test", 0)

    def mark(self, marker) -> None:
        self.raw(b"control", CODEC.encode(marker))
        self.harness.work()

    def raw(self, key, value) -> None:
        self.harness.feed([(key, value)], self.now)
        self.now += 1

    def put(self, *events) -> None:
        for event in events:
            envelope = event.envelope
            self.raw(inbox_key(envelope.tenant, envelope.group_id), CODEC.encode(event))

    def tick(self, later_ms: int) -> None:
        self.now += later_ms
        self.raw(None, CODEC.encode(Tick(0)))

    def said(self, topic: str) -> list:
        return [CODEC.decode(o.value) for o in self.harness.outputs if o.topic == topic]

    def kinds(self) -> list[str]:
        return [command.header.kind for command in self.said("erp_commands")]

    def outcomes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for _, outcome, count in self.harness.task.results.totals.counts():
            found[outcome] = found.get(outcome, 0) + count
        return {outcome: count for outcome, count in found.items() if count}

    def open_codes(self) -> list[str]:
        latest: dict[str, ExceptionItem] = {e.exception_id: e for e in self.said("exceptions")}
        return sorted(e.code for e in latest.values() if e.status == "open")
