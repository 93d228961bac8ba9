"""Published and derived figures, through the event interface: activation to journal, nothing called directly."""

import random
from itertools import permutations
from pathlib import Path

import pytest
from golden.scenario import Given, load
from golden.verdict import differences

from tieout.avro.events import ContractActivated

FILES = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
SCENARIOS = {data["scenario"]: data for path in FILES for data in load(path.read_text())}

_NAMES = """
chargebee-cancel-prorated-refund chargebee-credit-future-discount d365-reallocation-scenario1
derived-backdated-approval derived-cancel-contract-asset derived-mid-month-amendment
derived-mid-month-amendment.days derived-seats-at-ssp erpnext-frozen-period-shifts-recognition
fasb-ex33-relative-ssp fasb-ex5a-mod-separate-contract fasb-ex7-blend-and-extend intacct-mea-allocation
netsuite-allocation-with-returns netsuite-prospective-merge netsuite-residual-vsoe.relative
netsuite-retrospective-return-before-billing netsuite-straight-line-period-rate oca-cutoff-prorata
odoo-deferred-grouped-monthly-reversal rule-add-seats-discounted rule-cancel-no-refund
rule-negative-allocation-rounding rule-ramp-free-months rule-renewal-at-market-no-material-right
rule-replay-is-idempotent rule-saas-ramp-implementation-usage rule-tax-excluded-from-tp
rule-three-decimal-currency rule-three-way-tie-out rule-unapproved-scope-no-effect
rule-upfront-fee-with-renewal-right stripe-cancel-no-refund stripe-credit-note-before-payment
stripe-credit-note-unpaid-next-month stripe-late-invoice-catch-up-off stripe-spread-day-precision
stripe-standalone-invoice-mixed-lines stripe-tax-inclusive stripe-upgrade-proration
worked-cancel-access-goes-on worked-cancel-pro-rata-refund worked-closed-period worked-concession-past
worked-future-discount worked-memo-without-a-reason worked-rated-usage worked-refund-proportional
worked-refund-proportional.contra worked-units-and-more-units zuora-material-right-line
zuora-ramp-volume-allocation zuora-ramp-volume-allocation.no-ramp zuora-ssp-carve-equal
"""
RUNNING = _NAMES.split()
SHUFFLES = 40
"""Of longer scenarios; up to four free events, every order is tried."""


def test_the_list_of_scenarios_that_run_does_not_shrink():
    assert sorted(SCENARIOS) == RUNNING


@pytest.mark.parametrize("name", RUNNING)
def test_the_books_show_the_expected_figures(name):
    given = Given(SCENARIOS[name])
    assert differences(given, given.play()) == []


@pytest.mark.parametrize("name", [name for name in RUNNING if SCENARIOS[name].get("any_order")])
def test_the_figures_are_the_same_in_any_order_of_arrival(name):
    given = Given(SCENARIOS[name])
    steps = list(given.steps())
    free = [place for place, step in enumerate(steps) if not isinstance(step, ContractActivated)]
    for order in orders(free):
        arranged = list(steps)
        for place, source in zip(free, order, strict=True):
            arranged[place] = steps[source]
        assert differences(given, given.play(arranged), any_order=True) == [], order
    twice = [step for step in steps for _ in range(2)]
    assert differences(given, given.play(twice), any_order=True) == []


def orders(free):
    if len(free) <= 4:
        return list(permutations(free))
    rng = random.Random(606)
    return [rng.sample(free, len(free)) for _ in range(SHUFFLES)]


def test_an_unknown_field_is_an_error_and_not_a_skip():
    given = Given(SCENARIOS["fasb-ex33-relative-ssp"])
    event = {"at": given.data["events"][0]["at"], "type": "invoice_posted", "amount": 1, "colour": "red"}
    given = Given({**given.data, "events": [event]})
    with pytest.raises(AssertionError, match="colour"):
        list(given.steps())


def test_a_wrong_figure_is_named():
    data = SCENARIOS["worked-concession-past"]
    wrong = {**data, "expect": {"schedule": {"S": {"2025-05": 401}}}}
    found = differences(Given(wrong), Given(wrong).play())
    assert "schedule S 2025-05: wanted 401, got 400" in found
