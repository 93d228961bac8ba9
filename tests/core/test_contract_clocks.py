"""Steps beside the contract change nothing, whenever they arrive, and are nobody's work."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given
from msgspec.structs import replace

YEAR, MARCH = dt.date(2025, 1, 1), dt.date(2025, 3, 1)
ACTIVATION = {
    "at": YEAR,
    "type": "contract_activated",
    "price": 100,
    "lines": [{"po": "A", "measure": "point"}],
}
STEPS = {
    "opportunity_closed": {"amount": 100},
    "quote_accepted": {"amount": 100},
    "contract_approved": {"amount": 100, "signed": YEAR},
    "notice_given": {"ends_on": dt.date(2025, 12, 31)},
    "collection_status_changed": {"status": "reminded"},
}
INTENT = ("opportunity_closed", "quote_accepted", "contract_approved")


def told(*described):
    given = Given({"events": [ACTIVATION, *described], "expect": {}})
    return Inbox(given.reference()), given.steps()


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_beside_the_contract_has_no_effect_on_it(kind):
    inbox, (activation, step) = told({"at": MARCH, "type": kind, **STEPS[kind]})
    inbox.deliver(activation)
    before = inbox.state.facts, inbox.state.documents, inbox.state.ledger
    inbox.deliver(step)
    assert inbox.outcomes[-1] == "no_effect"
    assert (inbox.state.facts, inbox.state.documents, inbox.state.ledger) == before
    assert not inbox.parked
    assert not inbox.refusals


@pytest.mark.parametrize("kind", INTENT)
def test_intent_waits_for_no_contract(kind):
    inbox, (_, step) = told({"at": YEAR, "type": kind, **STEPS[kind]})
    inbox._decide(step)
    assert inbox.outcomes[-1] == "no_effect"


def test_intent_in_a_currency_that_there_is_not_is_refused():
    inbox, (_, step) = told({"at": YEAR, "type": "quote_accepted", **STEPS["quote_accepted"]})
    inbox._decide(replace(step, currency="XXX"))
    assert [code for code, _ in inbox.refusals] == ["VALUE_INVALID"]


def test_a_notice_about_another_entitys_contract_is_refused():
    inbox, (activation, step) = told({"at": MARCH, "type": "notice_given"})
    inbox.deliver(activation)
    inbox.deliver(replace(step, envelope=replace(step.envelope, legal_entity="UK")))
    assert [*(code for code, _ in inbox.refusals), *(refusal.code for _, refusal in inbox.parked)] != []
