"""Days on which collecting is not probable: revenue stands still, bills are no right, cash is a liability."""

from itertools import permutations

import pytest
from accounting.agreements import ARRANGEMENT, CAUSE, day, item, version
from accounting.billing import group, invoiced, paid, voided
from msgspec.structs import replace

from tieout.agents.accounting.alerts import DOUBTFUL, standing
from tieout.agents.accounting.collectability import counted, doubtful, released
from tieout.agents.accounting.receivables import account_of
from tieout.agents.accounting.remaining import Remaining
from tieout.agents.accounting.targets import Targets
from tieout.tables.contract import Contract
from tieout.tables.facts import Collectability, Evidence

SIGNED = version(1, "2025-01-01", 1200, item("S", "time", start="2025-01-01", end="2025-12-31"))
GOODS = version(1, "2025-01-01", 500, item("G", "point"), item("H", "point"))


def assessed(at, *, probable=False, contract="C1", name=""):
    return Collectability(name or at, 1, contract, day(at), probable, CAUSE)


def delivered(po, at):
    return Evidence(f"{po}{at}", "C1", po, day(at), 10**6, CAUSE)


def shown(state, *dates):
    found = []
    for at in dates:
        position = Targets(state, ARRANGEMENT).at(day(at))
        found.append(
            (position.recognised, position.due, position.contract_liability, position.contract_asset)
        )
    return found


def days(*dated):
    return tuple((day(first), None if last is None else day(last)) for first, last in dated)


def test_a_span_goes_from_the_first_doubt_to_the_day_before_it_ends():
    facts = [
        assessed("2025-02-01"),
        assessed("2025-03-01"),
        assessed("2025-04-01", probable=True),
        assessed("2025-06-01"),
    ]
    for order in permutations(facts):
        assert doubtful(order, ("C1",)) == days(("2025-02-01", "2025-03-31"), ("2025-06-01", None))
    assert doubtful(facts, ("C2",)) == ()
    assert doubtful([assessed("2025-02-01", probable=True)], ("C1",)) == ()


def test_of_two_assessments_of_one_day_the_last_by_id_counts():
    both = [assessed("2025-02-01", name="a"), assessed("2025-02-01", name="b", probable=True)]
    assert doubtful(both, ("C1",)) == ()
    assert doubtful([replace(both[0], id="c"), both[1]], ("C1",)) == days(("2025-02-01", None))


def test_contracts_that_are_one_are_doubtful_while_one_of_them_is():
    facts = [assessed("2025-02-01"), assessed("2025-03-01", contract="C2"), assessed("2025-04-01", probable=True),
             assessed("2025-05-01", contract="C2", probable=True)]  # fmt: skip
    assert doubtful(facts, ("C1", "C2")) == days(("2025-02-01", "2025-04-30"))


@pytest.mark.parametrize(
    ("at", "stands"),
    [
        ("2025-01-31", "2025-01-31"),
        ("2025-02-01", "2025-01-31"),
        ("2025-03-31", "2025-01-31"),
        ("2025-04-01", "2025-04-01"),
        ("2025-06-01", "2025-05-31"),
        ("2030-01-01", "2025-05-31"),
    ],
)
def test_revenue_of_a_doubtful_day_is_that_of_the_day_before_the_doubt(at, stands):
    spans = days(("2025-02-01", "2025-03-31"), ("2025-06-01", None))
    assert counted(spans, day(at)) == day(stands)


def test_what_was_received_is_released_over_what_was_transferred():
    assert released({"A": 100}, {"A": 300, "B": 100}, 100) == {"A": 100, "B": 0}
    assert released({"A": 100}, {"A": 300, "B": 100}, 250) == {"A": 200, "B": 50}
    assert released({"A": 100}, {"A": 300, "B": 100}, 900) == {"A": 300, "B": 100}
    assert released({"A": 100}, {"A": 50}, 500) == {"A": 100}
    assert released({}, {"A": 50}, -10) == {"A": 0}


