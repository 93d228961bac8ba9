"""Bills of days on which collecting is not probable: they count once it is, with what is done to them (606-10-25-8)."""

from accounting.agreements import day
from accounting.billing import CONTRACT, invoiced, paid, voided
from msgspec.structs import replace

from tieout.agents.accounting.billing_order import in_order
from tieout.agents.accounting.deferred_billing import deferred
from tieout.agents.accounting.receivables import walked
from tieout.tables.documents import Act, Documents

MARCH = (day("2025-03-01"), day("2025-03-31"))
FOR_MARCH, FOR_EVER = (MARCH,), ((MARCH[0], None),)


def facts(*lines, cash=(), acts=()):
    known = Documents(tuple(sorted(lines, key=lambda line: line.doc)), tuple(cash), tuple(acts))
    return in_order(known, "C1")


def counted_from(found):
    """Name -> day from which it counts, in the order in which they count."""
    return [(place[3].doc if hasattr(place[3], "line") else place[3].id, place[0]) for place in found]


def disputed(number, at):
    return replace(voided(number, at), id=f"dispute{number}", kind="concession", amount=10)


def test_a_bill_of_a_doubtful_day_counts_from_the_day_after_the_last_one():
    told = facts(*[invoiced(name, at, 100) for name, at in (
        ("A", "2025-02-28"), ("B", "2025-03-01"), ("C", "2025-03-31"), ("D", "2025-04-01"))])  # fmt: skip
    kept, late = deferred(told, FOR_MARCH)
    april = day("2025-04-01")
    assert counted_from(kept) == [("A", day("2025-02-28")), ("B", april), ("C", april), ("D", april)]
    assert late == {"B", "C"}
    assert [place[3].at for place in kept] == [place[0] for place in kept]


def test_one_of_days_without_an_end_never_counts_nor_does_what_credits_it():
    memo = replace(invoiced("M", "2025-06-01", 30, kind="credit_memo"), ref="B")
    other = replace(invoiced("N", "2025-06-01", 30, kind="credit_memo"), ref="A")
    kept, late = deferred(
        facts(invoiced("A", "2025-02-28", 100), invoiced("B", "2025-03-01", 100), memo, other), FOR_EVER
    )
    assert [name for name, _ in counted_from(kept)] == ["A", "N"]
    assert late == {"B"}


def test_what_is_done_to_a_bill_waits_with_it_and_comes_later_if_it_is_later():
    memo = replace(invoiced("M", "2025-03-10", 30, kind="credit_memo"), ref="B")
    acts = [disputed("B", "2025-03-20"), replace(disputed("B", "2025-05-01"), id="later")]
    kept, _ = deferred(facts(invoiced("B", "2025-03-05", 100), memo, acts=acts), FOR_MARCH)
    april = day("2025-04-01")
    assert counted_from(kept) == [
        ("B", april),
        ("M", april),
        ("disputeB", april),
        ("later", day("2025-05-01")),
    ]


def test_a_void_and_cash_keep_their_days():
    told = facts(
        invoiced("B", "2025-03-05", 100),
        cash=[replace(paid("P", "2025-03-10", 40), doc="B")],
        acts=[voided("B", "2025-03-20")],
    )
    kept, _ = deferred(told, FOR_MARCH)
    assert [at for _, at in counted_from(kept)] == [day("2025-03-10"), day("2025-03-20"), day("2025-04-01")]


def test_a_credit_that_names_no_bill_and_one_of_a_doubtful_day_wait_for_nothing():
    memo = invoiced("M", "2025-03-10", 30, kind="credit_memo")
    kept, late = deferred(facts(invoiced("A", "2025-02-01", 100), memo), FOR_MARCH)
    assert counted_from(kept) == [("A", day("2025-02-01")), ("M", day("2025-03-10"))]
    assert late == frozenset()


def walk(*lines, cash, spans=FOR_MARCH):
    known = Documents(tuple(sorted(lines, key=lambda line: line.doc)), tuple(cash))
    return walked(known, CONTRACT, {}, spans)


def test_a_bill_that_counts_again_takes_the_cash_that_is_held_that_which_names_it_first():
    """Of 60 and 50 that came meanwhile, B takes the 50 that name it and 50 of the others; C takes the last 10."""
    cash = [paid("P", "2025-03-10", 60), replace(paid("Q", "2025-03-11", 50), doc="B")]
    found = walk(invoiced("B", "2025-03-05", 100), invoiced("C", "2025-03-06", 40), cash=cash)
    april = day("2025-04-01")
    assert [found.advances.by(at) for at in (april - 1, april)] == [110, 0]
    assert [found.receivable.by(at) for at in (april - 1, april)] == [0, 30]
    assert found.open == {"C": 30}


def test_of_the_cash_that_is_held_what_names_the_bill_is_gone_first():
    """The 50 that name B are all in it: when they bounce, B is open for 50, and the other 10 are still held."""
    cash = [paid("P", "2025-03-10", 60), replace(paid("Q", "2025-03-11", 50), doc="B")]
    bounced = replace(voided("Q", "2025-05-01"), id="bounce", kind="reverse", amount=50)
    known = Documents((invoiced("B", "2025-03-05", 100),), tuple(cash), (bounced,))
    found = walked(known, CONTRACT, {}, FOR_MARCH)
    assert (found.open, found.advances.total) == ({"B": 50}, 10)


def test_cash_that_names_a_bill_is_its_own_though_another_one_counts_first():
    cash = [replace(paid("P", "2025-03-10", 60), doc="C"), paid("Q", "2025-03-11", 50)]
    found = walk(invoiced("C", "2025-03-06", 60), cash=cash)
    assert (found.open, found.advances.total) == ({}, 50)


def test_a_bill_of_a_day_without_doubt_takes_no_cash_that_was_held_for_none():
    cash = [paid("P", "2025-01-10", 60)]
    found = walk(invoiced("A", "2025-02-01", 100), cash=cash)
    assert (found.open, found.advances.total) == ({"A": 100}, 60)


def test_a_kind_that_is_done_to_no_document_is_not_deferred():
    right = Act("R", 1, "right", "C1", day("2025-03-10"), 50, "", "", CAUSE_OF_NONE)
    kept, _ = deferred(facts(acts=[right]), FOR_MARCH)
    assert counted_from(kept) == [("R", day("2025-03-10"))]


CAUSE_OF_NONE = voided("X", "2025-01-01").cause
