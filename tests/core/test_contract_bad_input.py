"""Whatever a source says within the language is counted or refused by name: nothing breaks, and the group goes on.

Method: the stories of the golden scenarios, of which a field or two are spoiled, through the agent's own task; after
every run the group is looked at as a whole. Below, each by itself, what such stories once found.
"""

from __future__ import annotations

import datetime as dt

import pytest
from contract_inbox import Inbox
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine.spoiling import GOOD, Story, good_contract, spoiled_story, story_of, unsayable

from tieout.agents.contracts.decision import View
from tieout.agents.contracts.invariants import check_whole
from tieout.agents.contracts.reasons import REASONS
from tieout.agents.groups import Groups
from tieout.avro.control import PeriodClosed, PeriodReopened, PeriodSoftClosed, RevenueRun
from tieout.avro.days import day_of
from tieout.streams.operate.scenario.event_map import GROUP, TENANT
from tieout.streams.operate.scenario.facts_of import Control
from tieout.tables.controls import EVERY, Controls
from tieout.tables.group_rows import state_from_rows, state_rows

OURS = {"INVARIANT_BROKEN", "INTERNAL_ERROR"}
"""Codes of a fault of the agent: never the answer to what a source says."""
PERIODS = {"close": PeriodClosed, "soft_close": PeriodSoftClosed, "reopen": PeriodReopened}


class Partition(Inbox):
    """A partition behind a story's reference data, looked at as a whole after every marker."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.markers: list = []
        super().__init__(rows=story.setting.rows, tenant=TENANT)

    def _below(self, cut):
        return self.story.setting.reference if cut == len(self.rows) else super()._below(cut)

    def play(self, steps):
        """Events, control steps, and days to run revenue through."""
        for step in steps:
            if isinstance(step, Control):
                self.control(step)
            elif isinstance(step, int):
                self.mark(RevenueRun(self.header(), None, EVERY, step))
            else:
                self.tell(step)
        return self

    def mark(self, marker):
        self.markers.append(marker)
        super().mark(marker)
        self.look()

    def control(self, step):
        spot = self.story.setting.scenario.spot
        if step.kind == "run":
            day = self.story.setting.last_day(step.when, spot, step.entity)
            self.mark(RevenueRun(self.header(), step.entity, EVERY, day))
        elif step.kind in PERIODS:  # what an ERP refuses has no source
            label = self.story.setting.label(step.when, spot, step.entity)
            self.mark(PERIODS[step.kind](self.header(), step.entity, "revenue", label))

    def tell(self, event):
        """The outcomes that it adds. Where it is refused and sets nothing free, it may say why and nothing else."""
        before, books = self.outcomes(), self.booked()
        self.put(event)
        added = {name: count - before.get(name, 0) for name, count in self.outcomes().items()}
        added = {name: count for name, count in added.items() if count}
        if added == {"parked": 1}:
            assert self.booked() == books, f"a refused event has moved the books: {event}"
        self.rows_of_state()
        return added

    def booked(self):
        return sum(each.topic in ("erp_commands", "revenue_events") for each in self.harness.outputs)

    def rows_of_state(self):
        """The group's state, which its rows give back."""
        state = Groups(self.harness.effects, 1).get(TENANT, GROUP).state
        if state is not None:
            rows = {suffix: row for suffix, row in state_rows(None, state) if row is not None}
            assert state_from_rows(rows.items()) == state, "the group's rows do not give its state back"
        return state

    def look(self):
        """What follows from facts and ledger holds, and each item has its owner."""
        state = self.rows_of_state()
        if state is not None and state.group.contracts:
            controls = Controls.of(self.markers[: state.control_seq])
            check_whole(state, View(self.story.setting.reference, controls, state.control_seq, 0))
        for item in self.said("exceptions"):
            assert item.code not in OURS, f"{item.code} of {item.event_type}: {item.detail}"
            reason = REASONS[item.code]
            assert (item.owner, item.next_step) == (reason.owner, reason.next_step)
            assert item.owner
            assert item.next_step