def test_revenue_stops_and_is_caught_up():
    facts = (assessed("2025-03-01"), assessed("2025-05-01", probable=True))
    state = group(SIGNED, lines=[invoiced("I1", "2025-01-01", 1200)], assessments=facts)
    found = shown(state, "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-01", "2025-05-31")
    assert [(recognised, liability) for recognised, _, liability, _ in found] == [
        (200, 1000), (200, 1000), (200, 1000), (403, 797), (500, 700)
    ]  # fmt: skip
    targets = Targets(state, ARRANGEMENT)
    assert (targets.price(day("2025-04-30")), targets.agreed_price(day("2025-04-30"))) == (200, 1200)
    assert [Remaining(state, ARRANGEMENT).total(day(at)) for at in ("2025-02-28", "2025-04-30", "2025-05-31")] == [
        1000, 0, 700
    ]  # fmt: skip


def test_a_bill_is_no_right_and_cash_is_a_liability_until_it_is():
    again = assessed("2025-05-01", probable=True)
    lines = [invoiced("I2", "2025-03-31", 100), invoiced("I3", "2025-04-30", 100)]
    for cash in ([paid("P1", "2025-04-10", 150)], [replace(paid("P1", "2025-04-10", 150), doc="I3")]):
        state = group(SIGNED, lines=lines, cash=cash, assessments=(assessed("2025-03-01"), again))
        dates = "2025-03-31", "2025-04-09", "2025-04-30", "2025-05-01"
        assert [each[1:3] for each in shown(state, *dates)] == [(0, 0), (0, 0), (150, 0), (200, 0)]
        account = account_of(state, Contract("C1", "X", None, "US", "USD", "active", 1, 0, 0, ""))
        assert [account.receivable.by(day(at)) for at in dates] == [0, 0, 0, 50]
    never = group(SIGNED, lines=lines, assessments=(assessed("2025-03-01"),))
    assert shown(never, "2025-12-31") == [(200, 0, 0, 200)]


def test_what_credits_a_deferred_bill_waits_with_it_and_a_void_ends_it():
    facts = (assessed("2025-03-01"), assessed("2025-05-01", probable=True))
    memo = replace(invoiced("M1", "2025-04-10", 30, kind="credit_memo"), ref="I2")
    credited = group(SIGNED, lines=[invoiced("I2", "2025-03-31", 100), memo], assessments=facts)
    assert [each[1] for each in shown(credited, "2025-04-30", "2025-05-01")] == [0, 70]
    void = group(
        SIGNED,
        lines=[invoiced("I2", "2025-03-31", 100)],
        acts=[voided("I2", "2025-04-10")],
        assessments=facts,
    )
    assert [each[1] for each in shown(void, "2025-04-30", "2025-05-01")] == [0, 0]


def test_with_nothing_left_to_transfer_what_is_received_is_revenue():
    evidence = (delivered("G", "2025-01-20"), delivered("H", "2025-02-20"))
    cash = [paid("P1", "2025-01-25", 100), paid("P2", "2025-03-01", 50)]
    state = group(GOODS, cash=cash, evidence=evidence, assessments=(assessed("2025-01-01"),))
    found = shown(state, "2025-01-31", "2025-02-20", "2025-03-01")
    assert found == [(0, 100, 100, 0), (100, 100, 0, 0), (150, 150, 0, 0)]
    owed = group(
        GOODS,
        lines=[invoiced("I1", "2025-01-10", 500)],
        evidence=evidence,
        assessments=(assessed("2025-01-15"),),
    )
    assert shown(owed, "2025-02-20") == [(0, 500, 500, 0)]


def test_the_doubt_is_an_item_until_it_is_over():
    doubt = assessed("2025-03-01")
    (alert,) = standing(group(SIGNED, assessments=(doubt,)))
    assert (alert.code, alert.fact, alert.arrangement) == (DOUBTFUL, "C1", "C1@1")
    over = (doubt, assessed("2025-05-01", probable=True))
    assert standing(group(SIGNED, assessments=over)) == []
