"""Changes that are asked for, estimated, approved and priced (606-10-25-10, 25-11): what is known of each."""

from accounting.agreements import component, day, item, version
from accounting.billing import CONTRACT, group
from msgspec.structs import replace

from tieout.agents.accounting.alerts import NOT_APPROVED, standing
from tieout.agents.accounting.change_orders import (
    APPROVED,
    FINAL,
    approved_on,
    change_order_id,
    estimate_of_id,
    estimates_of,
    final_price,
    open_price_id,
    pending,
)

SIGNED = version(1, "2025-01-01", 1200, item("S", "time", start="2025-01-01", end="2025-12-31"))
SECOND, THIRD = change_order_id("C1", 2, ""), change_order_id("C1", 3, "")
OF_SCOPE = change_order_id("C1", None, "fence")


def told(name, rank, at, amount=0):
    return component(name, rank, at, amount, "none")


def stating(*components, watermark=1):
    state = group(SIGNED, components=tuple(sorted(components, key=lambda each: (each.id, each.version))))
    contract = replace(CONTRACT, watermark=watermark)
    return replace(state, group=replace(state.group, contracts=(contract,)))


def test_what_is_known_of_changes_never_stands_under_one_name():
    names = {SECOND, THIRD, OF_SCOPE, change_order_id("C1", None, "@2"), change_order_id("C2", 2, "")}
    names |= {
        estimate_of_id("C1", 2),
        estimate_of_id("C1", 3),
        open_price_id("C1", 2),
        open_price_id("C2", 2),
    }
    assert len(names) == 9
    assert change_order_id("C1", 2, "fence") == SECOND


def test_a_change_waits_until_it_is_approved():
    asked = told(SECOND, 1, "2025-02-01", 300)
    assert list(pending(stating(asked))) == [("C1", "@2", "C1@1", 300)]
    assert list(pending(stating(asked, told(SECOND, 2, "2025-03-01", 250)))) == [("C1", "@2", "C1@1", 250)]
    assert list(pending(stating(asked, told(SECOND, APPROVED, "2025-03-01")))) == []
    assert list(pending(stating(asked, told(SECOND, APPROVED - 1, "2025-03-01")))) == [
        ("C1", "@2", "C1@1", 0)
    ]


def test_a_change_that_was_accepted_as_a_version_waits_no_more():
    asked = told(THIRD, 1, "2025-02-01", 300)
    assert len(list(pending(stating(asked, watermark=2)))) == 1
    assert list(pending(stating(asked, watermark=3))) == []
    assert list(pending(stating(asked, watermark=4))) == []
    elsewhere = told(change_order_id("C9", 3, ""), 1, "2025-02-01", 300)
    assert [each.contract for each in pending(stating(elsewhere, watermark=4))] == ["C9"]


def test_a_scope_has_no_version_that_accepts_it():
    assert list(pending(stating(told(OF_SCOPE, 1, "2025-02-01", 70), watermark=9))) == [
        ("C1", "scope fence", "C1@1", 70)
    ]


def test_each_change_waits_for_itself_and_estimates_and_prices_are_none():
    known = [
        told(SECOND, 1, "2025-02-01", 300),
        told(SECOND, APPROVED, "2025-02-01"),
        told(estimate_of_id("C1", 3), 1, "2025-02-01", 10),
        told(open_price_id("C1", 3), 1, "2025-02-01", 10),
        told(OF_SCOPE, 1, "2025-02-01", 70),
    ]
    assert [each.name for each in pending(stating(*known))] == ["scope fence"]
    (alert,) = [each for each in standing(stating(*known)) if each.code == NOT_APPROVED]
    assert (alert.fact, alert.arrangement, alert.amount) == ("C1/scope fence", "C1@1", 70)
    assert "'scope fence'" in alert.detail


def test_a_version_is_approved_on_the_first_day_on_which_one_approves_it():
    known = [
        told(SECOND, 1, "2025-02-01"),
        told(SECOND, APPROVED, "2025-05-01"),
        told(SECOND, APPROVED + 1, "2025-04-01"),
        told(THIRD, APPROVED, "2025-01-01"),
    ]
    assert approved_on(stating(*known), "C1", 2) == day("2025-04-01")
    assert approved_on(stating(known[0]), "C1", 2) is None
    assert approved_on(stating(*known), "C2", 2) is None
    assert approved_on(stating(), "C1", 2) is None


def test_estimates_of_a_version_are_its_own():
    own = [told(estimate_of_id("C1", 2), rank, "2025-02-01", rank) for rank in (1, 2)]
    other = told(estimate_of_id("C1", 3), 1, "2025-02-01", 5)
    assert list(estimates_of(stating(*own, other), "C1", 2)) == own


def test_the_final_price_is_the_latest_that_is_final_and_none_is_none():
    opened = version(2, "2025-03-01", 0)
    name = open_price_id("C1", 2)
    known = [
        told(name, 5, "2025-03-01", 999),
        told(name, FINAL, "2025-04-01", 300),
        told(name, FINAL + 1, "2025-04-01", 280),
        told(open_price_id("C1", 3), FINAL + 7, "2025-04-01", 1),
    ]
    assert final_price(stating(*known), opened) == 280
    assert final_price(stating(*known[:2]), opened) == 300
    assert final_price(stating(known[0]), opened) == 0
