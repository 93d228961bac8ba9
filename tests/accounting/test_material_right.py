"""Options that are material rights (606-10-55-42..45): what an exercise moves, and what it leaves alone."""

import datetime as dt
from decimal import Decimal

import pytest
from accounting.agreements import agreed, component, item, moves, performed, revenue, version
from golden.inbox import Inbox
from golden.scenario import Given

from tieout.agents.accounting.layers import fold

YEAR = ("2024-12-31", "2025-06-30", "2025-12-31", "2026-12-31")
SERVICE = item("S", "time", 2400, start="2025-01-01", end="2026-12-31")
OPTION = item("O", "drawdown", 600, end="2026-12-31")
TAKEN = item("T", "time", 1000, start="2025-07-01", end="2026-06-30")
OPENED = version(1, "2025-01-01", 2500, SERVICE, OPTION)


def takes(number, at, pool, *lines, exercised=("O",), drop=("O",), change=()):
    return version(
        number, at, pool, *lines, kind="renew", drop=drop, change=change, exercised=tuple(exercised)
    )


def shares(facts):
    return {share.po: (share.base, share.amount) for share in fold(facts).layers.steps[-1].shares}


def test_an_options_share_joins_the_price_of_what_is_taken_up_and_nothing_else_moves():
    found = shares(agreed([OPENED, takes(2, "2025-07-01", 700, TAKEN)]))
    assert found == {"S": (0, 2000), "O": (0, 0), "T": (0, 1200)}


def test_what_is_taken_up_shares_by_its_own_selling_prices():
    goods = item("G", "point", 500)
    found = shares(agreed([OPENED, takes(2, "2025-07-01", 1000, TAKEN, goods)]))
    assert (found["T"], found["G"]) == ((0, 1000), (0, 500))


def test_an_exercise_is_told_as_a_change_of_what_is_taken_up_alone():
    rebase = fold(agreed([OPENED, takes(2, "2025-07-01", 700, TAKEN)])).rebases[-1]
    assert (rebase.treatment, rebase.pool, rebase.members, rebase.missing) == (
        "prospective",
        1200,
        ("T",),
        "",
    )


def test_of_an_option_that_is_taken_up_in_part_the_rest_waits():
    option = item("O", "drawdown", 60, end="2026-12-31", qty=10, per="unit")
    facts = [version(1, "2025-01-01", 2500, SERVICE, option)]
    facts.append(takes(2, "2025-07-01", 100, TAKEN, drop=(), change=[("O", "qty", 7)]))
    assert shares(agreed(facts)) == {"S": (0, 2000), "O": (0, 350), "T": (0, 250)}
    facts.append(takes(3, "2025-08-01", 10, item("U", "point", 1)))
    assert shares(agreed(facts)) == {"S": (0, 2000), "O": (0, 0), "T": (0, 250), "U": (0, 360)}


def test_what_was_drawn_of_an_option_stays_its_own():
    option = item("O", "drawdown", 60, end="2026-12-31", qty=10, per="unit")
    facts = [version(1, "2025-01-01", 2500, SERVICE, option), takes(2, "2025-07-01", 100, TAKEN)]
    drawn = {"O": performed(consumed=[("2025-03-01", 4_000_000)])}
    assert shares(agreed(facts, done=drawn)) == {"S": (0, 2000), "O": (200, 0), "T": (0, 400)}
    late = {"O": performed(consumed=[("2025-07-01", 4_000_000)])}
    assert shares(agreed(facts, done=late))["O"] == (0, 0)


def test_of_an_option_that_was_drawn_in_part_the_rest_counts_by_what_is_left():
    option = item("O", "drawdown", 60, end="2026-12-31", qty=10, per="unit")
    facts = [version(1, "2025-01-01", 2500, SERVICE, option)]
    facts.append(takes(2, "2025-07-01", 0, TAKEN, drop=(), change=[("O", "qty", 7)]))
    drawn = {"O": performed(consumed=[("2025-03-01", 4_000_000), ("2025-09-01", 3_000_000)])}
    # 4 of 10 are 200; 3 of the 6 left are taken up, 150; the last 3 are drawn in September.
    assert shares(agreed(facts, done=drawn)) == {"S": (0, 2000), "O": (200, 150), "T": (0, 150)}
    assert revenue(agreed(facts, done=drawn), "2025-09-30")["O"] == 350


def test_an_option_that_lapsed_before_gives_nothing_and_one_that_lapses_later_is_revenue_then():
    facts = agreed([OPENED, takes(2, "2025-07-01", 700, TAKEN)], done={"O": performed(expired="2025-06-30")})
    assert shares(facts) == {"S": (0, 2000), "O": (500, 0), "T": (0, 700)}
    lapsed = agreed([OPENED], done={"O": performed(expired="2025-06-30")})
    assert moves(lapsed, *YEAR)[1]["O"] == 500


def test_an_estimate_of_the_first_price_reaches_what_is_taken_up_through_the_option():
    bonus = component("B", 1, "2025-09-01", 300)
    found = shares(agreed([OPENED, takes(2, "2025-07-01", 700, TAKEN)], [bonus]))
    assert found == {"S": (0, 2240), "O": (0, 0), "T": (0, 1260)}


def test_an_option_that_is_not_promised_any_more_gives_nothing():
    gone = version(2, "2025-06-01", 0, kind="amend", drop=("O",))
    found = shares(agreed([OPENED, gone, takes(3, "2025-07-01", 700, TAKEN)]))
    assert found["T"] == (0, 700)
    early = takes(2, "2025-07-01", 700, TAKEN, exercised=("O", "X"), drop=("O", "X"))
    assert shares(agreed([OPENED, early]))["T"] == (0, 1200)