def anything(data, most):
    def choose(options):
        return data.draw(st.sampled_from(options))

    story, steps = spoiled_story(choose, most)
    if unsayable(steps):
        return
    partition = Partition(story).play(steps)
    outcomes = partition.tell(good_contract(story, steps))
    partition.look()
    if outcomes.get("parked"):  # a group that is full says so
        assert "LIMIT_EXCEEDED" in [
            each.code for each in partition.said("exceptions") if each.contract_id == GOOD
        ]
    else:
        assert outcomes.get("applied"), outcomes


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_spoiled_field_is_counted_or_refused_by_name_and_the_group_goes_on(data):
    anything(data, 2)


@pytest.mark.full
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_many_spoiled_fields_are_counted_or_refused_by_name_and_the_group_goes_on(data):
    anything(data, 6)


YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
TIME = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 100}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [TIME]}


def told(*described, runs=(END,), **setting):
    """A partition that was told these events, and ran revenue through these days."""
    story = story_of({"events": list(described), "expect": {}, **setting})
    return Partition(story).play([*story.events, *(day_of(day) for day in runs)])


def test_goods_that_come_back_while_collecting_is_doubtful_leave_nothing_behind():
    goods = {**ACTIVATION, "lines": [{"po": "G", "measure": "point", "ssp": 100}]}
    doubt = {"at": YEAR, "type": "collectability_reassessed", "probable": False}
    sent = {"at": dt.date(2025, 1, 20), "type": "goods_delivered", "po": "G"}
    back = {"at": dt.date(2025, 2, 10), "type": "goods_returned", "po": "G", "qty": 1}
    paid = {"at": dt.date(2025, 1, 5), "type": "payment_received", "id": "P", "amount": 500}
    again = {"at": dt.date(2025, 4, 10), "type": "goods_delivered", "id": "D2", "po": "G"}
    partition = told(goods, doubt, paid, sent, back, again)
    assert partition.open_codes() == ["COLLECTABILITY_FAILED"]


def test_an_estimate_that_is_dated_before_the_version_that_it_is_for_counts_from_that_version_on():
    ended = {"at": dt.date(2025, 7, 1), "type": "contract_cancelled", "price_change": -600}
    rebate = {"at": dt.date(2025, 5, 1), "type": "variable_estimate_changed", "id": "R", "amount": -120}
    partition = told(ACTIVATION, ended, {**rebate, "reach": "version_2"}, runs=(dt.date(2025, 5, 31), END))
    assert partition.open_codes() == []


def test_a_write_off_that_is_dated_before_its_contract_counts_from_the_contract_on():
    billed = {"at": YEAR, "type": "invoice_posted", "id": "I", "amount": 90}
    off = {"at": dt.date(2024, 11, 5), "type": "invoice_written_off", "invoice": "I", "amount": 90}
    partition = told(ACTIVATION, billed, {**off, "reason": "bad_debt"}, runs=(dt.date(2024, 12, 31), END))
    assert partition.open_codes() == []


@pytest.mark.parametrize(
    "spoiled",
    [
        {"at": dt.date(1, 1, 1)},
        {"lines": [{**TIME, "from": dt.date(1, 12, 31), "to": dt.date(2, 1, 31)}]},
    ],
)
def test_a_date_of_the_year_1_stands_for_none_and_is_refused(spoiled):
    assert told({**ACTIVATION, **spoiled}).open_codes() == ["DATES_INVALID"]


def test_facts_and_corrections_of_the_year_1_are_refused_too_and_the_contract_goes_on():
    paid = {"at": dt.date(1, 1, 1), "type": "payment_received", "id": "P", "amount": 5}
    moved = {"at": YEAR, "type": "contract_corrected", "corrects": 1, "effective": dt.date(1, 1, 1)}
    partition = told(ACTIVATION, paid, moved)
    assert partition.open_codes() == ["DATES_INVALID", "DATES_INVALID"]
    assert "journal.post" in partition.kinds()


def test_rates_that_take_amounts_out_of_the_language_are_waited_for():
    rates = [
        {"date": YEAR, "from": "USD", "to": "IDR", "type": kind, "rate": 16_000}
        for kind in ("spot", "average", "closing")
    ]
    huge = {**ACTIVATION, "price": 10**14, "lines": [{**TIME, "to": dt.date(2025, 1, 31)}]}
    partition = told(
        huge,
        runs=(dt.date(2025, 1, 31),),
        entities={"US": {"functional": "IDR"}},
        currency="USD",
        rates=rates,
    )
    assert partition.open_codes() == ["FX_RATE_MISSING"]
    assert "journal.post" not in partition.kinds()
