"""Cash against receivables: what is applied, and what is an advance that counts as due (Example 38)."""

from itertools import permutations

import pytest

from tieout.agents.accounting.receivables import walked
from tieout.avro.commands import Cause
from tieout.tables.contract import Contract
from tieout.tables.dated import steps
from tieout.tables.documents import Cash, DocLine, Documents

CAUSE = Cause("inbox", 0, 1)
CONTRACT = Contract("C1", "CUST", None, "US", "USD", "active", 1, 0, 400, "")


def line(
    doc,
    at,
    amount,
    *,
    tax=0,
    kind="invoice",
    unconditional=True,
    reason=None,
    arrangement="C1@1",
    contract="C1",
):
    return DocLine(
        doc, 1, 1, kind, contract, arrangement, None, at, at, amount, tax, None, None, reason, unconditional, None, (1, 1), CAUSE
    )  # fmt: skip


def paid(payment, at, amount, doc=None):
    return Cash(payment, "C1", at, amount, doc, CAUSE)


def advances(lines, cash):
    accounts = [walked(Documents(tuple(lines), order), CONTRACT, {}) for order in permutations(cash)]
    assert all(each.advances == accounts[0].advances for each in accounts)
    return accounts[0].advances


@pytest.mark.parametrize(
    ("lines", "cash", "moved"),
    [
        ([], [paid("P", 5, 30)], [(5, 30)]),
        ([line("I", 5, 30)], [paid("P", 5, 30)], []),
        ([line("I", 5, 30, tax=6)], [paid("P", 9, 36)], []),
        ([line("I", 5, 30)], [paid("P", 9, 40)], [(9, 10)]),
        ([line("I", 9, 30)], [paid("P", 5, 40)], [(5, 40)]),
        ([line("I", 9, 30)], [paid("P", 5, 40, "I")], [(5, 40), (9, -30)]),
        ([line("I", 5, 30, unconditional=False)], [paid("P", 9, 30, "I")], [(9, 30)]),
        ([line("I", 5, 30), line("J", 6, 50)], [paid("P", 7, 30), paid("Q", 8, 50, "J")], []),
        ([line("I", 5, 30), line("M", 6, 10, kind="credit_memo")], [paid("P", 7, 30, "I")], [(7, 10)]),
        ([line("I", 5, 30, contract="C2")], [paid("P", 7, 30)], [(7, 30)]),
    ],
    ids=[
        "a deposit",
        "an invoice of the same day is open",
        "tax is owed too",
        "what is paid too much",
        "a later invoice does not take a deposit that did not name it",
        "a later invoice takes the payment that named it",
        "cash on a conditional invoice",
        "payments of two invoices, the first one without a name",
        "a credit reduces what is open",
        "another contract's invoice is not open here",
    ],
)
def test_the_rest_of_a_payment_is_an_advance(lines, cash, moved):
    assert advances(lines, cash) == steps(moved)


def test_due_follows_unconditional_documents_without_tax():
    lines = (
        line("I", 1, 100, tax=20),
        line("J", 2, 50, unconditional=False),
        line("M", 3, 10, tax=2, kind="credit_memo", reason="rebate"),
        line("T", 4, 5, kind="credit_memo", reason="tax_only"),
        line("K", 5, 7, arrangement="C1@2"),
    )
    assert [each.moves_due for each in lines] == [100, 0, -10, 0, 7]
