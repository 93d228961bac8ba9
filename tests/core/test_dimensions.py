"""Goal: revenue reaches the ERP broken down as its products say, one by one and summed, and nothing that was posted moves."""

from __future__ import annotations

from collections import Counter

import pytest
from contract_inbox import ROWS, Inbox
from core.summed_days import is_batch, with_grain
from msgspec.structs import replace

from tieout.agents import summing
from tieout.avro.canonical import content_hash
from tieout.avro.commands import JournalPost
from tieout.avro.control import ReferenceActivated, RevenueRun
from tieout.avro.reference import Dimension, ProductMapped
from tieout.streams.sample_events import DAY_ONE, activated
from tieout.tables.reference import Reference

PLATFORM = (Dimension("department", "400"), Dimension("class", "SAAS"))


def broken_down(rows, **products):
    """The rows, with these dimensions of these products."""
    return tuple(
        replace(row, dimensions=products[row.product.replace("-", "_")])
        if isinstance(row, ProductMapped) and row.product.replace("-", "_") in products
        else row
        for row in rows
    )


def version(rows, number, day, dimensions):
    """A later row of the first product."""
    row = next(each for each in rows if isinstance(each, ProductMapped) and each.product == product_of())
    return replace(
        row,
        header=replace(row.header, version=number, effective_date=day),
        dimensions=dimensions,
    )


def product_of() -> str:
    (line, *_) = activated().lines
    return line.product


def of_first_product(dimensions, rows=ROWS):
    return broken_down(rows, **{product_of().replace("-", "_"): dimensions})


def run(box, day) -> None:
    box.mark(RevenueRun(box.header(), None, "primary", day))


def lines(box):
    """(class, dimensions, debit less credit) of every line of the journals."""
    return [
        (line.account_class, line.dimensions, line.debit_minor - line.credit_minor)
        for command in box.said("erp_commands")
        if isinstance(command, JournalPost)
        for line in command.lines
    ]


def test_revenue_carries_the_dimensions_of_its_product_and_balances_of_the_arrangement_carry_none():
    box = Inbox(rows=of_first_product(PLATFORM))
    box.put(activated())
    run(box, DAY_ONE + 30)
    found = lines(box)
    assert {dimensions for name, dimensions, _ in found if name == "revenue"} == {
        ("class=SAAS", "department=400")
    }
    assert {dimensions for name, dimensions, _ in found if name != "revenue"} == {()}


def test_other_dimensions_count_from_their_day_on_and_what_is_posted_stays():
    rows = (
        *of_first_product(PLATFORM),
        version(ROWS, 2, DAY_ONE + 31, (Dimension("department", "500"),)),
    )
    box = Inbox(rows=rows)
    box.put(activated())
    run(box, DAY_ONE + 30)
    first = lines(box)
    run(box, DAY_ONE + 58)
    later = lines(box)[len(first) :]
    assert {each[1] for each in first if each[0] == "revenue"} == {("class=SAAS", "department=400")}
    assert {each[1] for each in later if each[0] == "revenue"} == {("department=500",)}


def test_of_two_values_of_a_name_the_last_counts():
    rows = of_first_product((*PLATFORM, Dimension("class", "CLOUD")))
    reference = Reference.of(rows, len(rows))
    assert reference.dimensions(product_of(), DAY_ONE) == ("class=CLOUD", "department=400")
    assert reference.dimensions("nobody's", DAY_ONE) == ()


def two_contracts(rows):
    """The second contract sells another product, which is broken down otherwise."""
    box = Inbox(rows=rows)
    other = activated(contract_id="K2", group_id="G2")
    (line, *_) = other.lines
    box.put(activated(), resealed(replace(other, lines=(replace(line, product=OTHER),))))
    run(box, DAY_ONE + 30)
    box.mark(ReferenceActivated(box.header(), len(rows)))
    return box


OTHER = "PLATFORM-PRO"


def resealed(event):
    return replace(event, envelope=replace(event.envelope, content_hash=content_hash(event)))


def summed(found):
    total: Counter = Counter()
    for name, dimensions, amount in found:
        total[name, dimensions] += amount
    return {key: amount for key, amount in total.items() if amount}


def test_a_batch_has_a_line_for_each_dimension_and_the_same_amounts_as_the_journals_that_it_sums():
    rows = broken_down(of_first_product(PLATFORM), PLATFORM_PRO=(Dimension("department", "500"),))
    one_by_one, batched = two_contracts(rows), two_contracts(with_grain(rows))
    assert all(is_batch(each) for each in batched.said("erp_commands") if isinstance(each, JournalPost))
    assert summed(lines(batched)) == summed(lines(one_by_one))
    by_dimension = [dimensions for name, dimensions, _ in lines(batched) if name == "revenue"]
    assert sorted(by_dimension) == [("class=SAAS", "department=400"), ("department=500",)]


def test_a_batch_of_more_lines_than_a_journal_takes_goes_without_dimensions_and_loses_no_cent(monkeypatch):
    rows = with_grain(broken_down(of_first_product(PLATFORM), PLATFORM_PRO=(Dimension("department", "500"),)))
    whole = two_contracts(rows)
    monkeypatch.setattr(summing, "JOURNAL_LINES_MAX", 2)
    folded = two_contracts(rows)
    assert {dimensions for _, dimensions, _ in lines(folded)} == {()}
    assert summed([(name, (), amount) for name, _, amount in lines(folded)]) == summed(
        [(name, (), amount) for name, _, amount in lines(whole)]
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_in_which_dimensions_are_published_does_not_matter(order):
    rows = of_first_product(PLATFORM[::order])
    assert Reference.of(rows, len(rows)).dimensions(product_of(), DAY_ONE) == ("class=SAAS", "department=400")
