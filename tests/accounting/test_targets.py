"""What the books must show on a day: revenue, due and one net position of an arrangement (606-10-45-1)."""

import pytest
from accounting.agreements import ARRANGEMENT, CAUSE, ONE, component, day, item, version
from accounting.billing import CONTRACT, group, invoiced, paid
from msgspec.structs import replace

from tieout.agents.accounting.targets import Targets
from tieout.tables.facts import Collectability, Evidence

SERVICE = item("S", "time", 900, start="2025-01-01", end="2025-12-31")
GOODS = item("G", "point", 300)
SIGNED = version(1, "2025-01-01", 1200, SERVICE, GOODS)
JANUARY, MARCH, YEAR_END = (day(each) for each in ("2025-01-31", "2025-03-31", "2025-12-31"))


def delivered(po, at):
    return Evidence(f"{po}{at}", "C1", po, day(at), ONE, CAUSE)


def targets(*terms, **facts):
    return Targets(group(*(terms or (SIGNED,)), **facts), ARRANGEMENT)


def credit(amount, at="2025-03-01", reach="performed", contra="contra_revenue"):
    return replace(component("V", 1, at, amount, reach), contra=contra)


def test_revenue_due_and_the_net_liability_are_those_of_the_day():
    """900 over the year and 300 of goods in March; 600 is billed in February, and 700 in April."""
    shown = targets(
        evidence=(delivered("G", "2025-03-10"),),
        lines=[invoiced("I1", "2025-02-01", 600), invoiced("I2", "2025-04-01", 700)],
    )
    dates = ("2024-12-31", "2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-12-31")
    found = [shown.at(day(each)) for each in dates]
    assert [each.recognised for each in found] == [0, 75, 150, 525, 600, 1200]
    assert [each.due for each in found] == [0, 0, 600, 600, 1300, 1300]
    assert [(each.contract_liability, each.contract_asset) for each in found] == [
        (0, 0),
        (0, 75),
        (450, 0),
        (75, 0),
        (700, 0),
        (100, 0),
    ]
    assert found[3].revenue == {"G": 300, "S": 225}
    assert [shown.due(day(each)) for each in dates] == [0, 0, 600, 600, 1300, 1300]


def test_the_ledger_holds_the_position_less_what_documents_book():
    """600 billed ahead of 225: documents credit the liability by 600, the engine takes 225 of it."""
    shown = targets(lines=[invoiced("I1", "2025-02-01", 600)])
    assert shown.values(MARCH) == {
        ("revenue", "G"): 0,
        ("revenue", "S"): 225,
        ("contract_liability", ""): -225,
        ("contract_asset", ""): 0,
        ("refund_liability", ""): 0,
    }
    ahead = targets(lines=[invoiced("I1", "2025-02-01", 100)]).values(MARCH)
    assert (ahead["contract_liability", ""], ahead["contract_asset", ""]) == (-100, 125)


def test_contra_revenue_stands_beside_revenue_and_both_come_to_what_is_recognised():
    """A credit of 60 in March, of which 225 of 1,200 was earned by service alone: all for the past, and all shown apart."""
    shown = targets(components=(credit(-60),))
    assert shown.at(MARCH).revenue == {"G": 0, "S": 165}
    assert shown.at(MARCH).contra == {"contra_revenue": 60}
    assert shown.performed(MARCH) == {
        ("revenue", "G"): 0,
        ("revenue", "S"): 225,
        ("contra_revenue", ""): 60,
    }
    february = day("2025-02-28")
    assert shown.performed(february)["contra_revenue", ""] == 0
    assert shown.at(february).contra == {"contra_revenue": 0}
    assert targets().at(MARCH).contra == {}


@pytest.mark.parametrize("reach", ["performed", "version"])
def test_revenue_asked_for_by_promise_is_what_the_ledger_shows_of_it(reach):
    shown = targets(
        components=(credit(-60, reach=reach), component("W", 1, "2025-05-01", 24, "performed")),
        evidence=(delivered("G", "2025-03-10"),),
    )
    for on in range(day("2024-12-20"), day("2026-01-10"), 13):
        ledger = shown.performed(on)
        assert shown.gross_revenue(on, ("S", "G")) == {
            po: ledger.get(("revenue", po), 0) for po in ("S", "G")
        }
        contra = ledger.get(("contra_revenue", ""), 0)
        gross = sum(amount for (name, _), amount in ledger.items() if name == "revenue")
        assert gross - contra == shown.at(on).recognised
    assert shown.gross_revenue(MARCH, ["X"]) == {"X": 0}
    assert set(shown.gross_revenue(MARCH, ["S"])) == {"S"}


