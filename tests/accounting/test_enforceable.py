"""What is enforceable of a contract that may be ended without a penalty (606-10-25-3, 25-4)."""

import pytest
from accounting.agreements import ARRANGEMENT, day, item, version
from accounting.billing import group, invoiced
from msgspec.structs import replace

from tieout.agents.accounting.enforceable import begun_through, enforceable, terminable_lines
from tieout.agents.accounting.targets import Targets
from tieout.tables.derived import NOTHING
from tieout.tables.layers import Share

YEAR = item("S", "time", start="2025-01-31", end="2026-01-30")


@pytest.mark.parametrize(
    ("at", "through"),
    [
        ("2025-01-30", "2025-01-30"),
        ("2025-01-31", "2025-02-27"),
        ("2025-02-27", "2025-02-27"),
        ("2025-02-28", "2025-03-30"),
        ("2025-03-31", "2025-04-29"),
        ("2026-01-29", "2026-01-30"),
        ("2026-01-30", "2026-01-30"),
        ("2026-05-01", "2026-05-01"),
    ],
)
def test_the_months_of_a_line_are_counted_from_its_first_day(at, through):
    share = Share("S", "time", "days", 0, 365, day("2025-01-31"), day("2026-01-30"), 0, 0)
    assert begun_through(share, day("2025-01-31"), day(at)) == day(through)
    worth = 0 if at == "2025-01-30" else min(365, day(through) - day("2025-01-31") + 1)
    assert enforceable(share, NOTHING, day("2025-01-31"), day(at)) == worth


def test_a_line_that_was_re_based_keeps_the_months_that_it_began_with():
    share = Share("S", "time", "days", 100, 200, day("2025-03-10"), day("2026-01-30"), 0, 0)
    assert begun_through(share, day("2025-01-15"), day("2025-03-12")) == day("2025-03-14")


def test_goods_are_worth_what_was_transferred():
    share = Share("G", "point", "days", 0, 100, day("2025-01-01"), day("2025-01-01"), 0, 10**6)
    assert begun_through(share, day("2025-01-01"), day("2025-01-01")) == day("2025-01-01")


def test_the_right_is_the_contracts_and_holds_for_what_versions_add():
    signed = version(1, "2025-01-31", 1200, YEAR, term_from=day("2025-01-31"))
    more = version(
        2, "2025-05-10", 100, item("T", "time", start="2025-06-05", end="2026-01-30"), item("G", "point")
    )
    lines = terminable_lines(group(signed, more), ARRANGEMENT)
    assert lines == {"S": day("2025-01-31"), "T": day("2025-06-05"), "G": day("2025-05-10")}
    assert terminable_lines(group(replace(signed, more=None), more), ARRANGEMENT) == {}
    apart = replace(more, arrangement="C1@2")
    assert terminable_lines(group(signed, apart), ARRANGEMENT) == {"S": day("2025-01-31")}
    other = replace(signed, contract="C2", more=None)
    assert terminable_lines(group(signed, other), ARRANGEMENT) == {"S": day("2025-01-31")}


def test_what_is_billed_for_months_that_have_not_begun_is_a_refund_liability():
    of = group(version(1, "2025-01-01", 1200, replace(YEAR, first=day("2025-01-01"), last=day("2025-12-31")),
                       term_from=day("2025-01-01")), lines=[invoiced("I1", "2025-01-01", 300), invoiced("I2", "2025-03-25", 100)])  # fmt: skip
    targets = Targets(of, ARRANGEMENT)
    found = {}
    for at in ("2025-01-31", "2025-02-01", "2025-03-31", "2025-04-01"):
        position = targets.at(day(at))
        found[at] = (targets.price(day(at)), position.refund_liability, position.contract_liability)
    assert found == {
        "2025-01-31": (100, 200, 0),
        "2025-02-01": (200, 100, 96),
        "2025-03-31": (300, 100, 0),
        "2025-04-01": (400, 0, 97),
    }
    assert targets.agreed_price(day("2025-02-01")) == 1200
    assert targets.at(day("2025-12-31")).contract_asset == 800


def test_what_a_firm_contract_bills_ahead_is_a_contract_liability():
    of = group(version(1, "2025-01-31", 1200, YEAR), lines=[invoiced("I1", "2025-01-31", 1300)])
    position = Targets(of, ARRANGEMENT).at(day("2025-01-31"))
    assert position.refund_liability == 0
