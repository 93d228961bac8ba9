"""When control of goods passes: by incoterm, held, accessed, accepted, returned. Method: evidence by hand."""

import pytest
from accounting.agreements import CAUSE, ONE, day, item

from tieout.agents.accounting.performance import performance_of
from tieout.agents.accounting.progress import earned, progress, satisfied
from tieout.agents.accounting.standing import blank
from tieout.agents.accounting.transfer import WHOLE, moved_of, opened_of, passes, returned_of
from tieout.tables.facts import Evidence


def facts(*stated):
    """Evidence from (kind, day, quantity, estimate)."""
    return [
        Evidence(f"e{place}", "C1", "G", day(at), qty * ONE, CAUSE, kind=kind, estimate="".join(more))
        for place, (kind, at, qty, *more) in enumerate(stated)
    ]


def moved(promise, *stated):
    found = moved_of(promise, facts(*stated))
    return dict(zip(found.days, found.through, strict=True))


def fraction(promise, on, *stated):
    part, whole = progress(
        blank(promise, day("2025-01-01")), performance_of(promise, facts(*stated), None, ()), day(on)
    )
    return part / whole


def goods(qty=10, **special):
    return item("G", "units", qty=qty, **special)


@pytest.mark.parametrize(
    ("incoterm", "kinds"),
    [(None, {"shipped", "delivered"}), ("shipping_point", {"shipped"}), ("destination", {"delivered"})],
)
def test_an_incoterm_says_what_passes_control(incoterm, kinds):
    promise = goods(incoterm=incoterm, distinct=True)
    everything = (
        "shipped",
        "delivered",
        "returned",
        "held",
        "access",
        "accepted",
        "rejected",
        "milestone",
        "partial",
    )
    assert {kind for kind in everything if passes(promise, kind)} == kinds


def test_goods_sent_to_a_destination_pass_there():
    sent = [("shipped", "2025-03-28", 10), ("delivered", "2025-04-02", 10)]
    assert moved(goods(incoterm="destination"), *sent) == {day("2025-04-02"): 10 * ONE}
    assert moved(goods(incoterm="shipping_point"), *sent) == {day("2025-03-28"): 10 * ONE}


def test_without_an_incoterm_shipments_and_deliveries_add_up():
    sent = [("shipped", "2025-03-28", 4), ("delivered", "2025-04-02", 3)]
    assert moved(goods(), *sent) == {day("2025-03-28"): 4 * ONE, day("2025-04-02"): 7 * ONE}


def test_goods_that_are_held_pass_once_also_when_they_leave():
    sent = [("held", "2025-03-01", 6), ("shipped", "2025-04-01", 4), ("shipped", "2025-05-01", 6)]
    assert moved(goods(), *sent) == {day("2025-03-01"): 6 * ONE, day("2025-05-01"): 10 * ONE}


def test_units_that_come_back_are_taken_off_unless_the_price_expected_them():
    sent = [("shipped", "2025-03-01", 10), ("returned", "2025-04-01", 2), ("returned", "2025-04-02", 3, "V1")]
    assert moved(goods(), *sent) == {day("2025-03-01"): 10 * ONE, day("2025-04-01"): 8 * ONE}
    assert not returned_of(goods(), facts(*sent)).days


def test_access_to_a_point_is_its_transfer_and_to_units_is_not():
    assert moved(item("G", "point"), ("access", "2025-03-01", 0)) == {day("2025-03-01"): WHOLE}
    assert moved(goods(), ("access", "2025-03-01", 0)) == {}


def test_a_milestone_that_is_all_of_a_point_is_its_transfer_and_opens_no_gate():
    point, reached = item("G", "point", qty=3), ("milestone", "2025-03-01", 0)
    assert moved(point, ("partial", "2025-02-01", 0)) == {}
    assert moved(point, ("partial", "2025-02-01", 0), reached) == {day("2025-03-01"): WHOLE}
    assert moved(goods(), reached) == {}
    for gate in ("access", "acceptance"):
        assert opened_of(item("G", "point", gate=gate), facts(reached)) is None


@pytest.mark.parametrize(
    ("gate", "opens"), [("none", None), ("access", "2025-03-02"), ("acceptance", "2025-03-04")]
)
def test_a_gate_opens_on_the_first_day_of_its_own_evidence(gate, opens):
    stated = [
        ("rejected", "2025-03-01", 0), ("access", "2025-03-03", 0), ("access", "2025-03-02", 0),
        ("accepted", "2025-03-05", 0), ("accepted", "2025-03-04", 0),
    ]  # fmt: skip
    assert opened_of(goods(gate=gate, distinct=True), facts(*stated)) == (day(opens) if opens else None)
    assert opened_of(goods(), facts(*stated)) is None


def test_a_point_counts_with_all_of_it_there_accepted_and_begun():
    promise = item("G", "point", qty=3, gate="acceptance", start="2025-02-01")
    sent = [("delivered", "2025-01-10", 2), ("delivered", "2025-01-20", 1), ("accepted", "2025-01-25", 0)]
    assert fraction(promise, "2025-01-31", *sent) == 0
    assert fraction(promise, "2025-02-01", *sent) == 1
    assert fraction(promise, "2025-12-31", *sent[:2]) == 0
    assert fraction(promise, "2025-12-31", *sent[1:]) == 0


def test_what_comes_back_of_a_point_takes_back_its_part_and_may_come_again():
    promise = item("G", "point", qty=4)
    sent = [("shipped", "2025-01-10", 4), ("returned", "2025-02-10", 1), ("shipped", "2025-03-10", 1)]
    assert [fraction(promise, on, *sent) for on in ("2025-01-31", "2025-02-28", "2025-03-31")] == [1, 0.75, 1]
    done = performance_of(promise, facts(*sent), None, ())
    assert not satisfied(blank(promise, 0), done, day("2025-02-28"))


def test_access_transfers_a_point_however_much_of_it_there_is():
    assert fraction(item("G", "point", qty=9_000_000), "2025-03-01", ("access", "2025-03-01", 0)) == 1


def test_service_behind_a_gate_begins_when_it_opens_and_is_never_earned_before():
    promise = item(
        "G", "time", start="2025-01-01", end="2025-04-30", convention="months_prorated", gate="access"
    )
    share = blank(promise, day("2025-01-01"))
    done = performance_of(promise, facts(("access", "2025-03-01", 0)), None, ())
    whole = type(share)(
        *[getattr(share, name) if name != "amount" else 600 for name in share.__struct_fields__]
    )
    assert [earned(whole, done, day(on)) for on in ("2025-02-28", "2025-03-31", "2025-04-30")] == [
        0,
        300,
        600,
    ]
    assert earned(whole, performance_of(promise, (), None, ()), day("2025-12-31")) == 0
