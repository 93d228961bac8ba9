"""What documents and cash book in a played scenario, whoever owns the receivable: what no journal of the agent shows.

Invariants: what the agent journals itself (policy ``ar_owner: billing_summary``) is not here; a document is booked in the period of its date, or in the first open one where that was closed when it arrived;
what it books is the agent's own rule (``tieout.agents.accounting.bookings``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tieout.agents.accounting.bookings import bookings_of
from tieout.agents.accounting.receivables import account_of
from tieout.agents.contracts.cutover import opening_day
from tieout.agents.contracts.periods import BILLING_SUMMARY
from tieout.agents.contracts.policy import policy_of
from tieout.avro.events import Day, Minor
from tieout.streams.operate.scenario.player import Played
from tieout.tables.contract import Arrangement, GroupState


class Posted(NamedTuple):
    """A movement of one class, in the natural sign of its class and in transaction currency.

    ``rated_on`` is the day whose spot rate translates it.
    """

    period: str
    account_class: str
    arrangement: Arrangement
    amount: Minor
    rated_on: Day

    @property
    def scopes(self) -> tuple[str, str]:
        """What ``name@X`` may name."""
        return self.arrangement.entity, self.arrangement.id


def booked(played: Played) -> Iterator[Posted]:
    """Movements of documents and cash that the agent does not journal itself; opening balances are booked elsewhere."""
    for arrangement in played.state.group.arrangements:
        if policy_of(played.view, arrangement).ar_owner == BILLING_SUMMARY:
            continue
        before = opening_day(played.state, arrangement.id)
        for each in bookings_of(played.state, arrangement):
            if before is not None and each.at <= before:
                continue
            period = _posting(played, arrangement, each.at, each.offset)
            yield Posted(period, each.account_class, arrangement, each.amount, each.rated_on)


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
