"""Billing and cash of a contract walked at once: what is due by arrangement, the receivable, the advances."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.receivables import advance_movements, document_movements, walked
from tieout.avro.commands import Cause
from tieout.tables.contract import Contract
from tieout.tables.dated import Steps, steps, together
from tieout.tables.documents import Cash, DocLine, Documents

CAUSE = Cause("inbox", 0, 1)
CONTRACT = Contract("C1", "CUST", None, "US", "USD", "active", 1, 0, 400, "")


def line(place, kind, arrangement, at, amount, tax, *, unconditional):
    return DocLine(
        f"D{place}", 1, 1, kind, "C1", arrangement, None, at, at, amount, tax, None, None, "rebill", unconditional, None,
        (1, 1), CAUSE,
    )  # fmt: skip


lines = st.tuples(
    st.sampled_from(["invoice", "invoice", "credit_memo"]),
    st.sampled_from(["C1@1", "C1@2"]),
    st.integers(0, 9),
    st.integers(0, 100),
    st.integers(0, 9),
    st.booleans(),
)
payments = st.tuples(st.integers(0, 9), st.integers(1, 150), st.none() | st.sampled_from(["D0", "D1"]))


def documents_of(stated, paid):
    found = [line(place, *each[:-1], unconditional=each[-1]) for place, each in enumerate(stated)]
    cash = [Cash(f"P{place}", "C1", at, amount, doc, CAUSE) for place, (at, amount, doc) in enumerate(paid)]
    return Documents(tuple(found), tuple(cash))


@given(st.lists(lines, max_size=5), st.lists(payments, max_size=4))
def test_what_is_due_is_documents_and_advances_and_the_receivable_is_what_is_open(stated, paid):
    documents = documents_of(stated, paid)
    account = walked(documents, CONTRACT, {})
    advances = steps(advance_movements(documents, "C1"))
    first = together([steps(document_movements(documents, "C1@1")), advances])
    for day in range(-1, 11):
        assert account.due.get("C1@1", Steps()).by(day) == first.by(day)
        assert account.due.get("C1@2", Steps()).by(day) == steps(document_movements(documents, "C1@2")).by(
            day
        )
        assert account.advances.by(day) == advances.by(day)
    billed = sum(
        (each.amount + each.tax) * (1 if each.kind == "invoice" else -1)
        for each in documents.lines
        if each.kind == "credit_memo" or each.unconditional
    )
    assert account.receivable.total - account.advances.total == billed - sum(
        each.amount for each in documents.cash
    )


def test_a_line_belongs_to_the_arrangement_of_the_promise_that_it_names():
    (stated,) = documents_of([("invoice", "C1@1", 1, 100, 0, True)], []).lines
    named = Documents((replace(stated, po="S"),))
    account = walked(named, CONTRACT, {"S": "C1@2"})
    assert {arrangement: due.total for arrangement, due in account.due.items()} == {"C1@2": 100}
