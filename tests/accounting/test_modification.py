"""Rows 13 to 18 of the decision table: who is re-based, who catches up, and where a change of the price goes."""

import pytest
from accounting.agreements import agreed, component, item, moves, performed, revenue, treatments, version

from tieout.agents.accounting.agreed import Sets
from tieout.agents.accounting.layers import assumed_in, fold, treatments_of
from tieout.agents.accounting.modification import label, price_by_set, sets_of, sharing
from tieout.agents.accounting.rebasing import blank
from tieout.agents.accounting.standing import Standing, restated

SUB = item("SUB", "time", start="2025-01-01", end="2025-12-31")
ONE_THING = item("OWN", "time", start="2025-01-01", end="2025-12-31", distinct=False)
LINES = {"SUB": SUB, "INST": item("INST", "cost"), "POINT": item("POINT", "point"), "OWN": ONE_THING}
BOTH = Sets(("SUB",), ("INST",))
TWO = Sets((), ("INST", "OWN"))
ADDED = item("NEW", "time", start="2025-04-01", end="2025-12-31")


def standing(**lines):
    return {po: Standing(line, blank(line, 0), 1, 1) for po, line in lines.items()}


def sets(unsatisfied, **stated):
    return sets_of(version(2, "2025-04-01", **stated), standing(**LINES), unsatisfied)


def test_each_obligation_goes_by_its_own_flag_or_by_its_measure():
    assert sets(LINES) == Sets(("POINT", "SUB"), ("INST", "OWN"))
    assert sets(["SUB"]) == Sets(("SUB",), ())
    assert sets([]) == Sets((), ())


def test_what_the_version_says_is_for_the_lines_it_touches_and_for_all_where_it_touches_none():
    assert sets(LINES, distinct=False) == Sets((), ("INST", "OWN", "POINT", "SUB"))
    assert sets(LINES, distinct=True) == Sets(("INST", "OWN", "POINT", "SUB"), ())
    priced = sets(LINES, distinct=False, line_prices={"SUB": 5})
    assert priced == Sets(("POINT",), ("INST", "OWN", "SUB"))
    changed = sets(LINES, distinct=True, change=[("INST", "qty", 1)])
    assert changed == Sets(("INST", "POINT", "SUB"), ("OWN",))


def test_what_is_removed_is_no_work_that_goes_on():
    assert sets(["INST", "SUB"], drop=["INST"]) == Sets(("INST", "SUB"), ())


@pytest.mark.parametrize("kind", ["cancel", "price_only", "relief"])
def test_what_ends_or_is_priced_for_the_future_leaves_everything_that_was_earned(kind):
    assert sets(LINES, kind=kind) == Sets(("INST", "OWN", "POINT", "SUB"), ())


def test_a_pause_re_bases_service_and_leaves_other_work_alone():
    assert sets(LINES, kind="suspend") == Sets(("OWN", "POINT", "SUB"), ("INST",))


def test_what_shares_is_distinct_and_goes_on_or_is_added():
    usage = item("USE", "amount")
    terms = version(2, "2025-04-01", 0, ADDED, usage, drop=["SUB"])
    assert sharing(terms, Sets(("POINT", "SUB"), ("INST",))) == ("POINT", "NEW")


@pytest.mark.parametrize(
    ("found", "more", "treatment"),
    [
        (Sets(("SUB",), ()), {}, "prospective"),
        (Sets((), ()), {}, "prospective"),
        (Sets((), ("INST",)), {}, "catch_up"),
        (BOTH, {}, "mixed"),
        (BOTH, {"drop": ["SUB"]}, "catch_up"),
        (BOTH, {"kind": "suspend"}, "prospective"),
        (BOTH, {"kind": "resume"}, "prospective"),
    ],
)
def test_the_treatment_in_one_word(found, more, treatment):
    assert label(version(2, "2025-04-01", **more), found) == treatment


def test_an_added_line_shares_and_added_usage_does_not():
    assert label(version(2, "2025-04-01", 0, ADDED), Sets((), ("INST",))) == "mixed"
    assert label(version(2, "2025-04-01", 0, item("USE", "amount")), Sets((), ("INST",))) == "catch_up"


