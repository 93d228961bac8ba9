"""Variable consideration as it stands on a day, on facts that no event stated."""

from accounting.agreements import CAUSE, component, day
from msgspec.structs import replace

from tieout.agents.accounting.variable import estimate_id, reaching, standing_components, taken_back, visible
from tieout.tables.facts import Component

FIRST, SECOND = component("V", 1, "2025-01-01", 100), component("V", 2, "2025-03-01", 40)


def test_the_highest_version_that_is_dated_by_a_day_counts():
    both = (SECOND, FIRST)
    assert standing_components(both, day("2024-12-31")) == {}
    assert standing_components(both, day("2025-01-01")) == {"V": FIRST}
    assert standing_components(both, day("2025-02-28")) == {"V": FIRST}
    assert standing_components(both, day("2025-03-01")) == {"V": SECOND}
    back = replace(FIRST, version=3, at=day("2025-02-01"))
    assert standing_components((*both, back), day("2025-04-01")) == {"V": back}


def test_amounts_of_one_version_add_up_and_those_of_a_line_stand_alone():
    bonus = component("B", 1, "2025-01-01", 7)
    later = component("L", 1, "2025-01-01", 5, ref="C1@2")
    own = component("O", 1, "2025-01-01", 3, "obligation", "A")
    past = component("P", 1, "2025-01-01", 2, "performed")
    seen = visible([FIRST, bonus, later, own, past], day("2025-01-31"))
    assert seen.by_ref == {"": 107, "C1@2": 5}
    assert seen.by_po == {"O": ("A", 3)}


def test_an_amount_counts_from_the_version_or_the_line_that_it_reaches():
    own = component("O", 1, "2025-01-01", 3, "obligation", "A")
    later = component("L", 1, "2025-01-01", 5, ref="C1@2")
    early = component("E", 1, "2025-06-01", 5, ref="C1@2")
    nowhere = component("N", 1, "2025-01-01", 5, ref="C1@3")
    past = component("P", 1, "2025-01-01", 2, "performed")
    held = reaching([past, own, nowhere, later, early], {"C1@2": day("2025-03-01")}, {"A": day("2025-02-01")})
    assert [(each.id, each.at) for each in held] == [
        ("E", day("2025-06-01")),
        ("L", day("2025-03-01")),
        ("O", day("2025-02-01")),
    ]


def estimated(number, at, amount, *, refundable):
    return Component(
        estimate_id("C1", "R"), number, "C1@1", day(at), amount, "version", "", CAUSE, refundable=refundable
    )


def test_a_refundable_estimate_is_taken_back_as_far_as_it_stands():
    """606-10-32-10: what the entity expects to pay back follows the estimate, down as well as up."""
    known = [
        estimated(1, "2025-01-15", -300, refundable=True),
        estimated(2, "2025-02-15", -200, refundable=True),
        estimated(3, "2025-03-15", 50, refundable=True),
    ]
    taken = taken_back(known)
    dates = ("2025-01-14", "2025-01-15", "2025-02-15", "2025-03-15")
    assert [taken.by(day(each)) for each in dates] == [0, 300, 200, 0]


def test_a_concession_that_nobody_pays_back_explains_no_refund_but_a_credit_memo_does():
    assert taken_back([estimated(1, "2025-01-15", -300, refundable=False)]).total == 0
    memo = component("erp\x1fcredit_memo_issued\x1fM1\x1fC1@1", 1, "2025-01-15", -30)
    assert taken_back([memo]).by(day("2025-01-15")) == 30
    assert taken_back([replace(memo, amount=30)]).total == 0


def test_what_is_only_asked_for_takes_nothing_back_and_what_is_promised_less_does():
    """A change order that would lower the price has not; the price of a version that was open may have."""
    asked = component("change_order\x1fC1\x1f@2", 1, "2025-01-01", -500, "none")
    assert taken_back([asked]).by(day("2025-01-31")) == 0
    promised = component("change_price\x1fC1\x1f2", 1, "2025-01-01", -500, ref="C1@2")
    assert taken_back([promised]).by(day("2025-01-31")) == 500
