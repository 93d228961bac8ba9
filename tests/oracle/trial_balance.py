"""The trial balance that an ERP must show: by entity, account, currency and posting period, from the generator's truth.

The same fold as ``expected``, read month by month. Method: a document is booked in the month of its day, a journal in the
month that its facts belong to. What was told only after a month was closed moves the closed months as if it had been told
before; that difference is booked in the month after, whichever of the closed ones it is about.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from oracle.arithmetic import EPOCH
from oracle.contract_facts import arrangements_of
from oracle.fold import Books

from tieout.avro import events as said
from tieout.avro.reference import AccountMapped, ReferenceRow
from tieout.streams.operate.generate import Generation, GroupTruth

Place = tuple[str, str, str, str]
"""(entity, account, currency, posting period as 2025-03)."""
Movement = tuple[str, str]
"""(ledger class, period)."""


@dataclass
class TrialBalance:
    """Debit less credit of each place, in minor units, after a revenue run through ``horizon``; built group by group.

    ``late``: ids of events that came when the months through ``closed`` (2025-03) were closed already.
    """

    accounts: Mapping[tuple[str, str], str]
    mirrored: frozenset[str]
    horizon: int
    closed: str = ""
    late: frozenset[str] = frozenset()
    balances: Counter[Place] = field(default_factory=Counter)

    @classmethod
    def of(cls, generation: Generation, horizon: int, closed: str, late: frozenset[str]) -> "TrialBalance":
        """One without any group."""
        return cls(_accounts(generation.reference()), generation.mirrored, horizon, closed, late)

    def add(self, group: GroupTruth) -> None:
        """Book what is true of a group."""
        contracts: dict[str, list[said.Event]] = {}
        for event in group.applied():
            contracts.setdefault(event.envelope.contract_id, []).append(event)
        for events in contracts.values():
            activation = next(each for each in events if isinstance(each, said.ContractActivated))
            entity = activation.envelope.legal_entity
            moved = _journals(events, self.horizon, self.closed, self.late)
            if entity in self.mirrored:
                moved.update(_documents(events, self.closed, self.late))
            for (ledger_class, period), amount in moved.items():
                place = entity, self.accounts[entity, ledger_class], activation.currency, period
                self.balances[place] += amount


def trial_balance(
    generation: Generation, horizon: int, *, closed: str = "", late: frozenset[str] = frozenset()
) -> Counter[Place]:
    """The balances of a whole stream."""
    found = TrialBalance.of(generation, horizon, closed, late)
    for group in generation.groups():
        found.add(group)
    return found.balances


def difference(expected: Mapping[Place, int], actual: Mapping[Place, int]) -> dict[Place, tuple[int, int]]:
    """(expected, actual) of each place where they differ."""
    pairs = {place: (expected.get(place, 0), actual.get(place, 0)) for place in {*expected, *actual}}
    return {place: pair for place, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def _accounts(rows: Iterable[ReferenceRow]) -> dict[tuple[str, str], str]:
    return {(row.entity, row.account_class): row.account for row in rows if isinstance(row, AccountMapped)}


def _journals(
    events: list[said.Event], horizon: int, closed: str, late: Collection[str]
) -> Counter[Movement]:
    """What was journalled before the close stays; what the late events change of it is booked after it."""
    told_in_time = [event for event in events if event.envelope.event_id not in late]
    booked = _by_month(told_in_time, horizon)
    if len(told_in_time) < len(events):
        changed = _by_month(events, horizon)
        changed.subtract(booked)
        for (ledger_class, month), amount in changed.items():
            booked[ledger_class, _open(month, closed)] += amount
    return booked


def _by_month(events: list[said.Event], horizon: int) -> Counter[Movement]:
    """Debit less credit of each class and month, documents and cash left out: they stand in the ERP by themselves."""
    moved: Counter[Movement] = Counter()
    for books in (Books(each) for each in arrangements_of(events)):
        before: Counter[str] = Counter()
        for month, end in _months(books.opened, horizon):
            balance = books.on(end)
            now = Counter(
                {
                    "revenue": -balance.revenue,
                    "contract_liability": balance.due - balance.contract_liability,
                    "contract_asset": balance.contract_asset,
                    "refund_liability": -balance.refund_liability,
                }
            )
            for ledger_class in now:
                moved[ledger_class, month] += now[ledger_class] - before[ledger_class]
            before = now
    return moved


def _documents(events: list[said.Event], closed: str, late: Collection[str]) -> Counter[Movement]:
    moved: Counter[Movement] = Counter()
    for event in events:
        if not isinstance(event, said.InvoicePosted | said.CreditMemoIssued):
            continue
        sign = 1 if isinstance(event, said.InvoicePosted) else -1
        month = _month(event.envelope.effective_date)
        if event.envelope.event_id in late:
            month = _open(month, closed)
        moved["accounts_receivable", month] += sign * (event.amount_minor + event.tax_minor)
        moved["contract_liability", month] -= sign * event.amount_minor
        moved["tax_payable", month] -= sign * event.tax_minor
    return moved


def _months(first: int, last: int) -> Iterator[tuple[str, int]]:
    """(month, its last day, or ``last`` where that comes before) from ``first`` on."""
    while first <= last:
        date = EPOCH + dt.timedelta(days=first)
        following = dt.date(date.year + date.month // 12, date.month % 12 + 1, 1)
        first = (following - EPOCH).days
        yield f"{date:%Y-%m}", min(first - 1, last)


def _month(day: int) -> str:
    return f"{EPOCH + dt.timedelta(days=day):%Y-%m}"


def _open(month: str, closed: str) -> str:
    """The month itself where it is open, else the one after the last closed one."""
    if month > closed:
        return month
    year, number = int(closed[:4]), int(closed[5:])
    return f"{year + number // 12}-{number % 12 + 1:02}"
