"""What an event costs does not depend on how many came before it: counted in operations, not in time.

An operation is a bytecode instruction. What one instruction does in C (copying a tuple of a group's documents, say) is
not seen here; ``benchmarks/decide.py`` shows what is left of it.
"""

import datetime as dt
import sys

import pytest
from golden.inbox import Inbox
from golden.scenario import Given

from tieout.agents.contracts.decide import decide
from tieout.agents.contracts.decision import CausedBy
from tieout.avro.commands import Cause

FIRST = dt.date(2025, 1, 1)
ACTIVATION = {
    "at": FIRST,
    "type": "contract_activated",
    "price": 120_000,
    "lines": [
        {"po": "S", "measure": "time", "from": FIRST, "to": dt.date(2029, 12, 31), "ssp": 60_000},
        {"po": "N", "measure": "units", "qty": 10_000, "ssp": 60_000},
        {"po": "U", "measure": "usage", "meter": "m", "unit_price": 2},
    ],
}
SHORT, LONG = 10, 314
"""Days before: the last month holds ten of them either way, as usage costs what its usage period holds."""


def day(number):
    return FIRST + dt.timedelta(number)


def invoice(number, at):
    return {"at": at, "type": "invoice_posted", "id": f"I{number:04}", "amount": 30, "po": "S"}


def payment(number, at):
    return {"at": at, "type": "payment_received", "id": f"P{number:04}", "amount": 30, "invoice": f"I{number:04}"}  # fmt: skip


def delivery(number, at):
    return {"at": at, "type": "goods_delivered", "id": f"D{number:04}", "po": "N", "qty": 1}


def rated(number, at):
    return {"at": at, "type": "usage_rated", "id": f"R{number:04}", "meter": "m", "qty": 2, "amount": 4}


def reported(number, at):
    return {"at": at, "type": "usage_reported", "id": f"U{number:04}", "meter": "m", "qty": 2}


def month_end(at):
    return (at.replace(day=1) + dt.timedelta(31)).replace(day=1) - dt.timedelta(1)


def operations(ask):
    """Bytecode instructions that a call executes."""
    count = 0

    def traced(frame, event, _):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        ask()
    finally:
        sys.settrace(before)
    return count


def cost_after(history, make, count):
    """Operations of one more event of the last month, when ``count`` of each of ``history`` came before, day by day."""
    told = [build(number, day(number)) for number in range(count) for build in history]
    end = month_end(day(count))
    last = make(count, end)
    *steps, asked = Given({"events": [ACTIVATION, *told, last], "expect": {}}).steps()
    inbox = Inbox(Given({"events": [], "expect": {}}).reference(), whole_checks=False)
    view = inbox.view()
    for number, step in enumerate(steps):
        decision = decide(inbox.state, step, view, CausedBy(f"e{number}", Cause("inbox", 0, number + 1)))
        assert decision.refusal is None, decision.refusal
        inbox.state = decision.state
    inbox.run((end - dt.date(1970, 1, 1)).days)
    view, state, cause = inbox.view(), inbox.state, CausedBy("asked", Cause("inbox", 0, 10**6))
    decision = decide(state, asked, view, cause)
    assert decision.outcome == "applied", decision.refusal
    assert decision.commands or make is payment, "the event lies before the horizon: it moves what was posted"
    return operations(lambda: decide(state, asked, view, cause))


@pytest.mark.parametrize(
    ("history", "make"),
    [
        ((invoice, payment), invoice),
        ((invoice,), payment),
        ((delivery,), delivery),
        ((rated,), rated),
        ((reported,), reported),
    ],
    ids=["invoice", "payment", "delivery", "usage rated", "usage reported"],
)
def test_an_event_costs_the_same_however_many_came_before_it(history, make):
    cost = cost_after(history, make, SHORT)
    assert cost_after(history, make, LONG) < 1.05 * cost, "no step of a decision goes through what was there"
