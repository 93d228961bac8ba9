"""What credits took off beyond what was open, and at which rate it goes back to the customer."""

from accounting.test_billing_walk import INVOICE, PAID, account, act, line

from tieout.agents.accounting.bookings import bookings
from tieout.agents.accounting.credit_balances import CreditBalances

MEMO = line("M", 3, 10, 2, "credit_memo", ref="I")
LATER = line("J", 4, 50)


def rated(*facts):
    """(day, day of its rate, amount) of what refunds move on the receivable."""
    found = bookings(account(*facts), lambda arrangement, write_off: 0)
    return [
        (each.at, each.rated_on, each.amount)
        for each in found
        if each.account_class == "accounts_receivable" and each.kind == "refund"
    ]


def test_a_refund_of_a_named_memo_settles_it_at_the_rate_of_its_invoice():
    assert rated(INVOICE, PAID, MEMO, act("refund", 9, 12, "M")) == [(9, 1, 12)]


def test_a_refund_that_names_nothing_settles_the_oldest_credit_first():
    second = line("N", 5, 20, 0, "credit_memo", ref="J")
    facts = [INVOICE, PAID, MEMO, LATER, act("apply", 4, 50, "J"), second, act("refund", 9, 20)]
    assert rated(*facts) == [(9, 1, 12), (9, 4, 8)]


def test_a_refund_of_a_memo_that_names_no_invoice_is_at_the_rate_of_the_memo():
    assert rated(INVOICE, PAID, line("M", 3, 10, 2, "credit_memo"), act("refund", 9, 12, "M")) == [(9, 3, 12)]


def test_a_refund_after_a_price_concession_settles_it_at_the_rate_of_its_invoice():
    assert rated(INVOICE, PAID, act("concession", 5, 30, "I"), act("refund", 9, 30)) == [(9, 1, 30)]


def test_a_credit_that_had_something_open_to_reduce_is_nothing_to_have_back():
    facts = [INVOICE, MEMO, LATER, act("apply", 5, 170, "J"), act("refund", 9, 12)]
    assert rated(*facts) == [(9, 9, 12)]


def test_a_void_memo_is_nothing_to_have_back():
    facts = [
        INVOICE,
        PAID,
        MEMO,
        act("memo_void", 4, doc="M"),
        act("apply", 5, 12, "I"),
        act("apply", 5, 12),
        act("refund", 9, 12),
    ]
    assert rated(*facts) == [(9, 9, 12)]


def test_a_refund_that_names_an_unknown_memo_is_at_the_rate_of_its_own_day():
    assert rated(INVOICE, PAID, act("refund", 9, 12, "M")) == [(9, 9, 12)]


def test_what_was_paid_out_for_one_refund_is_not_there_for_the_next():
    over = CreditBalances()
    over.add("M", 3, 10)
    over.add("M", 3, 2)
    over.add("N", 5, 7)
    assert over.taken(5, "M") == ((3, 5),)
    assert over.taken(10, "") == ((3, 7), (5, 3))
    assert over.taken(10, "") == ((5, 4),)
    assert over.taken(9, "M") == ((3, 9),)
