"""Contracts accounted for as one (606-10-25-9): who may join whom, one basis of allocation, one net position."""

import datetime as dt

import pytest
from golden.inbox import Inbox
from golden.scenario import Given, day_of

from tieout.agents.accounting.targets import Targets
from tieout.avro.commands import SalesOrderCancel, SalesOrderUpdate

YEAR, END, JULY = dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2025, 7, 1)
ENTITIES = {"US": {"functional": "USD"}, "UK": {"functional": "GBP"}}


def told(*events, **data):
    given = Given({"events": list(events), "expect": {}, "entities": ENTITIES, **data})
    inbox = Inbox(given.reference())
    for step in given.steps():
        inbox.deliver(step)
    return inbox


def line(po, ssp=1200, **fields):
    return {"po": po, "measure": "time", "from": YEAR, "to": END, "ssp": ssp, **fields}


def contract(name, *lines, price=1200, **fields):
    stated = {"at": YEAR, "type": "contract_activated", "contract": name, "price": price}
    return {**stated, "lines": list(lines), **fields}


def joining(*lines, **fields):
    return contract("C2", *lines, **{"price": 300, "combine_with": "C1", **fields})


FIRST = contract("C1", line("A"))


def codes(inbox):
    return [code for code, _ in inbox.refusals]


def amounts(inbox, arrangement="C1@1"):
    steps = next(each for each in inbox.state.layers if each.arrangement == arrangement).steps
    return {share.po: (share.base, share.amount) for share in steps[-1].shares}


def test_contracts_that_are_combined_share_one_price_in_one_arrangement():
    inbox = told(FIRST, joining(line("B", 600)))
    assert codes(inbox) == []
    assert [each.id for each in inbox.state.group.arrangements] == ["C1@1"]
    assert inbox.state.group.arrangements[0].contracts == ("C1", "C2")
    assert inbox.state.contract("C2").home == "C1@1"
    assert amounts(inbox) == {"A": (0, 1000_00), "B": (0, 500_00)}


def test_what_joins_is_told_with_its_reasons_and_the_shares_of_all_lines():
    inbox = told(FIRST, joining(line("B", 600)))
    (decided,) = inbox.decisions[-1].decisions
    inputs = {each.name: each.value for each in decided.inputs}
    assert (decided.contract_id, decided.contract_version, decided.treatment) == ("C2", 1, "inception")
    assert "606-10-25-9" in decided.reasons
    assert (inputs["pool"], inputs["allocated/A"], inputs["allocated/B"]) == ("150000", "100000", "50000")


def test_a_third_contract_joins_through_any_of_the_combined_ones():
    third = contract("C3", line("C", 600), price=300, combine_with="C2")
    inbox = told(FIRST, joining(line("B", 600)), third)
    assert inbox.state.group.arrangements[0].contracts == ("C1", "C2", "C3")
    assert amounts(inbox) == {"A": (0, 900_00), "B": (0, 450_00), "C": (0, 450_00)}


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ({}, {"combine_with": "C9"}, "SEQUENCE_GAP"),
        ({}, {"combine_with": "C2"}, "VALUE_INVALID"),
        ({}, {"currency": "EUR"}, "CURRENCY_MIXED"),
        ({}, {"entity": "UK"}, "ENTITY_UNRESOLVED"),
        ({}, {"customer": "CUST2"}, "CUSTOMER_UNRESOLVED"),
        ({}, {"lines": [line("A")]}, "VALUE_INVALID"),
        ({}, {"lines": [{"po": "B", "measure": "point", "ssp": 0}]}, "SSP_MISSING"),
        ({}, {"lines": [line(f"B{n}", price=6) for n in range(50)]}, "LIMIT_EXCEEDED"),
    ],
    ids=["unknown", "itself", "currency", "entity", "customer", "line", "no SSP", "too many lines"],
)
def test_what_cannot_be_combined_is_refused_by_name(first, second, code):
    inbox = told({**FIRST, **first}, {**joining(line("B", 600)), **second})
    assert codes(inbox) == [code]
    assert inbox.state.contract("C2") is None


