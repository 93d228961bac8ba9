"""The oracle against figures that others worked out: examples of ASC 606, vendors' pages, rules done by hand."""

from decimal import Decimal
from fractions import Fraction

import pytest
from oracle.contract_facts import Dated
from oracle.fold import Books
from oracle.saying import Told, day, line, minor

YEAR = ("2025-01-01", "2025-12-31")
ENDS = [
    f"2025-{month:02}-{last}"
    for month, last in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1)
]


def exactly(amount):
    return pytest.approx(float(Decimal(str(amount))), abs=1e-9)


def annual(price=12_000, **more):
    """12,000 for 2025, ten seats at an SSP of 100 a month."""
    return Told().activated(
        YEAR[0], price, line("SEAT", "time", *YEAR, qty=10, ssp=100, ssp_per="month", **more)
    )


def monthly(told):
    before = ["2024-12-31", *ENDS]
    return [float(told.revenue_between(eve, end)) for eve, end in zip(before, ENDS, strict=False)]


def test_added_goods_at_their_price_are_a_contract_of_their_own():  # ASC 606 example 5A
    told = Told().activated("2025-01-01", 12_000, line("A", "units", qty=120, ssp=100, ssp_per="unit"))
    told.delivered("2025-03-31", "A", 60)
    told.amended("2025-04-01", 2_850, add=(line("B", "units", qty=30, ssp=95, ssp_per="unit", price=2_850),))
    told.delivered("2025-05-31", "A", 60).delivered("2025-06-30", "B", 30)
    assert [book.facts.id for book in told.books()] == ["C1@1", "C1@2"]
    assert told.shares("2025-06-30") == {"A": 12_000, "B": 2_850}
    assert [float(told.revenue(end)) for end in ENDS[2:6]] == [6_000, 6_000, 12_000, 14_850]


def test_added_goods_below_their_price_share_the_pool_and_a_defect_is_paid_for_at_once():  # example 5B
    told = Told().activated("2025-01-01", 12_000, line("A", "units", qty=120, ssp=100, ssp_per="unit"))
    told.delivered("2025-03-31", "A", 60)
    added = (line("B", "units", qty=30, ssp=95, ssp_per="unit", price=1_500),)
    told.amended("2025-04-01", 1_500, past_credit=900, add=added, ssp={"A": 95})
    told.delivered("2025-05-31", "A", 1).delivered("2025-06-30", "A", 59).delivered("2025-07-31", "B", 30)
    assert told.shares("2025-04-01") == {"A": 10_700, "B": 2_800}
    assert told.revenue_between("2025-03-31", "2025-04-30") == -900
    assert float(told.revenue_between("2025-04-30", "2025-05-31")) == exactly(93.33)
    assert told.on("2025-04-30").price == minor(13_500)


def test_a_bonus_for_an_old_version_flows_through_the_new_one():  # example 6, until the modification
    told = Told().activated("2020-07-01", 1_000, line("X", "point"), line("Y", "point"))
    told.delivered("2020-07-01", "X").amended("2020-11-30", 300, add=(line("Z", "point", price=300),))
    told.delivered("2021-03-31", "Y").delivered("2021-06-30", "Z")
    arrangement = told.books()[0].facts
    arrangement.reductions.append(Dated(day("2020-07-01"), "V1", Fraction(20_000)))
    shares = Books(arrangement).shares(day("2020-11-30"))
    assert {po: share.before + share.now for po, share in shares.items()} == {
        "X": 60_000,
        "Y": 45_000,
        "Z": 45_000,
    }


def test_blend_and_extend_spreads_the_rest_over_the_longer_term():  # example 7
    told = Told().activated("2021-01-01", 300_000, line("S", "time", "2021-01-01", "2023-12-31", ssp=100_000))
    told.amended("2023-01-01", 180_000, change={"S": {"to": "2026-12-31"}})
    yearly = [float(told.revenue_between(f"{y - 1}-12-31", f"{y}-12-31")) for y in range(2021, 2027)]
    assert yearly == [100_000, 100_000, 70_000, 70_000, 70_000, 70_000]


def ramp():
    return (
        Told()
        .activated(
            "2025-01-01",
            570_000,
            line("SUB", "time", "2025-01-01", "2027-12-31", ssp=540_000),
            line("IMP", "time", "2025-01-01", "2025-03-31", ssp=60_000),
        )
        .invoiced("2025-01-01", 150_000)
        .invoiced("2026-01-01", 180_000)
    )


