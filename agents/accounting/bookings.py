"""What billing and cash book, by class, whoever owns the receivable: the half of the books that no revenue journal shows.

Invariant: each fact balances: the class beside the receivable and what is due follows from its kind alone; document and
cash bookings say nothing of revenue (domain model 4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tieout.agents.accounting.write_offs import settled
from tieout.avro.events import Day, Minor
from tieout.tables.derived import Account606

_CASH, _TAX, _BALANCE = "cash", "tax_payable", "customer_balance"
_AR, _CL, _BAD_DEBT = "accounts_receivable", "contract_liability", "bad_debt"
_BESIDE: Mapping[str, str] = {
    "charge": _TAX, "credit": _TAX, "void": _TAX, "balance": _BALANCE,
    "payment": _CASH, "refund": _CASH, "reverse": _CASH, "dispute": _CASH,
}  # fmt: skip
"""Kind of movement -> the class that it moves beside the receivable and what is due; an advance moves no other."""


class Booking(NamedTuple):
    """A movement of one class in the natural sign of its class (assets and expense when debited, others when credited).

    ``doc``: the document that it is about or settles, empty for none. ``offset``: of the event behind it.
    """

    at: Day
    arrangement: str
    account_class: str
    amount: Minor
    kind: str
    doc: str
    offset: int


def bookings(account: Account606, relief_of: Callable[[str, str], Minor]) -> Iterator[Booking]:
    """Movements of one contract; ``relief_of``: (arrangement, write-off) -> what it took off the price, not positive."""
    for moved in account.movements:
        where = moved.kind, moved.doc, moved.offset
        yield Booking(moved.at, moved.arrangement, _AR, moved.receivable, *where)
        yield Booking(moved.at, moved.arrangement, _CL, moved.due, *where)
        beside = _BESIDE.get(moved.kind)
        if beside is not None:
            amount = moved.due - moved.receivable if beside == _CASH else moved.receivable - moved.due
            yield Booking(moved.at, moved.arrangement, beside, amount, *where)
    for write_off in account.written_off:
        of = write_off.arrangement
        for each in settled(write_off, relief_of(of, write_off.id)):
            where = each.kind, write_off.doc, each.offset
            yield Booking(each.at, of, _CL, each.due, *where)
            yield Booking(each.at, of, _BAD_DEBT, each.bad_debt, *where)
            yield Booking(each.at, of, _CASH, each.cash, *where)
            yield Booking(each.at, of, _TAX, each.tax, *where)