SPLITS = {
    "nobody catches up": (Sets(("SUB",), ()), {"line_prices": {"SUB": 7}}, (90, {}, "")),
    "one catches up": (Sets((), ("INST",)), {}, (0, {"INST": 90}, "")),
    "one catches up, stated in part": (
        Sets((), ("INST",)), {"line_prices": {"INST": 40}}, (0, {"INST": 90}, "")),
    "two catch up and nothing is stated": (TWO, {}, (0, {"INST": 90}, "MOD_SPLIT_MISSING")),
    "two catch up, one is stated": (TWO, {"line_prices": {"OWN": 40}}, (0, {"OWN": 40, "INST": 50}, "")),
    "two catch up, one is touched": (TWO, {"change": [("OWN", "qty", 2)]}, (0, {"OWN": 90}, "")),
    "both kinds and nothing is touched": (BOTH, {}, (90, {}, "MOD_SPLIT_MISSING")),
    "both kinds, both stated": (BOTH, {"line_prices": {"INST": 100, "SUB": -10}}, (-10, {"INST": 100}, "")),
    "both kinds, the one that catches up stated": (BOTH, {"line_prices": {"INST": 30}}, (60, {"INST": 30}, "")),
    "both kinds, the one that shares stated": (BOTH, {"line_prices": {"SUB": 30}}, (30, {"INST": 60}, "")),
    "both kinds, the one that catches up touched": (BOTH, {"change": [("INST", "qty", 2)]}, (0, {"INST": 90}, "")),
    "both kinds, the one that shares touched": (BOTH, {"change": [("SUB", "qty", 2)]}, (90, {}, "")),
    "both kinds touched": (
        BOTH, {"change": [("SUB", "qty", 2), ("INST", "qty", 2)]}, (90, {}, "MOD_SPLIT_MISSING")),
    "a line is removed": (BOTH, {"drop": ["SUB"]}, (90, {}, "")),
    "three, one stated, two open": (
        Sets(("SUB",), ("INST", "OWN")), {"line_prices": {"INST": 30}}, (60, {"INST": 30}, "MOD_SPLIT_MISSING")),
    "all is stated, and does not add up": (
        BOTH, {"line_prices": {"INST": 30, "SUB": 20}}, (60, {"INST": 30}, "MOD_SPLIT_MISSING")),
    "a satisfied line is stated": (
        Sets((), ("INST",)), {"line_prices": {"POINT": 30}}, (30, {"INST": 60}, "")),
}  # fmt: skip


@pytest.mark.parametrize("what", SPLITS)
def test_a_price_of_90_goes_where_nothing_else_can_be_meant(what):
    found, more, (pool, by_po, missing) = SPLITS[what]
    assert price_by_set(version(2, "2025-04-01", 90, **more), found) == (pool, by_po, missing)


def test_what_a_line_is_added_for_is_its_price_and_the_rest_is_not():
    terms = version(2, "2025-04-01", 90, ADDED)
    assert price_by_set(terms, Sets((), ("INST",))) == (90, {}, "")
    priced = version(2, "2025-04-01", 90, item("NEW", "time", start="2025-04-01", end="2025-12-31", price=60))
    assert price_by_set(priced, Sets((), ("INST",))) == (60, {"INST": 30}, "")
    assert price_by_set(priced, BOTH) == (90, {}, "MOD_SPLIT_MISSING")


def test_what_was_promised_with_a_version_goes_where_its_lines_are_priced_or_not():
    stated = version(2, "2025-04-01", 90, line_prices={"INST": 90})
    assert price_by_set(stated, BOTH, 10) == (0, {"INST": 100}, "")
    assert price_by_set(version(2, "2025-04-01", change=[("SUB", "qty", 2)]), BOTH, 10) == (10, {}, "")
    assert price_by_set(version(2, "2025-04-01"), BOTH, 10) == (10, {}, "MOD_SPLIT_MISSING")
    assert price_by_set(version(2, "2025-04-01"), BOTH) == (0, {}, "")
    assert price_by_set(version(2, "2025-04-01", 5), Sets(("SUB",), ()), 10) == (15, {}, "")