@pytest.mark.parametrize(
    ("on", "due", "revenue", "liability", "asset"),
    [
        ("2025-01-31", 150_000, 33_250, 116_750, 0),
        ("2025-06-30", 150_000, 142_500, 7_500, 0),
        ("2025-07-31", 150_000, 156_750, 0, 6_750),
        ("2025-12-31", 150_000, 228_000, 0, 78_000),
        ("2026-01-31", 330_000, 242_250, 87_750, 0),
    ],
)
def test_a_ramp_turns_from_liability_into_asset_and_back(on, due, revenue, liability, asset):
    balance = ramp().on(on)
    assert (balance.due, balance.revenue) == (minor(due), minor(revenue))
    assert (balance.contract_liability, balance.contract_asset) == (minor(liability), minor(asset))


def test_a_cancelled_ramp_keeps_its_asset_until_the_fee_is_invoiced():
    told = ramp().cancelled("2026-09-01", -240_000, fee=12_000).invoiced("2026-10-05", 12_000)
    before, after, billed = told.on("2026-08-31"), told.on("2026-09-30"), told.on("2026-10-31")
    assert before.contract_asset == after.contract_asset == minor(12_000)
    assert after.price == after.revenue == minor(342_000)
    assert (billed.contract_asset, billed.contract_liability, billed.refund_liability) == (0, 0, 0)


def test_seats_added_in_the_middle_of_a_month_share_the_pool_from_that_day():
    told = annual().invoiced("2025-01-01", 12_000)
    seats = line("ADD", "time", "2025-04-16", YEAR[1], qty=5, ssp=100, ssp_per="month", price=3_400)
    told.amended("2025-04-16", 3_400, add=(seats,))
    assert told.shares("2025-04-16") == {"SEAT": exactly(11_433.33), "ADD": exactly(3_966.67)}
    assert monthly(told)[3:6] == [1_200, 1_400, 1_400]
    assert told.on("2025-04-15").revenue == minor(3_500)


def test_the_same_by_days():
    told = Told().activated(
        YEAR[0], 12_000, line("SEAT", "time", *YEAR, qty=10, ssp=100, ssp_per="day", convention="days")
    )
    more = line(
        "ADD", "time", "2025-04-16", YEAR[1], qty=5, ssp=100, ssp_per="day", price=3_400, convention="days"
    )
    told.amended("2025-04-16", 3_400, add=(more,))
    assert told.on("2025-04-15").revenue == minor(3_452.05)
    assert monthly(told)[3] == exactly(1_182.46)


def test_what_is_approved_late_counts_from_its_approval():
    told = annual()
    seats = line("ADD", "time", "2025-03-01", YEAR[1], qty=5, ssp=100, ssp_per="month", price=4_000)
    told.amended("2025-05-10", 4_000, effective="2025-03-01", add=(seats,))
    assert told.shares("2025-05-31") == {"SEAT": exactly(12_096.77), "ADD": exactly(3_903.23)}
    assert monthly(told)[2:6] == [1_000, 1_000, exactly(1_368.20), exactly(1_518.83)]


def test_seats_added_at_their_price_are_netted_apart():
    told = annual().invoiced("2025-01-01", 6_000, "SEAT")
    seats = line("ADD", "time", "2025-10-01", YEAR[1], qty=4, ssp=100, ssp_per="month", price=1_200)
    told.amended("2025-10-01", 1_200, add=(seats,)).invoiced("2025-10-01", 1_200, "ADD")
    old, new = told.on("2025-10-31", 0), told.on("2025-10-31", 1)
    assert (old.contract_asset, old.contract_liability) == (minor(4_000), 0)
    assert (new.contract_asset, new.contract_liability) == (0, minor(800))


@pytest.mark.parametrize(
    ("reason", "april", "may", "june"),
    [
        ("concession_past", 1_000, 400, 1_000),
        ("future_discount", 1_000, 968.56, 918.77),
        ("refund_proportional", 1_000, 750, 950),
        ("billing_error", 1_000, 1_000, 1_000),
        (None, 1_000, 1_000, 1_000),
    ],
)
def test_a_credit_moves_the_price_as_its_reason_says(reason, april, may, june):
    told = annual().invoiced("2025-01-01", 12_000).credited("2025-05-20", 600, reason)
    assert monthly(told)[3:6] == [april, exactly(may), exactly(june)]
    assert told.on("2025-05-31").due == minor(11_400)


def test_a_concession_leaves_the_liability_of_the_months_to_come():
    told = annual().invoiced("2025-01-01", 12_000).credited("2025-05-20", 600, "concession_past")
    assert told.on("2025-05-31").contract_liability == minor(7_000)


