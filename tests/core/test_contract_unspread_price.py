"""A fixed price on a contract of usage alone: earned at once where nothing is left to deliver, else it waits (606-10-25-13)."""

import datetime as dt
from itertools import permutations

import pytest
from contract_inbox import Inbox as Partition
from core.modifications_told import APRIL, END, JULY, YEAR, activated, amended, inbox_of, refusal
from msgspec.structs import replace

from tieout.agents.accounting.targets import Targets
from tieout.avro.days import day_of
from tieout.streams.operate.generate.sealing import seal
from tieout.streams.sample_events import activated as sample_activated
from tieout.streams.sample_events import amended as sample_amended
from tieout.streams.sample_events import said

USAGE = {"po": "U", "measure": "usage", "meter": "m", "unit_price": 2}
OTHER = {"po": "V", "measure": "usage", "meter": "n", "unit_price": 3}
SERVICE = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 1200}
METERED = activated(USAGE, price=0)
WAITS = ("METHOD_MISSING", "fact")


def used(name, qty, at, meter="m"):
    return {"at": at, "type": "usage_reported", "id": name, "meter": meter, "qty": qty}


def cancelled(at=APRIL, **fields):
    return {"at": at, "type": "contract_cancelled", **fields}


def revenue(*events, day=END):
    """Revenue of each line by a day, after events that are all accepted."""
    inbox, last = inbox_of(*events)
    inbox.deliver(last)
    assert inbox.refusals == []
    (arrangement,) = inbox.state.group.arrangements
    return Targets(inbox.state, arrangement).at(day_of(day)).revenue


def test_a_fee_for_ending_usage_is_revenue_of_the_day_on_which_it_ends():
    events = (METERED, used("u1", 10, dt.date(2025, 2, 1)), cancelled(fee=50))
    assert revenue(*events, day=dt.date(2025, 3, 31)) == {"U": 20_00}
    assert revenue(*events, day=APRIL) == {"U": 70_00}


def test_a_fee_is_split_by_what_was_used_whatever_order_that_was_told_in():
    free = (used("u1", 30, YEAR), used("v1", 30, dt.date(2025, 3, 31), "n"), cancelled(fee=50))
    for order in permutations(free):
        assert revenue(activated(USAGE, OTHER, price=0), *order) == {"U": 60_00 + 20_00, "V": 90_00 + 30_00}


def test_a_fee_where_nothing_was_used_is_the_first_line_s():
    assert revenue(activated(OTHER, USAGE, price=0), cancelled(fee=50)) == {"U": 50_00}


@pytest.mark.parametrize(
    "line",
    [{**USAGE, "from": YEAR, "to": dt.date(2025, 3, 31)}, {**USAGE, "from": YEAR, "to": END}],
    ids=["its line is over", "its line goes on"],
)
def test_a_price_after_the_end_of_all_usage_is_earned_at_once_and_before_it_waits(line):
    events = (activated(line, price=0), amended(price_change=50))
    if line["to"] < APRIL:
        assert revenue(*events) == {"U": 50_00}
    else:
        assert refusal(*events) == WAITS


def test_a_price_with_the_removal_of_all_usage_is_earned_at_once():
    removed = amended(price_change=50, remove=["V"])
    assert refusal(activated(USAGE, OTHER, price=0), removed) == WAITS
    assert revenue(METERED, amended(price_change=50, remove=["U"])) == {"U": 50_00}


@pytest.mark.parametrize(
    "event",
    [
        amended(price_change=50),
        amended(price_change=-50),
        amended(price_status="open", price_estimate=50),
        cancelled(price_change=-50),
        cancelled(fee=50, access_end=APRIL),
        {"at": APRIL, "type": "variable_estimate_changed", "id": "V", "amount": 5, "reach": "version_1"},
    ],
    ids=["a price", "a lower price", "an open price", "less at the end", "usage goes on", "an estimate"],
)
def test_a_price_that_nothing_says_how_to_earn_waits_for_a_line_that_earns_it(event):
    assert refusal(METERED, event) == WAITS


def test_a_version_without_a_price_needs_no_line_that_earns_one():
    assert revenue(METERED, used("u1", 1, YEAR), cancelled()) == {"U": 2_00}


@pytest.mark.parametrize(
    "event",
    [
        amended(price_change=60),
        {"at": APRIL, "type": "variable_estimate_changed", "id": "V", "amount": 5, "reach": "version_1"},
        {"at": APRIL, "type": "credit_memo_issued", "id": "M1", "amount": 60, "reason": "future_discount"},
    ],
)
def test_a_correction_leaves_no_price_without_a_line_that_earns_it(event):
    """It is refused by name: no event stops its partition."""
    usage_alone = {"at": JULY, "type": "contract_corrected", "corrects": 1, "price": 0, "lines": [USAGE]}
    assert refusal(activated(SERVICE, USAGE, price=1200), event, usage_alone) == WAITS


WHOLE = sample_activated(price_minor=0)
LINE = replace(
    WHOLE.lines[0], po="USE", measure="usage", meter="m", unit_price_minor=2_00, ssp_minor=None, to_date=None
)
ALONE = seal(replace(WHOLE, lines=(LINE,)))
WITH_SERVICE = said("contract_corrected", corrects=1, lines=(LINE, *WHOLE.lines))
PRICED = sample_amended(2, price_change_minor=600_00)
ESTIMATED = said("variable_estimate_changed", estimate_id="V", amount_minor=90_00, reach="version", version=1)


def booked(inbox):
    """Stated price as it stands, and the treatment of each version that was told."""
    told = [each.treatment for each in inbox.said("decisions") if each.outcome == "modification_decided"]
    return [each.cumulative_after_minor for each in inbox.said("revenue_events") if each.kind == "booked"][
        -1
    ], told


@pytest.mark.parametrize(
    ("waiting", "price"), [(PRICED, 600_00), (ESTIMATED, 0)], ids=["a price", "an estimate"]
)
def test_what_waits_for_a_line_that_earns_it_is_judged_again_when_one_comes(waiting, price):
    late, early = Partition(), Partition()
    late.put(ALONE, waiting)
    assert late.open_codes() == ["METHOD_MISSING"]
    late.put(WITH_SERVICE)
    early.put(ALONE, WITH_SERVICE, waiting)
    assert late.open_codes() == early.open_codes() == []
    assert booked(late)[0] == booked(early)[0] == price
    assert late.outcomes()["applied"] == early.outcomes()["applied"] == 3