def test_two_amounts_of_which_one_is_clear_still_lack_the_other():
    terms = version(2, "2025-04-01", 90, line_prices={"INST": 30, "OWN": 30, "SUB": 20})
    found = price_by_set(terms, Sets(("SUB",), ("INST", "OWN")), 0)
    assert found == (30, {"INST": 30, "OWN": 30}, "MOD_SPLIT_MISSING")


def test_an_amount_that_is_clear_does_not_hide_one_that_is_not():
    terms = version(2, "2025-04-01", 90, line_prices={"SUB": 20})
    assert price_by_set(terms, Sets(("SUB",), ("INST", "OWN")), 10) == (100, {}, "MOD_SPLIT_MISSING")


def fold_of(price, *lines, modified, done=None, components=()):
    return agreed([version(1, "2025-01-01", price, *lines), modified], components, done=done)


def test_a_line_that_catches_up_may_begin_later_or_before_it_has_begun_earlier():
    share = blank(ONE_THING, 0)
    begun = Standing(ONE_THING, share, 1, 1)
    assert restated(begun, share.first + 100).first == share.first
    later = Standing(ONE_THING, share, 1, 1)
    assert restated(later, share.first - 30).first == share.first
    earlier = item("OWN", "time", start="2024-12-15", end="2025-12-31", distinct=False)
    assert restated(Standing(earlier, share, 1, 1), share.first - 30).first == share.first - 17
    assert restated(Standing(earlier, share, 1, 1), share.first + 30).first == share.first


def test_cost_keeps_what_was_installed_and_units_count_anew():
    cost = item("INST", "cost", uninstalled=500)
    share = blank(cost, 0)
    assert restated(Standing(cost, share, 1, 1), 90).qty == share.qty
    assert restated(Standing(cost, share, 1, 1), 90).last == share.last
    units = item("U", "units", qty=10)
    more = item("U", "units", qty=12)
    assert restated(Standing(more, blank(units, 0), 1, 1), 90).qty == 12 * 10**6


def test_a_price_stated_for_what_is_done_is_revenue_at_once_where_nobody_shares():
    """The point is delivered; 30 of the change are for it, the rest for the work that goes on."""
    facts = fold_of(
        200, item("POINT", "point", 100), item("W", "percent", 100),
        modified=version(2, "2025-02-01", 90, line_prices={"POINT": 30}),
        done={"POINT": performed(moved=[("2025-01-10", 1)]), "W": performed(percent=[("2025-01-20", 0.5)])},
    )  # fmt: skip
    assert moves(facts, "2025-01-31", "2025-02-28") == [{"POINT": 100, "W": 50}, {"POINT": 30, "W": 30}]
    assert treatments(facts) == ["inception", "catch_up"]


def test_what_a_removed_line_leaves_is_shared_by_what_goes_on_to_earn():
    facts = fold_of(
        400, item("SUB", "time", 100, start="2025-01-01", end="2025-12-31"),
        item("V", "percent", 100), item("W", "percent", 200),
        modified=version(2, "2025-01-01", -40, drop=["SUB"]),
        done={"V": performed(percent=[("2025-01-20", 1)])},
    )  # fmt: skip
    assert revenue(facts, "2025-01-31") == {"SUB": 0, "V": 120, "W": 0}
    assert {share.po: share.amount for share in fold(facts).layers.steps[-1].shares} == {
        "SUB": 0, "V": 120, "W": 240}  # fmt: skip
    assert fold(facts).rebases[-1].missing == ""


def test_work_that_earns_nothing_yet_takes_what_a_removed_line_leaves():
    facts = fold_of(
        0, item("SUB", "time", 100, start="2025-01-01", end="2025-12-31"), item("W", "percent", 0),
        modified=version(2, "2025-02-01", 40, drop=["SUB"]),
    )  # fmt: skip
    shares = {share.po: share.base + share.amount for share in fold(facts).layers.steps[-1].shares}
    assert shares == {"SUB": 0, "W": 40}


