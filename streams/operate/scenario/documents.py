"""What documents and cash book in a played scenario, whoever owns the receivable: what no journal of the agent shows.

Invariant: a document is booked in the period of its date, or in the first open one where that was closed when it arrived;
what it books is the agent's own rule (``tieout.agents.accounting.bookings``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tieout.agents.accounting.agreement import layers_of
from tieout.agents.accounting.bookings import bookings
from tieout.agents.accounting.receivables import account_of
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
    dated = {line.doc: line.at for line in state.documents.lines if line.kind != "credit_memo"}
    credited = {line.doc: line.ref for line in state.documents.lines if line.kind == "credit_memo"}
    reliefs = {each.id: dict(layers_of(state, each).reliefs) for each in state.group.arrangements}
    for contract in state.group.contracts:
        for each in bookings(account_of(state, contract), lambda of, name: reliefs[of].get(name, 0)):
            if not each.amount:
                continue
            of = state.arrangement(each.arrangement)
            rated_on: Day | None = each.at
            if each.kind == "payment" and each.account_class == "accounts_receivable":
                invoiced_on = dated.get(each.doc, each.at) if each.doc else None
                rated_on = _settled_on(state, contract.id, each.at, invoiced_on)
            elif each.kind == "credit":
                rated_on = dated.get(credited.get(each.doc, each.doc) or "", each.at)
            yield Booking(
                _posting(played, of, each.at, each.offset), each.account_class, of, each.amount, rated_on
            )


def _settled_on(state: GroupState, contract: str, at: Day, invoiced_on: Day | None) -> Day | None:
    """The day of the invoice that a payment of ``at`` settles; its own where there is nothing to settle yet."""
    if invoiced_on is not None:
        return invoiced_on
    open_by_then = any(line.contract == contract and line.at <= at for line in state.documents.lines)
    return None if open_by_then else at


def receivable(state: GroupState, arrangement: Arrangement, day: Day) -> Minor:
    """Open receivables, with tax, on a day, of the contracts whose first arrangement it is."""
    return sum(
        account_of(state, contract).receivable.by(day)
        for contract in state.group.contracts
        if state.arrangements_of(contract.id)[0] == arrangement
    )


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
