"""What documents and cash book, whoever owns the receivable: the half of ``posted`` that no journal of the agent shows.

Invariant: a document is booked in the period of its date, or in the first open one where that was closed when it arrived;
it says nothing of revenue.
"""

from __future__ import annotations

from collections.abc import Iterator

from tieout.agents.contracts.receivables import advance_movements
from tieout.avro.events import Day, Minor
from tieout.streams.operate.scenario.player import Played
from tieout.tables.contract import Arrangement, GroupState

Booked = tuple[str, str, tuple[str, str], Minor]
"""(posting period, class, (entity, arrangement), movement in the natural sign of its class)."""


def booked(played: Played) -> Iterator[Booked]:
    """Movements of documents and cash."""
    state = played.state
    for line in state.documents.lines:
        if line.unconditional:
            sign = 1 if line.kind == "invoice" else -1
            arrangement = state.arrangement(line.arrangement)
            label = _posting(played, arrangement, line.at, line.cause.offset)
            scopes = (arrangement.entity, arrangement.id)
            yield label, "accounts_receivable", scopes, sign * (line.amount + line.tax)
            yield label, "contract_liability", scopes, sign * line.amount
            yield label, "tax_payable", scopes, sign * line.tax
    for cash in state.documents.cash:
        arrangement = state.arrangements_of(cash.contract)[0]
        label = _posting(played, arrangement, cash.at, cash.cause.offset)
        scopes = (arrangement.entity, arrangement.id)
        yield label, "cash", scopes, cash.amount
        yield label, "accounts_receivable", scopes, -cash.amount
    for contract in state.group.contracts:
        arrangement = state.arrangements_of(contract.id)[0]
        scopes = (arrangement.entity, arrangement.id)
        for at, amount in advance_movements(state.documents, contract.id):
            label = _posting(played, arrangement, at, 0)
            yield label, "accounts_receivable", scopes, amount
            yield label, "contract_liability", scopes, amount


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