def test_a_line_that_is_only_priced_again_and_is_done_does_not_go_on():
    """A change that says what is so already promises nothing: delivered goods stay delivered."""
    facts = fold_of(
        200, item("P", "point", 100), item("SUB", "time", 100, start="2025-01-01", end="2025-12-31"),
        modified=version(2, "2025-07-01", -30, change=[("P", "qty", 1)], line_prices={"P": -30}),
        done={"P": performed(moved=[("2025-01-10", 1)])},
    )  # fmt: skip
    assert fold(facts).rebases[-1].members == ("SUB",)
    more = fold_of(
        200, item("P", "point", 100), item("SUB", "time", 100, start="2025-01-01", end="2025-12-31"),
        modified=version(2, "2025-07-01", 30, change=[("P", "qty", 2)], line_prices={"P": 30}),
        done={"P": performed(moved=[("2025-01-10", 1)])},
    )  # fmt: skip
    assert fold(more).rebases[-1].members == ("P", "SUB")


@pytest.mark.parametrize(("credit", "taken"), [(30, 30), (50, 50), (80, 50)])
def test_a_credit_for_the_past_takes_no_more_than_was_recognised(credit, taken):
    facts = fold_of(
        100, item("U", "units", qty=2),
        modified=version(2, "2025-02-01", 10, past_credit=credit),
        done={"U": performed(moved=[("2025-01-10", 1), ("2025-03-10", 1)])},
    )  # fmt: skip
    assert revenue(facts, "2025-02-28") == {"U": 50 - taken}
    assert revenue(facts, "2025-03-31") == {"U": 110}
    assert fold(facts).rebases[-1].credited == taken


def test_a_credit_for_the_past_without_one_changes_nothing():
    facts = fold_of(100, item("U", "units", qty=2), modified=version(2, "2025-02-01", 10, past_credit=30))
    rebase = fold(facts).rebases[-1]
    assert (rebase.credited, rebase.pool) == (0, 110)


def test_a_write_down_of_the_future_leaves_what_work_has_earned():
    """A discount for the future takes nothing of the half that is done: 50, then 50 - 20 over the other half."""
    facts = fold_of(
        100, item("W", "percent"), modified=version(2, "2025-02-01", -20, kind="price_only"),
        done={"W": performed(percent=[("2025-01-20", 0.5), ("2025-03-20", 1)])},
    )  # fmt: skip
    assert moves(facts, "2025-01-31", "2025-02-28", "2025-03-31") == [{"W": 50}, {}, {"W": 30}]


def test_layers_keep_what_is_not_prospective_and_what_a_version_lacks():
    facts = fold_of(100, item("V", "percent"), item("S", "point"), modified=version(2, "2025-02-01", 10))
    layers = fold(facts).layers
    assert layers.labels == (("C1", 2, "mixed"), ("C1", 2, "MOD_SPLIT_MISSING"))
    assert treatments_of(layers) == {("C1", 2): "mixed"}
    assert assumed_in(layers) == {("C1", 2): "MOD_SPLIT_MISSING"}
    plain = fold_of(100, item("S", "point"), modified=version(2, "2025-02-01", -110))
    assert fold(plain).layers.labels == (("C1", 2, "MOD_NEGATIVE_REMAINING"),)
    clear = fold_of(100, item("S", "point"), modified=version(2, "2025-02-01", 10))
    assert fold(clear).layers.labels == ()


def test_a_bonus_of_a_version_that_touches_both_kinds_lacks_its_split():
    modified = version(2, "2025-02-01", 0, line_prices={"V": 5, "S": -5})
    bonus = component("B", 1, "2025-03-01", 8, ref="C1@2")
    facts = fold_of(100, item("V", "percent"), item("S", "point"), modified=modified, components=[bonus])
    assert fold(facts).rebases[-1].missing == "MOD_SPLIT_MISSING"
    one = version(2, "2025-02-01", 5, line_prices={"V": 5})
    facts = fold_of(100, item("V", "percent"), item("S", "point"), modified=one, components=[bonus])
    assert {share.po: share.amount for share in fold(facts).layers.steps[-1].shares} == {"S": 50, "V": 63}
