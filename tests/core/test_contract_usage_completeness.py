"""A close that comes before the watermark of reported usage has an item, until the usage is complete or open again."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of
from msgspec.structs import replace

from tieout.avro.control import PeriodReopened, PeriodSoftClosed

LINE = {"po": "U", "measure": "usage", "meter": "calls", "unit_price": 2}
MAY = {"type": "usage_reported", "id": "u1", "at": dt.date(2025, 5, 10), "meter": "calls", "qty": 10}
ALL_SENT = {
    "type": "usage_period_closed",
    "id": "c1",
    "at": dt.date(2025, 5, 31),
    "meter": "calls",
    "period": "2025-05",
    "count": 1,
}
RATED = {
    "type": "usage_rated",
    "id": "r1",
    "at": dt.date(2025, 5, 31),
    "meter": "calls",
    "period": "2025-05",
    "amount": 19,
}


class Metered:
    def __init__(self, *described, line=LINE):
        opened = {"at": dt.date(2025, 1, 1), "type": "contract_activated", "price": 0, "lines": [line]}
        given = Given({"events": [opened, *described], "expect": {}})
        self.inbox = Inbox(given.reference())
        self.events = list(given.steps())
        self.deliver()

    def deliver(self):
        self.inbox.deliver(self.events.pop(0))
        return self

    def told(self):
        assert self.inbox.refusals == []
        return [(each.code, each.scope, each.status) for each in self.inbox.exceptions]


OPEN, RESOLVED = ("USAGE_INCOMPLETE", "C1/calls", "open"), ("USAGE_INCOMPLETE", "C1/calls", "resolved")


@pytest.mark.parametrize("ended_by", [ALL_SENT, RATED], ids=["closed with its count", "rated as a whole"])
def test_usage_that_a_close_passes_has_an_item_until_it_is_complete(ended_by):
    metered = Metered(MAY, ended_by).deliver()
    metered.inbox.close("2025-04")
    assert metered.told() == []
    metered.inbox.close("2025-05")
    metered.inbox.close("2025-06")
    assert metered.told() == [OPEN]
    assert metered.deliver().told() == [OPEN, RESOLVED]
    assert not metered.inbox.state.group.open_items
    metered.inbox.close("2025-07")
    assert metered.told() == [OPEN, RESOLVED]


@pytest.mark.parametrize("first", [ALL_SENT, RATED], ids=["closed with its count", "rated as a whole"])
def test_what_is_complete_when_the_close_comes_has_none(first):
    metered = Metered(MAY, first).deliver().deliver()
    metered.inbox.close("2025-05")
    assert metered.told() == []


def test_usage_of_which_nothing_was_reported_is_not_missed():
    metered = Metered()
    metered.inbox.close("2025-05")
    assert metered.told() == []


def test_a_usage_period_that_ends_behind_the_close_is_not_asked_for():
    anchored = {
        **LINE,
        "usage_period": "anchored_month",
        "from": dt.date(2025, 1, 15),
        "to": dt.date(2025, 12, 31),
    }
    metered = Metered({**MAY, "at": dt.date(2025, 5, 20)}, line=anchored).deliver()
    metered.inbox.close("2025-05")
    assert metered.told() == []
    metered.inbox.close("2025-06")
    assert metered.told() == [OPEN]


def test_a_soft_close_asks_too_and_a_reopening_takes_the_question_back():
    metered = Metered(MAY).deliver()
    metered.inbox.mark(lambda header: PeriodSoftClosed(header, None, "revenue", "2025-05"))
    assert metered.told() == [OPEN]
    metered.inbox.mark(lambda header: PeriodReopened(header, None, "revenue", "2025-05"))
    assert metered.told() == [OPEN, RESOLVED]


def test_one_item_stands_for_a_meter_however_many_of_its_periods_are_incomplete():
    june = {**MAY, "id": "u2", "at": dt.date(2025, 6, 10)}
    metered = Metered(MAY, june, ALL_SENT).deliver().deliver()
    metered.inbox.close("2025-06")
    metered.deliver()
    assert metered.told() == [OPEN]
    (item,) = metered.inbox.state.group.open_items
    assert "from 2025-06-01 on" in item.detail


@pytest.mark.parametrize(
    "part",
    [{"usage_from": day_of(dt.date(2025, 5, 2))}, {"usage_to": day_of(dt.date(2025, 5, 30))}],
    ids=["from a later day", "to an earlier day"],
)
def test_a_rating_of_a_part_does_not_complete_a_usage_period(part):
    metered = Metered(MAY, RATED).deliver()
    metered.inbox.close("2025-05")
    metered.inbox.deliver(replace(metered.events[0], **part))
    assert metered.told() == [OPEN]


def test_what_is_kept_of_a_closed_usage_period_is_not_asked_for_again():
    corrected = {
        "type": "usage_corrected",
        "id": "u2",
        "at": dt.date(2025, 6, 10),
        "replaces": "u1",
        "meter": "calls",
        "qty": 8,
    }
    june = {**ALL_SENT, "id": "c2", "at": dt.date(2025, 6, 30), "period": "2025-06"}
    metered = Metered(MAY, corrected, june, ALL_SENT)
    for _ in range(4):
        metered.deliver()
    assert any(bucket.closed and bucket.details for bucket in metered.inbox.state.usage)
    metered.inbox.close("2025-06")
    assert metered.told() == []
