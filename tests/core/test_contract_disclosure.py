"""What people read beside the books: what remains, contracts that may be ended, and what looks wrong in billing."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given

YEAR = dt.date(2025, 1, 1)
LINE = {"po": "S", "measure": "time", "from": YEAR, "to": dt.date(2025, 12, 31)}
AT_WILL = {"by": "customer", "notice_days": 30, "penalty": False}
ACTIVATION = {"at": YEAR, "type": "contract_activated", "price": 1200, "lines": [LINE]}


def inbox_of(*described):
    given = Given({"events": list(described), "expect": {}})
    inbox = Inbox(given.reference())
    for event in given.steps():
        inbox.deliver(event)
    return inbox


def refused(inbox):
    return [code for code, _ in inbox.refusals]


@pytest.mark.parametrize(
    ("stated", "refusals"),
    [
        ({}, ["AMOUNT_MISMATCH"]),
        ({"price_change": -900}, []),
        ({"price_change": 0, "access_end": dt.date(2025, 12, 31)}, []),
    ],
)
def test_who_ends_a_contract_at_will_states_the_price_of_the_months_that_do_not_begin(stated, refusals):
    ended = {"at": dt.date(2025, 4, 1), "type": "contract_cancelled", **stated}
    assert refused(inbox_of({**ACTIVATION, "terminable": AT_WILL}, ended)) == refusals
    firm = {**AT_WILL, "penalty": True}
    assert refused(inbox_of({**ACTIVATION, "terminable": firm}, ended)) == []
