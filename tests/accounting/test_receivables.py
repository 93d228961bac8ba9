"""Billing and cash of a contract walked at once: what is due by arrangement, the receivable, the advances."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tieout.agents.accounting.receivables import continued, walked
from tieout.avro.commands import Cause
from tieout.tables.contract import Contract
from tieout.tables.dated import Steps, steps, together
from tieout.tables.documents import Act, Cash, DocLine, Documents

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


def document_movements(documents, arrangement):
    return [(each.at, each.moves_due) for each in documents.lines if each.arrangement == arrangement]


@given(st.lists(lines, max_size=5), st.lists(payments, max_size=4))
def test_what_is_due_is_documents_and_advances_and_the_receivable_is_what_is_open(stated, paid):
    documents = documents_of(stated, paid)
    account = walked(documents, CONTRACT, {})
    first = together([steps(document_movements(documents, "C1@1")), account.advances])
    for day in range(-1, 11):
        assert account.due.get("C1@1", Steps()).by(day) == first.by(day)
        assert account.due.get("C1@2", Steps()).by(day) == steps(document_movements(documents, "C1@2")).by(
            day
        )
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


def grown(documents, fact):
    if isinstance(fact, Cash):
        return replace(documents, cash=tuple(sorted((*documents.cash, fact), key=lambda each: each.id)))
    return replace(documents, lines=tuple(sorted((*documents.lines, fact), key=lambda each: each.doc)))


@given(st.lists(lines, max_size=6), st.lists(payments, max_size=5), st.randoms(use_true_random=False))
def test_an_account_that_goes_on_from_its_end_is_the_one_that_is_walked_anew(stated, paid, chance):
    whole = documents_of(stated, paid)
    facts = [*whole.lines, *whole.cash]
    chance.shuffle(facts)
    if chance.random() < 0.5:
        facts.sort(key=lambda each: each.at)
    documents, account, came = Documents(), walked(Documents(), CONTRACT, {}), []
    for fact in facts:
        documents, came = grown(documents, fact), [*came, fact]
        if chance.random() < 0.5:
            continue
        fresh = walked(documents, CONTRACT, {})
        went_on = continued(account, documents, CONTRACT, {}, came)
        assert went_on in (None, fresh)
        assert went_on is None or list(went_on.open) == list(fresh.open), "the oldest is paid first"
        account, came = fresh, []


def bill(number, at, amount=100):
    return line(number, "invoice", "C1@1", at, amount, 0, unconditional=True)


def test_an_account_goes_on_with_what_is_dated_last_and_is_walked_anew_otherwise():
    bills = [bill(place, 10 * place) for place in range(3)]
    known = walked(Documents(tuple(bills)), CONTRACT, {})
    late, early = Cash("P1", "C1", 25, 40, "D1", CAUSE), Cash("P1", "C1", 19, 40, "D1", CAUSE)
    went_on = continued(known, Documents(tuple(bills), (late,)), CONTRACT, {}, [late])
    assert went_on is not None
    assert (went_on.open, went_on.receivable.total) == ({"D0": 100, "D1": 60, "D2": 100}, 260)
    assert continued(known, Documents(tuple(bills), (early,)), CONTRACT, {}, [early]) is None
    acts = (Act("A1", 1, "void", "C1", 5, 0, "D0", "", CAUSE),)
    assert continued(known, Documents(tuple(bills), (late,), acts), CONTRACT, {}, [late]) is None


def test_an_account_that_goes_on_looks_at_no_document_that_is_paid():
    bills = [bill(place, 2 * place) for place in range(9)]
    cash = [Cash(f"P{place}", "C1", 2 * place + 1, 100, f"D{place}", CAUSE) for place in range(9)]
    account = walked(Documents(tuple(bills), tuple(cash)), CONTRACT, {})
    assert (account.open, account.early) == ({}, {})
    again = Cash("P9", "C1", 30, 70, "D0", CAUSE)
    went_on = continued(account, Documents(tuple(bills), (*cash, again)), CONTRACT, {}, [again])
    assert went_on is not None
    assert (went_on.advances.total, went_on.early) == (70, {}), "its document has come: it waits for none"


def test_cash_that_came_before_its_invoice_settles_it_when_the_account_goes_on():
    cash = Cash("P0", "C1", 1, 60, "D7", CAUSE)
    known = walked(Documents((), (cash,)), CONTRACT, {})
    assert known.early == {"D7": {"P0": 60}}
    went_on = continued(known, Documents((bill(7, 5),), (cash,)), CONTRACT, {}, [bill(7, 5)])
    assert went_on is not None
    assert (went_on.open, went_on.early, went_on.advances.total) == ({"D7": 40}, {}, 0)


def test_cash_that_names_an_invoice_of_a_later_day_waits_for_it_where_both_came_at_once():
    cash, later = Cash("P0", "C1", 1, 60, "D7", CAUSE), bill(7, 5)
    documents = Documents((later,), (cash,))
    went_on = continued(walked(Documents(), CONTRACT, {}), documents, CONTRACT, {}, [later, cash])
    assert went_on == walked(documents, CONTRACT, {})
    assert went_on.open == {"D7": 40}
