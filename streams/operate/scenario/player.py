"""Plays a scenario through the contract agent itself: its task, codec, rows and commits, without a broker.

Invariant: order, deduplication, holding, parking and markers are the product's own; log time moves by a millisecond per
record, so that no timer fires between two dates; what is read back is what was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import msgspec
from msgspec.structs import replace

from tieout.agents.agent import contract_agent
from tieout.agents.contracts.decide import open_group
from tieout.agents.contracts.decision import View
from tieout.agents.contracts.invariants import check_whole
from tieout.agents.decode import inbox_key
from tieout.agents.emit import OutputTopics
from tieout.agents.groups import Groups
from tieout.agents.pipeline import PipelineSettings
from tieout.agents.posting.acks import rejected
from tieout.agents.posting.arriving import opened
from tieout.agents.spec import Output
from tieout.avro.codec import Codec
from tieout.avro.commands import Command, CreditMemoCreate, InvoiceCreate, JournalPost
from tieout.avro.control import (
    CommandResolved,
    ControlHeader,
    Marker,
    PeriodClosed,
    PeriodReopened,
    PeriodSoftClosed,
    ReferenceActivated,
    RevenueRun,
)
from tieout.avro.outcomes import DeadLetter, DecisionRecorded, ExceptionItem
from tieout.streams.operate.scenario import dates
from tieout.streams.operate.scenario.beyond_bounds import Refused, Written, written
from tieout.streams.operate.scenario.event_map import GROUP, TENANT
from tieout.streams.operate.scenario.facts_of import Control, Step, Told
from tieout.streams.operate.scenario.setting import Setting
from tieout.streams.testing import Harness
from tieout.tables.contract import GroupState
from tieout.tables.controls import EVERY, Controls
from tieout.tables.group_rows import state_from_rows, state_rows
from tieout.tables.reference import Reference

TOPICS = OutputTopics.by_field()
_INBOX, _SUBLEDGER = "inbox", "revenue"
_START_MS = 1_000
_BOOKED = JournalPost | InvoiceCreate | CreditMemoCreate
_CLOSED_IN_THE_ERP = {"reason": "PERIOD_CLOSED", "code": "", "text": "the period is closed"}
_MONTH_ENDS_MAX = 1_200
_PERIOD_MARKERS: Mapping[str, type[PeriodClosed | PeriodSoftClosed | PeriodReopened]] = {
    "close": PeriodClosed,
    "soft_close": PeriodSoftClosed,
    "reopen": PeriodReopened,
}


@dataclass(frozen=True, slots=True)
class Closed:
    """A close or reopening that took effect: from this place of the log on, for an entity or for all."""

    offset: int
    kind: str
    entity: str | None
    label: str


@dataclass(frozen=True)
class Played:
    """What the agent committed: its outputs in order, and the group's state. ``refused``: events that it could not read."""

    setting: Setting
    outputs: Sequence[Output]
    state: GroupState
    view: View
    closed: tuple[Closed, ...]
    refused: tuple[Refused, ...] = ()

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Commands in the order of their emission, without those that another one stands for."""
        return tuple(standing_commands(self.outputs))

    @cached_property
    def exceptions(self) -> tuple[ExceptionItem, ...]:
        """Exceptions in the order first raised, each as it was opened."""
        raised = [(each.outputs_before, 0, each.item) for each in self.refused]
        for place, output in enumerate(self.outputs):
            item = codec_of_the_language().decode(output.value) if output.topic == TOPICS.exceptions else None
            if isinstance(item, ExceptionItem) and item.status == "open":
                raised.append((place, 1, item))
        first: dict[str, ExceptionItem] = {}
        for _, _, item in sorted(raised, key=lambda each: each[:2]):
            first.setdefault(item.exception_id, item)
        return tuple(first.values())

    @cached_property
    def decisions(self) -> tuple[DecisionRecorded, ...]:
        """What was decided about versions behind the first: the last word on each, by accounting date, contract, version.

        A version that was withdrawn never was: nothing is decided about it.
        """
        withdrawn = {
            (terms.contract, terms.version) for terms in self.state.facts.terms if terms.kind == "withdrawn"
        }
        latest: dict[tuple[str, int | None], DecisionRecorded] = {}
        for each in self._said(TOPICS.decisions):
            if not isinstance(each, DecisionRecorded) or each.contract_version == 1:
                continue
            if each.outcome == "modification_decided":
                latest[each.contract_id, each.contract_version] = each
        for version in withdrawn:
            latest.pop(version, None)
        return tuple(
            sorted(
                latest.values(),
                key=lambda each: (each.accounting_date or 0, each.contract_id, each.contract_version or 0),
            )
        )

    @cached_property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Records that could not be taken at all, but for those that are ``refused`` by name."""
        named = {each.offset for each in self.refused}
        said = [each for each in self._said(TOPICS.dead_letters) if isinstance(each, DeadLetter)]
        return tuple(each for each in said if each.offset not in named)

    def _said(self, topic: str) -> Iterator[msgspec.Struct]:
        return said(self.outputs, topic)