def test_a_usage_line_alone_takes_an_options_share_at_once():
    usage = item("U", "amount", None, amount_of="usage", unit_price=1)
    found = shares(agreed([OPENED, takes(2, "2025-07-01", 0, usage)]))
    assert found == {"S": (0, 2000), "O": (500, 0)}


# Through the event interface.

JULY = dt.date(2025, 7, 1)
ACTIVATED = {
    "at": dt.date(2025, 1, 1),
    "type": "contract_activated",
    "price": 2500,
    "lines": [
        {"po": "S", "measure": "time", "from": dt.date(2025, 1, 1), "to": dt.date(2026, 12, 31), "ssp": 2400},
        {"po": "O", "measure": "drawdown", "qty": 10, "ssp": 600},
        {"po": "U", "measure": "usage", "meter": "m", "unit_price": 1},
    ],
}


def line(po="T", **fields):
    return {"po": po, "measure": "time", "from": JULY, "to": dt.date(2026, 6, 30), "ssp": 1000, **fields}


def renewed(*lines, at=JULY, **fields):
    stated = {"at": at, "type": "contract_renewed", "price": 700, "exercises": ["O"]}
    return {**stated, "lines": list(lines), **fields}


def told(*events):
    given = Given({"events": [ACTIVATED, *events], "expect": {}})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def codes(*events):
    return [code for code, _ in told(*events).refusals]


def test_a_renewal_that_names_an_option_takes_all_of_it_unless_it_is_for_less():
    whole = told(renewed(line(qty=10))).state.facts.terms[-1]
    part = told(renewed(line(qty=4))).state.facts.terms[-1]
    assert (whole.drop, whole.change, whole.more.exercised) == (("O",), (), ("O",))
    assert (part.drop, [(each.field, each.value) for each in part.change]) == ((), [("qty", 6)])
    several = told(renewed(line(qty=4), line("V", qty=4))).state.facts.terms[-1]
    assert several.drop == ("O",)


def test_a_renewal_goes_on_in_the_arrangement_that_holds_the_option():
    inbox = told(renewed(line()))
    assert [each.id for each in inbox.state.group.arrangements] == ["C1@1"]
    (decided,) = inbox.recorded
    inputs = {each.name: each.value for each in decided.inputs}
    assert (decided.treatment, inputs["pool"]) == ("prospective", "75000")
    assert "606-10-55-42..44" in decided.reasons


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (renewed(line(), exercises=["X"]), "EVIDENCE_UNKNOWN_PO"),
        (renewed(line(), exercises=["O", "O"]), "VALUE_INVALID"),
        (renewed(line(), exercises=["U"]), "VALUE_INVALID"),
        (renewed({"po": "M", "measure": "usage", "meter": "n", "unit_price": 1}, price=0), "VALUE_INVALID"),
        (renewed(line("S")), "VALUE_INVALID"),
        (renewed(line(qty=Decimal("0.5"))), "VALUE_INVALID"),
        (renewed(line(), at=dt.date(2024, 12, 31)), "DATES_INVALID"),
        (renewed(line(), approved=None), "MOD_PENDING"),
        (renewed(line(ssp=0), line("V")), "SSP_MISSING"),
    ],
    ids=["unknown", "twice", "usage", "nothing taken", "known line", "finer", "before", "pending", "no SSP"],
)
def test_what_takes_up_no_option_is_refused_by_name(event, code):
    assert codes(event) == [code]


def test_an_option_is_taken_up_once_and_not_before_it_is_promised():
    again = renewed(line("V"), at=dt.date(2025, 8, 1))
    assert codes(renewed(line(qty=10)), again) == ["MOD_UNSUPPORTED"]
    adds = {"at": dt.date(2025, 9, 1), "type": "contract_amended", "price_change": 10}
    option = {"po": "P", "measure": "drawdown", "ssp": 100}
    assert codes({**adds, "add": [option]}, renewed(line(), exercises=["P"])) == ["DATES_INVALID"]


def test_an_option_that_a_later_dated_version_took_up_is_not_taken_up_before():
    later = renewed(line(qty=4), at=dt.date(2025, 8, 1))
    assert codes(later, renewed(line("V", qty=2))) == ["MOD_OVERLAP"]


def test_a_renewal_with_a_right_that_names_none_takes_what_has_not_begun():
    later = {"po": "R", "measure": "time", "from": dt.date(2026, 1, 1), "to": dt.date(2026, 12, 31), "ssp": 5}
    added = {"at": dt.date(2025, 3, 1), "type": "contract_amended", "price_change": 1, "add": [later]}
    inbox = told(added, renewed(line(), exercises=[], material_right=True))
    assert inbox.state.facts.terms[-1].drop == ("R",)
    inbox = told(renewed(line(), exercises=[], material_right=True, price=1000))
    assert (inbox.state.facts.terms[-1].treatment, inbox.state.facts.terms[-1].more) == ("prospective", None)


def test_a_renewal_at_another_price_shares_what_is_left_and_at_its_own_stands_alone():
    below = told(renewed(line(), exercises=[], price=800)).state
    assert below.facts.terms[-1].arrangement == "C1@1"
    steps = {share.po: share for share in below.layers[0].steps[-1].shares}
    # 1,500 + 500 + 800 over 1,800, 600 and 1,000.
    assert (steps["S"].amount, steps["O"].amount, steps["T"].amount) == (148235, 49412, 82353)
    alone = told(renewed(line(), exercises=[], price=1000)).state
    assert alone.facts.terms[-1].arrangement == "C1@2"


def test_what_a_renewal_at_another_price_shares_with_has_a_selling_price():
    assert codes(renewed(line(ssp=0), exercises=[], price=800)) == ["SSP_MISSING"]
