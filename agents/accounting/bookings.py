"""What billing and cash book, by class, whoever owns the receivable: the half of the books that no revenue journal shows.

Invariant: each fact balances: the class beside the receivable and what is due follows from its kind alone; document and
cash bookings say nothing of revenue (domain model 4.5). In another currency a document keeps the rate of its day to
its end, and cash has its own: what they differ by is exchange gain of whoever owns the receivable (ASC 830-10-35).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tieout.agents.accounting.agreement import contracts_of, layers_of
from tieout.agents.accounting.receivables import account_of
from tieout.agents.accounting.write_offs import settled
from tieout.avro.events import Day, Minor
from tieout.tables.contract import Arrangement, GroupState
from tieout.tables.derived import Account606, Movement

_CASH, _TAX, _BALANCE = "cash", "tax_payable", "customer_balance"
_AR, _CL, _BAD_DEBT = "accounts_receivable", "contract_liability", "bad_debt"
_BESIDE: Mapping[str, str] = {
    "charge": _TAX, "credit": _TAX, "void": _TAX, "balance": _BALANCE,
    "payment": _CASH, "refund": _CASH, "reverse": _CASH, "dispute": _CASH,
}  # fmt: skip
"""Kind of movement -> the class that it moves beside the receivable and what is due; an advance moves no other."""


class Booking(NamedTuple):
    """A movement of one class in the natural sign of its class (assets and expense when debited, others when credited).

    ``doc``: the document that it is about or settles, empty for none. ``offset``: of the event behind it. ``rated_on``:
    the day whose spot rate translates it.
    """

    at: Day
    arrangement: str
    account_class: str
    amount: Minor
    kind: str
    doc: str
    offset: int
    rated_on: Day


def bookings(account: Account606, relief_of: Callable[[str, str], Minor]) -> Iterator[Booking]:
    """Movements of one contract; ``relief_of``: (arrangement, write-off) -> what it took off the price, not positive."""
    for moved in account.movements:
        where = moved.kind, moved.doc, moved.offset
        for rated_on, amount in _receivable(moved):
            yield Booking(moved.at, moved.arrangement, _AR, amount, *where, rated_on)
        yield Booking(moved.at, moved.arrangement, _CL, moved.due, *where, moved.rated_on)
        beside = _BESIDE.get(moved.kind)
        if beside is not None:
            amount = moved.due - moved.receivable if beside == _CASH else moved.receivable - moved.due
            rated_on = moved.rated_on if beside == _TAX else moved.at
            yield Booking(moved.at, moved.arrangement, beside, amount, *where, rated_on)
    for write_off in account.written_off:
        of = write_off.arrangement
        for each in settled(write_off, relief_of(of, write_off.id)):
            where = each.kind, write_off.doc, each.offset
            rated_on = each.at if each.kind == "recovered" else write_off.rated_on
            yield Booking(each.at, of, _CL, each.due, *where, rated_on)
            yield Booking(each.at, of, _BAD_DEBT, each.bad_debt, *where, rated_on)
            yield Booking(each.at, of, _CASH, each.cash, *where, each.at)
            yield Booking(each.at, of, _TAX, each.tax, *where, rated_on)


def bookings_of(state: GroupState, arrangement: Arrangement) -> list[Booking]:
    """What billing and cash of an arrangement book, of each of its contracts; nothing that moves nothing."""
    reliefs = dict(layers_of(state, arrangement).reliefs) if state.documents.acts else {}
    found: list[Booking] = []
    for contract in state.group.contracts:
        if contract.id in contracts_of(arrangement):
            account = account_of(state, contract)
            found += bookings(account, lambda of, name: reliefs.get(name, 0) if of == arrangement.id else 0)
    return [each for each in found if each.arrangement == arrangement.id and each.amount]


def _receivable(moved: Movement) -> Iterator[tuple[Day, Minor]]:
    """The receivable by the days that its parts are rated on."""
    yield from moved.settled
    rest = moved.receivable - sum([amount for _, amount in moved.settled])
    if rest:
        yield moved.rated_on, rest