def test_the_price_is_what_was_agreed_and_what_came_to_it_by_the_day():
    shown = targets(
        SIGNED,
        version(2, "2025-07-01", 90, item("N", "point", 90)),
        components=(credit(-60), component("O", 1, "2025-05-01", 24, "obligation", "S")),
    )
    dates = ("2024-12-31", "2025-01-01", "2025-03-01", "2025-05-01", "2025-07-01")
    assert [shown.price(day(each)) for each in dates] == [0, 1200, 1140, 1164, 1254]
    assert [shown.agreed_price(day(each)) for each in dates] == [0, 1200, 1140, 1164, 1254]
    assert shown.allocation(day("2025-04-30")) == {"G": 300, "S": 840}
    assert shown.allocation(day("2025-05-01")) == {"G": 300, "S": 864}


def test_days_that_decide_over_others_are_those_of_versions_and_components():
    shown = targets(SIGNED, version(2, "2025-07-01", 90), components=(credit(-60, "2025-08-01"),))
    assert set(shown.changed_on) == {day("2025-01-01"), day("2025-07-01"), day("2025-08-01")}
    assert shown.shared_from == day("2025-08-01")
    assert targets(SIGNED, version(2, "2025-07-01", 90)).shared_from == day("2025-07-01")
    assert targets(SIGNED, components=(credit(-60, "2024-08-01"),)).shared_from == day("2025-01-01")


def test_a_contract_is_complete_when_nothing_is_left_to_transfer():
    shown = targets(evidence=(delivered("G", "2026-02-01"),))
    dates = ("2024-12-31", "2025-12-31", "2026-01-31", "2026-02-01")
    assert [shown.complete(day(each)) for each in dates] == [False, False, False, True]


def test_what_is_owed_back_is_what_was_billed_over_a_price_that_was_taken_back():
    shown = targets(SIGNED, version(2, "2025-07-01", -300), lines=[invoiced("I1", "2025-02-01", 1000)])
    assert [shown.refund_liability(day(each)) for each in ("2025-06-30", "2025-07-01")] == [0, 100]
    assert [shown.taken_back(day(each)) for each in ("2025-06-30", "2025-07-01")] == [0, 300]
    position = shown.at(day("2025-07-01"))
    assert position.contract_liability + position.refund_liability + position.recognised == 1000


def test_what_may_be_ended_is_owed_back_as_far_as_it_was_billed_and_no_part_of_the_price():
    """606-10-25-3: of a year that may be ended at each month's end January alone is enforceable in January."""
    monthly = version(1, "2025-01-01", 1200, replace(SERVICE, ssp=1200), term_from=day("2025-01-01"))
    shown = targets(monthly, lines=[invoiced("I1", "2025-01-01", 1200)])
    assert (shown.price(JANUARY), shown.agreed_price(JANUARY)) == (100, 1200)
    assert shown.refund_liability(JANUARY) == 1100
    assert shown.allocation(MARCH) == {"S": 300}
    assert shown.at(YEAR_END).refund_liability == 0


def doubted(at, *, probable=False):
    return Collectability(at, 1, "C1", day(at), probable, CAUSE)


def test_where_collecting_is_doubtful_revenue_stands_and_cash_decides_at_the_end():
    """606-10-25-7: goods of 300, all transferred, 100 received: 100 is revenue, and contra revenue stands too."""
    goods = version(1, "2025-01-01", 300, GOODS)
    shown = targets(
        goods,
        evidence=(delivered("G", "2025-03-10"),),
        cash=[paid("P", "2025-02-01", 100)],
        assessments=(doubted("2025-02-15"),),
        components=(credit(-30, "2025-04-01"),),
    )
    dates = ("2025-02-28", "2025-03-31", "2025-04-30")
    assert [shown.at(day(each)).recognised for each in dates] == [0, 100, 100]
    assert [shown.gross_revenue(day(each), ["G"]) for each in dates] == [{"G": 0}, {"G": 100}, {"G": 100}]
    assert [shown.price(day(each)) for each in dates] == [0, 100, 100]
    assert not shown.complete(MARCH)
    assert shown.at(day("2025-04-30")).contra == {"contra_revenue": 0}
    assert shown.doubtful == ((day("2025-02-15"), None),)


def test_contracts_that_are_one_are_looked_at_as_one():
    both = replace(ARRANGEMENT, contracts=("C1", "C2"))
    second = replace(
        version(1, "2025-01-01", 240, item("B", "time", 240, start="2025-01-01", end="2025-12-31")),
        contract="C2",
    )
    state = group(SIGNED, second, lines=[invoiced("I1", "2025-02-01", 600)])
    head = replace(
        state.group, contracts=(CONTRACT, replace(CONTRACT, id="C2", home="C1@1")), arrangements=(both,)
    )
    shown = Targets(replace(state, group=head), both)
    assert shown.price(MARCH) == 1440
    assert shown.at(MARCH).revenue == {"B": 60, "G": 0, "S": 225}