def said(outputs: Sequence[Output], topic: str) -> Iterator[msgspec.Struct]:
    """What was written to a topic."""
    codec = codec_of_the_language()
    return (codec.decode(output.value) for output in outputs if output.topic == topic)


def standing_commands(outputs: Sequence[Output]) -> list[Command]:
    """Commands in the order of their emission, without those that another one stands for."""
    found = list(said(outputs, TOPICS.erp_commands))
    voided = {
        each.command_id for each in found if isinstance(each, CommandResolved) if each.decision == "replace"
    }
    commands = [each for each in found if isinstance(each, Command)]
    return [each for each in commands if each.header.command_id not in voided]


@cache
def codec_of_the_language() -> Codec:
    """The codec of the installed event language; loading it takes longer than a scenario."""
    return Codec.load()


class Player:
    """Plays orders of one scenario's steps. ``audited``: every commit is read back and checked as a whole."""

    def __init__(self, setting: Setting, *, audited: bool = False) -> None:
        self._setting = setting
        self._audited = audited
        self._codec = codec_of_the_language()
        self._written: dict[int, Written] = {}
        self._nothing = Reference.of((), 0)

    def play(self, steps: Sequence[Step], erp: Callable[[Harness], None] | None = None) -> Played:
        """A fresh partition, fed with the steps in this order; without a control step, with a run at each month's end.

        ``erp`` is called behind each marker: it may answer what was said until then.
        """
        game = _Game(self._harness(), self._setting, self._codec, self._audited, erp)
        game.mark(lambda header: ReferenceActivated(header, len(self._setting.rows)))
        for step in steps:
            if isinstance(step, Told):
                game.feed(self._event(step))
            else:
                game.control(step)
        if not any(isinstance(step, Control) for step in steps):
            for day in run_days(self._setting):
                game.mark(lambda header, day=day: RevenueRun(header, None, EVERY, day))  # type: ignore[misc]  # day is bound now
        return game.ended()

    def _harness(self) -> Harness:
        spec = contract_agent(
            PipelineSettings(input_topic=_INBOX, topics=TOPICS),
            changelog_topic="changelog",
            codec=self._codec,
            placement=lambda _: 0,
            references=lambda cut: self._setting.reference if cut else self._nothing,
            now_us=lambda: 0,
        )
        return Harness(spec, start_ms=_START_MS)

    def _event(self, step: Told) -> Written:
        known = self._written.get(step.place)
        if known is None:
            known = self._written[step.place] = written(self._codec, step.event)
        return known


