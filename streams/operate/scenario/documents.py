"""What documents and cash book, whoever owns the receivable: the half of ``posted`` that no journal of the agent shows.

Invariant: a document is booked in the period of its date, or in the first open one where that was closed when it arrived;
it says nothing of revenue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tieout.agents.accounting.receivables import advance_movements
from tieout.avro.events import Day, Minor
from tieout.streams.operate.scenario.player import Played
from tieout.tables.contract import Arrangement, GroupState


class Booking(NamedTuple):
    """A movement of one class, in the natural sign of its class and in transaction currency.

    ``rated_on`` is the day whose spot rate translates it: the document's own, or that of the invoice that it settles; None
    where several invoices may be settled.
    """

    period: str
    account_class: str
    arrangement: Arrangement
    amount: Minor
    rated_on: Day | None

    @property
    def scopes(self) -> tuple[str, str]:
        """What ``name@X`` may name."""
        return self.arrangement.entity, self.arrangement.id


def booked(played: Played) -> Iterator[Booking]:
    """Movements of documents and cash."""
    state = played.state
    dated = {line.doc: line.at for line in state.documents.lines if line.kind == "invoice"}
    for line in state.documents.lines:
        if line.unconditional:
            sign = 1 if line.kind == "invoice" else -1
            of = state.arrangement(line.arrangement)
            label = _posting(played, of, line.at, line.cause.offset)
            rated_on = dated.get(line.ref, line.at) if line.ref is not None else line.at
            gross = sign * (line.amount + line.tax)
            yield Booking(label, "accounts_receivable", of, gross, rated_on)
            yield Booking(label, "contract_liability", of, sign * line.amount, rated_on)
            yield Booking(label, "tax_payable", of, sign * line.tax, rated_on)
    for cash in state.documents.cash:
        of = state.arrangements_of(cash.contract)[0]
        label = _posting(played, of, cash.at, cash.cause.offset)
        yield Booking(label, "cash", of, cash.amount, cash.at)
        invoiced_on = None if cash.doc is None else dated.get(cash.doc, cash.at)
        settled_on = _settled_on(state, cash.contract, cash.at, invoiced_on)
        yield Booking(label, "accounts_receivable", of, -cash.amount, settled_on)
    for contract in state.group.contracts:
        of = state.arrangements_of(contract.id)[0]
        for at, amount in advance_movements(state.documents, contract.id):
            label = _posting(played, of, at, 0)
            yield Booking(label, "accounts_receivable", of, amount, at)
            yield Booking(label, "contract_liability", of, amount, at)


def _settled_on(state: GroupState, contract: str, at: Day, invoiced_on: Day | None) -> Day | None:
    """The day of the invoice that a payment of ``at`` settles; its own where there is nothing to settle yet."""
    if invoiced_on is not None:
        return invoiced_on
    open_by_then = any(line.contract == contract and line.at <= at for line in state.documents.lines)
    return None if open_by_then else at


def receivable(state: GroupState, arrangement: Arrangement, day: Day) -> Minor:
    """Open receivables of the arrangement's contract, with tax, on a day; of its first arrangement alone."""
    contract = arrangement.contract
    if state.arrangements_of(contract)[0] != arrangement:
        return 0
    documents = state.documents
    billed = sum(
        (line.amount + line.tax) * (1 if line.kind == "invoice" else -1)
        for line in documents.lines
        if line.contract == contract and line.at <= day and line.unconditional
    )
    paid = sum(each.amount for each in documents.cash if each.contract == contract and each.at <= day)
    unapplied = sum(amount for at, amount in advance_movements(documents, contract) if at <= day)
    return billed - paid + unapplied


def _posting(played: Played, arrangement: Arrangement, at: Day, offset: int) -> str:
    calendar = played.setting.calendar(arrangement.entity)
    period = calendar.period_of(at)
    assert period is not None, f"the agent took a document of day {at}"
    closed = None
    for each in played.closed:
        if each.offset < offset and each.entity in (None, arrangement.entity):
            named = calendar.period_labelled(each.label)
            if named is not None and each.kind == "close":
                closed = named if closed is None else max(closed, named)
            elif named is not None and each.kind == "reopen" and closed is not None:
                closed = min(closed, named - 1)
    if closed is not None and period <= closed:
        following = calendar.following(closed)
        assert following is not None, f"the agent took a document with nothing open behind period {closed}"
        period = following
    return calendar.label(period)
