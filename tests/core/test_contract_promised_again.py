"""What was performed and billed of a line whose version was withdrawn, where another version adds it again."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.agents.accounting.targets import Targets
from tieout.agents.contracts.invariants import check_whole

YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
SERVICE = {"po": "S", "measure": "time", "from": YEAR, "to": END, "ssp": 1000, "ssp_per": "month"}
ACTIVATED = {"at": YEAR, "type": "contract_activated", "price": 12000, "lines": [SERVICE]}
WITHDRAWN = {"at": dt.date(2025, 11, 1), "type": "contract_corrected", "corrects": 2, "withdrawn": True}


def date(text):
    return dt.date.fromisoformat(text)


def amended(**fields):
    return {"at": date("2025-04-01"), "type": "contract_amended", **fields}


def accepted(*told):
    given = Given({"events": list(told), "expect": {}})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    assert inbox.refusals == []
    return inbox


AGAIN = {
    "point": ({"po": "A", "measure": "point", "ssp": 1200}, {"type": "goods_delivered", "id": "D", "po": "A"}),
    "cost": ({"po": "A", "measure": "cost", "distinct": True, "ssp": 1200}, {"type": "cost_incurred", "id": "D", "po": "A", "amount": 50}),
    "usage": ({"po": "A", "measure": "usage", "meter": "m", "unit_price": 40}, {"type": "usage_reported", "id": "D", "meter": "m", "qty": 15}),
    "hours": ({"po": "A", "measure": "hours", "unit_price": 60}, {"type": "timesheet_approved", "id": "D", "po": "A", "hours": 10}),
}  # fmt: skip


@pytest.mark.parametrize("measure", AGAIN)
def test_what_a_line_met_counts_where_another_version_promises_it_again(measure):
    """As in the order in which the second promise comes before what it meets."""
    promised, met = AGAIN[measure]
    added = {"price_change": 0 if measure in ("usage", "hours") else 1200, "add": [promised]}
    facts = [
        {"at": date("2025-05-01"), "type": "invoice_posted", "id": "I", "amount": 600, "po": "A"},
        {"at": date("2025-05-02"), **met},
    ]
    if measure == "cost":
        facts.append({"at": date("2025-05-01"), "type": "progress_updated", "id": "E", "po": "A", "eac": 100})
    told = [amended(**added), WITHDRAWN]
    again = amended(**added)
    late = accepted(ACTIVATED, told[0], *facts, told[1], again)
    early = accepted(ACTIVATED, *told, again, *facts)
    earned = []
    for inbox in (late, early):
        inbox.run(day_of(END))
        check_whole(inbox.state, inbox.view())
        targets = Targets(inbox.state, inbox.state.group.arrangements[-1])
        earned.append([targets.at(day_of(date(day))) for day in ("2025-04-30", "2025-05-01", "2025-12-31")])
    assert earned[0] == earned[1]
    assert earned[0][-1].revenue["A"] == (1200_00 if measure == "point" else 600_00)


def test_an_item_about_billing_closes_where_what_bills_the_line_goes_to_another_arrangement():
    added = {"price_change": 1200, "add": [{"po": "A", "measure": "point", "ssp": 1200}]}
    bill = {"at": date("2025-05-01"), "type": "invoice_posted", "id": "I", "amount": 1200, "po": "A"}
    inbox = accepted(
        ACTIVATED,
        amended(**added),
        bill,
        WITHDRAWN,
        amended(**added),
    )
    assert [each.status for each in inbox.exceptions if each.code == "BILLED_OVER_PRICE"] == [
        "open",
        "resolved",
    ]
    assert inbox.state.group.open_items == ()


def test_a_payment_years_ahead_of_what_is_left_is_told_of_a_contract_that_comes_over_in_mid_life():
    opened = {
        "at": YEAR,
        "type": "contract_opened_midlife",
        "cutover": date("2025-07-16"),
        "price": 1200,
        "earned": {"S": 700},
        "billed": 1200,
        "lines": [SERVICE | {"to": date("2026-12-31")}],
    }
    inbox = accepted(opened)
    assert [each.code for each in inbox.exceptions] == ["FINANCING_SUSPECTED"]
    check_whole(inbox.state, inbox.view())


def test_a_renewal_is_not_withdrawn_from_under_a_change_of_its_price():
    renewed = {
        "at": date("2025-12-01"),
        "effective": date("2026-01-01"),
        "type": "contract_renewed",
        "price": 12000,
        "lines": [SERVICE | {"po": "R", "from": date("2026-01-01"), "to": date("2026-12-31")}],
    }
    told = [ACTIVATED, renewed, {"at": date("2026-02-20"), "type": "contract_amended", "price_change": -10}]
    inbox = accepted(*told)
    *_, withdrawal = Given({"events": [*told, WITHDRAWN], "expect": {}}).steps()
    inbox.deliver(withdrawal)
    assert [code for code, _ in inbox.refusals] == ["MOD_OVERLAP"]
    assert "C1@2, which would have no line left" in inbox.refusals[0][1]
    check_whole(inbox.state, inbox.view())


def test_usage_that_was_rated_for_days_before_a_contract_came_over_is_in_its_opening_balances():
    usage = {"po": "U", "measure": "usage", "meter": "m", "unit_price": 1}
    opened = {
        "at": YEAR,
        "type": "contract_opened_midlife",
        "cutover": date("2025-07-01"),
        "price": 12000,
        "earned": {"S": 6000, "U": 80},
        "lines": [SERVICE, usage],
    }
    inbox = accepted(opened)
    rated = {"at": date("2025-08-20"), "type": "usage_rated", "meter": "m", "amount": 4}
    _, late, later = Given(
        {"events": [opened, rated | {"period": "2025-06"}, rated | {"period": "2025-07"}], "expect": {}}
    ).steps()
    inbox.deliver(late)
    assert [code for code, _ in inbox.refusals] == ["DATES_INVALID"]
    inbox.deliver(later)
    assert len(inbox.refusals) == 1
    check_whole(inbox.state, inbox.view())