class _Game:
    """One order of steps on one partition."""

    def __init__(
        self,
        harness: Harness,
        setting: Setting,
        codec: Codec,
        audited: bool,
        erp: Callable[[Harness], None] | None,
    ) -> None:
        self._harness = harness
        self._erp = erp
        self._setting = setting
        self._codec = codec
        self._audited = audited
        self._markers: list[Marker] = []
        self._closed: list[Closed] = []
        self._refused: list[Refused] = []

    def feed(self, event: Written) -> None:
        offset = len(self._harness.log)
        refused = event.refused(_INBOX, len(self._harness.outputs), offset, _START_MS + offset)
        if refused is not None:
            self._refused.append(refused)
        if event.value is not None:
            self._harness.feed([(inbox_key(TENANT, GROUP), event.value)], _START_MS + offset)
        if self._audited:
            self._audit()

    def mark(self, build: Callable[[ControlHeader], Marker]) -> None:
        seq = len(self._markers) + 1
        marker = build(ControlHeader(f"step-{seq}", seq, TENANT, "scenario", 0))
        self._markers.append(marker)
        record = b"control", self._codec.encode(marker)
        self._harness.feed([record], _START_MS + len(self._harness.log))
        self._harness.work()
        if self._erp is not None:
            self._erp(self._harness)
        if self._audited:
            self._audit()

    def control(self, step: Control) -> None:
        spot = self._setting.scenario.spot.key("events").item(step.place).key(step.kind)
        if step.entity is not None and step.entity not in self._setting.scenario.entities:
            raise spot.wrong(f"{step.entity!r} is not among `entities`")
        if step.kind == "run":
            day = self._setting.last_day(step.when, spot, step.entity)
            self.mark(lambda header: RevenueRun(header, step.entity, EVERY, day))
            return
        label = self._setting.label(step.when, spot, step.entity)
        if step.kind == "erp_refuses":
            self._refuse(label, step.entity)
            return
        self._closed.append(Closed(len(self._harness.log), step.kind, step.entity, label))
        marker = _PERIOD_MARKERS[step.kind]
        self.mark(lambda header: marker(header, step.entity, _SUBLEDGER, label))

    def _refuse(self, period: str, entity: str | None) -> None:
        """What the posting agent would tell of the period's commands."""
        for command in standing_commands(self._harness.outputs):
            header = command.header
            if (
                isinstance(command, _BOOKED)
                and header.posting_period == period
                and entity in (None, header.entity)
            ):
                parked = replace(opened(command, 0), state="parked", attempts=1, **_CLOSED_IN_THE_ERP)
                told = self._codec.encode(rejected(command, parked, 0))
                self._harness.feed([(inbox_key(TENANT, GROUP), told)], _START_MS + len(self._harness.log))
        if self._audited:
            self._audit()

    def ended(self) -> Played:
        state = self._state()
        view, closed, refused = self._view(state), tuple(self._closed), tuple(self._refused)
        return Played(self._setting, self._harness.outputs, state, view, closed, refused)

    def _audit(self) -> None:
        """What follows from facts and ledger holds, and rows give back the state that wrote them."""
        state = self._state()
        rows = {suffix: row for suffix, row in state_rows(None, state) if row is not None}
        again = state_from_rows(rows.items())
        assert again == state, "the group's rows do not give its state back"
        if state.group.contracts:
            check_whole(state, self._view(state))

    def _state(self) -> GroupState:
        entry = Groups(self._harness.effects, 1).get(TENANT, GROUP)
        return entry.state or open_group(TENANT, GROUP, len(self._markers))

    def _view(self, state: GroupState) -> View:
        controls = Controls.of(self._markers[: state.control_seq])
        return View(self._setting.reference, controls, state.control_seq, 0)


def run_days(setting: Setting) -> Iterator[int]:
    """Period ends from the period of the earliest ``at`` to the latest that any date or period names.

    Of a day centuries away only the last one follows, once those of a hundred years are run.
    """
    scenario = setting.scenario
    calendar = setting.calendar()
    spot = scenario.spot.key("events")
    days = [dates.a_day(each.get("at"), spot) for each in scenario.steps if "type" in each]
    if not days:
        return
    expect = scenario.spot.key("expect")
    named = [setting.last_day(when, expect) for when in dates.named_periods(scenario.expect)]
    period, last = calendar.period_of(min(days)), calendar.period_of(max(days + named))
    for _ in range(_MONTH_ENDS_MAX):
        if period is None or last is None or period > last:
            return
        yield calendar.last_day(period)
        period = calendar.following(period)
    if period is not None and last is not None and period <= last:
        yield calendar.last_day(last)