@pytest.mark.parametrize(("apart", "refused"), [(30, []), (31, ["COMBINATION_REVIEW"])])
def test_policy_may_say_how_near_in_time_combined_contracts_were_agreed(apart, refused):
    late = {"at": YEAR + dt.timedelta(days=40), "approved": YEAR + dt.timedelta(days=apart)}
    assert codes(told(FIRST, joining(line("B", 600), **late), policy={"combination": 30})) == refused


def test_a_residual_that_further_lines_leave_nothing_for_stops_the_combination():
    taking = {"po": "R", "measure": "point", "residual": True}
    inbox = told(contract("C1", line("A", 1000), taking), joining(line("B", 600)))
    assert codes(inbox) == ["SSP_RESIDUAL_IMPLAUSIBLE"]


def test_a_subset_with_its_own_price_keeps_it_when_other_contracts_join():
    lines = [line("B", 100), line("C", 100), line("D", 600)]
    bundle = {"bundles": [{"pos": ["B", "C"], "price": 100}]}
    inbox = told(FIRST, joining(*lines, price=300, **bundle))
    # 1,500 - 100 = 1,400 over 1,200 and 600; the subset keeps its 100.
    assert amounts(inbox) == {"A": (0, 93333), "B": (0, 5000), "C": (0, 5000), "D": (0, 46667)}


def test_balances_are_netted_over_all_contracts_of_the_arrangement():
    invoice = {"at": YEAR, "type": "invoice_posted", "id": "I1", "contract": "C2", "amount": 900}
    inbox = told(FIRST, joining(line("B", 600)), invoice)
    position = Targets(inbox.state, inbox.state.group.arrangements[0]).at(day_of("2025-06"))
    assert (position.due, position.recognised) == (900_00, 750_00)
    assert (position.contract_liability, position.contract_asset) == (150_00, 0)


def test_a_contract_changes_and_ends_its_own_lines_alone():
    foreign = {"at": JULY, "type": "contract_amended", "contract": "C2", "price_change": -10}
    inbox = told(FIRST, joining(line("B", 600)), {**foreign, "change": [{"po": "A", "to": END}]})
    assert codes(inbox) == ["EVIDENCE_UNKNOWN_PO"]
    inbox = told(FIRST, joining(line("B", 600)), {"at": JULY, "type": "contract_cancelled", "contract": "C2"})
    assert codes(inbox) == []
    assert inbox.state.facts.terms[-1].drop == ("B",)
    assert amounts(inbox) == {"A": (500_00, 750_00), "B": (250_00, 0)}
    assert (inbox.state.contract("C1").status, inbox.state.contract("C2").status) == ("active", "cancelled")


def test_documents_and_orders_of_a_combined_contract_name_that_contract():
    added = line("D", 300) | {"from": JULY}
    inbox = told(
        FIRST,
        joining(line("B", 600)),
        {"at": JULY, "type": "contract_amended", "contract": "C2", "price_change": 10, "add": [added]},
        {"at": JULY, "type": "invoice_posted", "id": "I1", "contract": "C2", "amount": 300},
        {"at": dt.date(2025, 8, 1), "type": "contract_cancelled", "contract": "C2"},
    )
    assert codes(inbox) == []
    assert inbox.state.documents.lines[0].contract == "C2"
    (updated,) = [each for each in inbox.commands if isinstance(each, SalesOrderUpdate)]
    assert (updated.header.contract_id, updated.total_minor) == ("C2", 310_00)
    assert [each.po for each in updated.lines] == ["B", "D"]
    (ended,) = [each for each in inbox.commands if isinstance(each, SalesOrderCancel)]
    assert (ended.header.contract_id, ended.header.arrangement_id) == ("C2", "C1@1")
    told_of = {each.kind: each.contract_id for each in inbox.revenue if each.kind in ("booked", "billed")}
    assert told_of == {"booked": "C2", "billed": "C2"}


def test_what_a_combined_contract_adds_at_its_own_price_is_an_arrangement_of_that_contract():
    added = line("D", 600) | {"from": JULY}
    change = {"at": JULY, "type": "contract_amended", "contract": "C2", "price_change": 600, "add": [added]}
    inbox = told(FIRST, joining(line("B", 600)), change)
    assert [each.id for each in inbox.state.group.arrangements] == ["C1@1", "C2@2"]
    assert amounts(inbox, "C2@2") == {"D": (0, 600_00)}
