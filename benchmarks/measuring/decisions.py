"""Every decision of a generated business year, timed where the pipeline makes it, and kept so that it can be made again.

Invariant: what is timed is what the pipeline asks, when and on the state on which it asks it; a decision is a pure
function, so that its floor may be measured afterwards on the same question and the same answer.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple
from unittest.mock import patch

from tieout.agents import deciding, groups
from tieout.agents.agent import contract_agent
from tieout.agents.contracts.decision import CausedBy, Decision, View
from tieout.agents.decode import inbox_key
from tieout.agents.emit import OutputTopics
from tieout.agents.pipeline import PipelineSettings
from tieout.avro.codec import Codec
from tieout.avro.control import ControlHeader, Marker, ReferenceActivated, RevenueRun
from tieout.avro.days import day_of
from tieout.avro.events import Event
from tieout.streams.operate.generate import generate
from tieout.streams.testing import Harness
from tieout.tables.contract import GroupState
from tieout.tables.group_rows import state_rows
from tieout.tables.reference import Reference

RUN = RevenueRun.EVENT_TYPE
MANY_GROUPS = 1_000_000
"""Groups in memory: all of them."""


class Asked(NamedTuple):
    """One question: ``ask`` gives the decision on a state, ``state`` is the one that it was asked on.

    ``seconds``: CPU time of the decision in the pipeline.
    """

    said: Event | Marker
    state: GroupState
    ask: Callable[[GroupState], Decision]
    seconds: float

    @property
    def kind(self) -> str:
        """The type of the event or marker."""
        return self.said.EVENT_TYPE

    def floor(self, codec: Codec) -> float:
        """CPU time of what is left of it when nothing is thought about: read it, write what was said and the rows."""
        value, decision = codec.encode(self.said), self.ask(self.state)
        began = time.thread_time_ns()
        codec.decode(value)
        for said in (*decision.commands, *decision.revenue, *decision.exceptions, *decision.decisions):
            codec.encode(said)
        for _ in state_rows(self.state, decision.state):
            pass
        return (time.thread_time_ns() - began) / 1e9


class Partition:
    """A partition of the contract agent on rows in memory. ``loads``: CPU time of each group read from its rows."""

    def __init__(
        self, scenario: str, contracts: int, seed: int, *, groups_in_memory: int = MANY_GROUPS
    ) -> None:
        self.codec = Codec.load()
        self.asked: list[Asked] = []
        self.loads: list[float] = []
        self._generation = generate(scenario, contracts, seed)
        rows = self._generation.reference()
        reference = Reference.of(rows, len(rows))
        settings = PipelineSettings(
            input_topic="inbox",
            topics=OutputTopics.by_field(),
            gap_timer_ms=60_000,
            groups_in_memory_max=groups_in_memory,
        )
        spec = contract_agent(
            settings,
            changelog_topic="changelog",
            codec=self.codec,
            placement=lambda _: 0,
            references=lambda _: reference,
            now_us=lambda: 0,
        )
        self.harness = Harness(spec)
        self._markers = 0
        self._now_ms = 1_000
        self.mark(partial(ReferenceActivated, reference_upto=len(rows)))

    def play(self, runs: Sequence[dt.date] = (), then: Sequence[dt.date] = ()) -> None:
        """All events one by one, with revenue ``runs`` through these dates spread evenly among them, and ``then`` these."""
        events = list(self._generation.events())
        every = len(events) // (len(runs) + 1)
        with ExitStack() as timed:
            for module, name, wrapped in self._timed():
                timed.enter_context(patch.object(module, name, wrapped))
            for place, event in enumerate(events):
                envelope = event.envelope
                self._feed(inbox_key(envelope.tenant, envelope.group_id), self.codec.encode(event))
                if place and place % every == 0 and place // every <= len(runs):
                    self.run_revenue(runs[place // every - 1])
            for through in then:
                self.run_revenue(through)

    def run_revenue(self, through: dt.date) -> None:
        """Run revenue in every group."""
        day = day_of(through)
        self.mark(partial(RevenueRun, entity=None, book="primary", through_date=day))

    def mark(self, kind: Callable[..., Marker]) -> None:
        """The next marker, and the sweep behind it."""
        self._markers += 1
        header = ControlHeader(f"bench-{self._markers}", self._markers, self._generation.tenant, "bench", 0)
        self._feed(b"control", self.codec.encode(kind(header=header)))
        self.harness.work()

    def _feed(self, key: bytes, value: bytes) -> None:
        self.harness.feed([(key, value)], self._now_ms)
        self._now_ms += 1

    def _timed(self) -> Iterator[tuple[object, str, Callable[..., object]]]:
        """What the pipeline calls, with a clock around it: (module, name, stand-in)."""

        def kept(judge: Callable[..., Decision]) -> Callable[..., Decision]:
            def judged(state: GroupState, said: Event | Marker, view: View, cause: CausedBy) -> Decision:
                began = time.thread_time_ns()
                decision = judge(state, said, view, cause)
                seconds = (time.thread_time_ns() - began) / 1e9
                ask = partial(_asked_again, judge, said, view, cause)
                self.asked.append(Asked(said, state, ask, seconds))
                return decision

            return judged

        read = groups.state_from_rows

        def loaded(rows: list[tuple[bytes, bytes]]) -> GroupState:
            began = time.thread_time_ns()
            state = read(rows)
            self.loads.append((time.thread_time_ns() - began) / 1e9)
            return state

        yield deciding, "decide", kept(deciding.decide)
        yield deciding, "apply_marker", kept(deciding.apply_marker)
        yield groups, "state_from_rows", loaded


def _asked_again(
    judge: Callable[..., Decision],
    said: Event | Marker,
    view: View,
    cause: CausedBy,
    state: GroupState,
) -> Decision:
    return judge(state, said, view, cause)