def test_a_refund_promised_at_cancellation_is_a_refund_liability_until_it_is_credited():
    told = annual().invoiced("2025-01-01", 12_000).cancelled("2025-06-01", -7_000)
    assert monthly(told)[4:7] == [1_000, 0, 0]
    assert (told.on("2025-06-30").refund_liability, told.on("2025-06-30").contract_liability) == (
        minor(7_000),
        0,
    )
    told.credited("2025-07-10", 7_000, "settles_modification", version=2)
    assert told.on("2025-07-31").refund_liability == told.on("2025-07-31").contract_liability == 0
    assert told.on("2025-07-31").due == told.on("2025-07-31").revenue == minor(5_000)


def test_a_cancellation_without_refund_earns_the_rest_at_once_or_until_access_ends():
    at_once = annual().invoiced("2025-01-01", 12_000).cancelled("2025-06-01")
    assert monthly(at_once)[4:7] == [1_000, 7_000, 0]
    later = annual().invoiced("2025-01-01", 12_000).cancelled("2025-06-01", -4_000, access_end="2025-08-31")
    assert monthly(later)[4:9] == [1_000, 1_000, 1_000, 1_000, 0]
    june = later.on("2025-06-30")
    assert (june.refund_liability, june.contract_liability) == (minor(4_000), minor(2_000))


def test_a_price_cut_in_a_closed_month_gives_a_refund_liability():  # figures of the closed-period case
    told = annual().invoiced("2025-01-01", 12_000).amended("2025-03-01", -1_200)
    march = told.on("2025-03-31")
    assert told.revenue_between("2025-02-28", "2025-03-31") == 880
    assert march.refund_liability == minor(1_200)
    assert march.contract_liability == minor(12_000 - 2_880 - 1_200)
    assert told.revenue("2025-12-31") == 10_800


def test_a_deposit_counts_as_due_and_the_invoice_takes_the_rest():
    told = Told().activated("2025-01-10", 10_000, line("G", "point")).paid("2025-01-10", 3_000)
    told.delivered("2025-02-10", "G").invoiced("2025-02-10", 7_000)
    assert told.on("2025-01-31").contract_liability == minor(3_000)
    assert told.on("2025-02-28").contract_liability == told.on("2025-02-28").contract_asset == 0
    assert told.on("2025-02-28").due == told.on("2025-02-28").revenue == minor(10_000)


def test_a_payment_of_the_gross_amount_leaves_no_advance():
    told = Told().activated("2025-01-15", 27.90, line("F", "point")).invoiced("2025-01-15", 27.90, tax=3.10)
    told.paid("2025-01-20", 31)
    assert (told.on("2025-01-31").due, told.on("2025-01-31").advances) == (minor(27.90), 0)


def test_a_contract_asset_waits_for_the_invoice():  # example 39, with an invoice as the right
    told = Told().activated("2025-01-01", 1_000, line("A", "point", ssp=400), line("B", "point", ssp=600))
    told.delivered("2025-01-31", "A").delivered("2025-02-28", "B").invoiced("2025-02-28", 1_000)
    assert told.on("2025-01-31").contract_asset == minor(400)
    assert told.on("2025-02-28").contract_asset == 0


def test_usage_is_revenue_of_its_own_day_outside_the_allocation():
    told = annual()
    told.events[0] = (
        Told()
        .activated(YEAR[0], 12_000, *told.events[0].lines, line("USE", "amount", *YEAR, meter="calls"))
        .events[0]
    )
    told.used("2025-02-28", "calls", 3_000)
    assert monthly(told)[:3] == [1_000, 4_000, 1_000]
    assert told.on("2025-02-28").price == minor(15_000)


def test_a_renewal_at_its_price_leaves_the_old_term_alone():
    told = Told().activated(
        "2025-01-01", 1_200, line("R1", "time", "2025-01-01", "2025-06-30", ssp=200, ssp_per="month")
    )
    told.renewed(
        "2025-07-01",
        1_200,
        line("R2", "time", "2025-07-01", "2025-12-31", ssp=200, ssp_per="month", price=1_200),
    )
    assert [book.facts.id for book in told.books()] == ["C1@1", "C1@2"]
    assert monthly(told) == [200] * 12


def test_three_equal_obligations_give_the_odd_cent_to_the_first():
    told = Told().activated("2025-01-01", 100, line("A", "point"), line("B", "point"), line("C", "point"))
    assert told.shares("2025-01-31") == {"A": exactly(33.34), "B": exactly(33.33), "C": exactly(33.33)}


def test_hardware_and_support_share_the_price_by_what_they_cost_alone():  # Dynamics 365, reallocation
    told = Told().activated(
        "2025-01-01", 1_199, line("LAPTOP", "point", ssp=1_583.33), line("SUPPORT", "time", *YEAR, ssp=300)
    )
    assert told.shares("2025-01-31") == {"LAPTOP": exactly(1_008.01), "SUPPORT": exactly(190.99)}
