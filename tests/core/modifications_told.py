"""Events of a contract in a few words, an inbox that was told them, and what it decides: for tests of modifications."""

import datetime as dt
from decimal import Decimal

from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.avro.commands import Cause

CAUSE = CausedBy("e", Cause("inbox", 0, 1))
YEAR, END = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
APRIL, JULY = dt.date(2025, 4, 1), dt.date(2025, 7, 1)
SUB = {"po": "SUB", "measure": "time", "from": YEAR, "to": END, "ssp": 60}
INST = {"po": "INST", "measure": "percent", "ssp": 40}
HALF = {
    "at": dt.date(2025, 3, 31),
    "type": "progress_updated",
    "id": "E1",
    "po": "INST",
    "percent": Decimal("0.5"),
}
DONE = {**HALF, "percent": 1}


def activated(*lines, price=100):
    return {"at": YEAR, "type": "contract_activated", "price": price, "lines": list(lines)}


def amended(at=APRIL, **fields):
    return {"at": at, "type": "contract_amended", **fields}


def order(kind, at=APRIL, **fields):
    return {"at": at, "type": f"change_order_{kind}", "id": kind, **fields}


def inbox_of(*events, **data):
    """An inbox that was told all but the last event, and that event."""
    given = Given({"events": list(events), "expect": {}, **data})
    *before, last = given.steps()
    inbox = Inbox(given.reference())
    for step in before:
        if isinstance(step, dict):
            ((verb, period),) = step.items()
            getattr(inbox, verb)(day_of(period) if verb == "run" else str(period))
        else:
            inbox.deliver(step)
    return inbox, last


def decided(*events, **data):
    """The last word on each version."""
    inbox, last = inbox_of(*events, **data)
    inbox.deliver(last)
    assert inbox.refusals == []
    return {each.contract_version: each for each in inbox.recorded}


def refusal(*events, **data):
    inbox, last = inbox_of(*events, **data)
    decision = decide(inbox.state, last, inbox.view(), CAUSE)
    assert decision.outcome == "refused", decision
    assert decision.state is inbox.state
    return decision.refusal.code, decision.refusal.retry
