"""What must exist after a generated stream and a revenue run: commands, amounts, exceptions, outcomes.

Worked out contract by contract from the truth of the generator, with the oracle's own fold. A document is mirrored
into the ERP only where the entity's policy says so; its lines then count with the journals' lines.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oracle.arithmetic import EPOCH
from oracle.contract_facts import Arrangement, arrangements_of
from oracle.fold import Balance, Books

from tieout.avro import events as said
from tieout.streams.operate.generate import Generation, GroupTruth
from tieout.streams.operate.generate.truth import OWNERS

Command = tuple[str, str, str]
"""(contract or group, kind, what makes it one of its kind: a version, a document number, a customer)."""
Amount = tuple[str, str, str]
"""(contract, ledger class, currency)."""
Measure = tuple[str, str, str]
"""(measure, entity, currency)."""
MEASURES = ("booked", "billed", "recognised", "deferred", "unbilled", "refundable")


@dataclass
class Expected:
    """Everything that must exist, and nothing else. Amounts are in minor units."""

    horizon: int = 0
    commands: Counter[Command] = field(default_factory=Counter)
    contracts: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Contract that was activated -> (group, entity, currency)."""
    documents: dict[Command, tuple[int, int, int]] = field(default_factory=dict)
    """Amount, tax and day of each mirrored document."""
    amounts: Counter[Amount] = field(default_factory=Counter)
    by_obligation: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(contract, po) -> revenue, concessions for the past left out."""
    by_period: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(contract, service period) -> revenue; empty unless asked for."""
    conceded: set[str] = field(default_factory=set)
    """Contracts with such concessions, whose split over obligations is left open here."""
    measures: Counter[Measure] = field(default_factory=Counter)
    exceptions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(contract, code) -> how many are open at the end."""
    owners: Mapping[str, str] = field(default_factory=lambda: OWNERS)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(event type, fate) -> how many deliveries end that way."""
    waiting: set[str] = field(default_factory=set)
    """Contracts of which something waits for ever."""

    @property
    def received(self) -> int:
        """Deliveries in all."""
        return sum(self.outcomes.values())


def expect(generation: Generation, horizon: int, *, by_period: bool = False) -> Expected:
    """What must exist once the whole stream has arrived and the last revenue run went through ``horizon``.

    ``by_period``: also the revenue of every service period; takes several times as long.
    """
    return expect_groups(generation.groups(), horizon, generation.mirrored, by_period=by_period)


def expect_groups(
    groups: Iterable[GroupTruth], horizon: int, mirrored: frozenset[str], *, by_period: bool = False
) -> Expected:
    """The same for some groups."""
    expected = Expected(horizon=horizon)
    for group in groups:
        for event, fate in group.deliveries():
            expected.outcomes[event.EVENT_TYPE, fate.value] += 1
            if fate.value == "waiting":
                expected.waiting.add(event.envelope.contract_id)
        expected.exceptions.update(group.exceptions())
        contracts: dict[str, list[said.Event]] = {}
        for event in group.applied():
            contracts.setdefault(event.envelope.contract_id, []).append(event)
        _expect_customers(expected, group.group_id, contracts.values())
        for contract, events in contracts.items():
            books = [Books(each) for each in arrangements_of(events)]
            _expect_contract(expected, contract, events, books, mirrored)
            if by_period:
                _expect_periods(expected, contract, books)
    return expected


def _expect_customers(expected: Expected, group: str, contracts: Iterable[list[said.Event]]) -> None:
    """Each (customer, bill-to) of a group once per legal entity: each entity posts to an ERP account of its own."""
    starts = (event for events in contracts for event in events if isinstance(event, said.ContractActivated))
    for each in starts:
        customer = f"{each.envelope.legal_entity}/{each.customer_id}/{each.bill_to_id or ''}"
        expected.commands[group, "customer.upsert", customer] = 1


ORDERS = {
    said.ContractActivated: "sales_order.create",
    said.ContractRenewed: "sales_order.create",
    said.ContractAmended: "sales_order.update",
    said.ContractCancelled: "sales_order.cancel",
}


def _expect_contract(
    expected: Expected, contract: str, events: list[said.Event], books: list[Books], mirrored: frozenset[str]
) -> None:
    activation = next(event for event in events if isinstance(event, said.ContractActivated))
    entity, currency = activation.envelope.legal_entity, activation.currency
    expected.contracts[contract] = (activation.envelope.group_id, entity, currency)
    found = [each.facts for each in books]
    for event in events:
        if type(event) in ORDERS:
            version = str(event.envelope.object_version)
            expected.commands[contract, ORDERS[type(event)], version] = 1
    mirror = entity in mirrored
    if mirror:
        _expect_documents(expected, contract, currency, events)
    balances = [each.on(expected.horizon) for each in books]
    _expect_amounts(expected, (contract, entity, currency), balances, _mirrored_due(expected, found, mirror))
    _expect_sales(expected, (entity, currency), events)
    for each in books:
        for po, revenue in each.revenue_by_obligation(expected.horizon).items():
            expected.by_obligation[contract, po] += revenue
    if any(each.concessions for each in found):
        expected.conceded.add(contract)


def _expect_periods(expected: Expected, contract: str, books: list[Books]) -> None:
    """Revenue of a month: what was earned by its end (or the horizon) and not yet by the end of the month before."""
    before, day = 0, min(each.opened for each in books)
    while day <= expected.horizon:
        date = EPOCH + dt.timedelta(days=day)
        following = dt.date(date.year + date.month // 12, date.month % 12 + 1, 1)
        end = (following - EPOCH).days - 1
        earned = sum(each.on(min(end, expected.horizon)).revenue for each in books)
        if earned != before:
            expected.by_period[contract, f"{date:%Y-%m}"] = earned - before
        before, day = earned, end + 1


def _mirrored_due(expected: Expected, found: list[Arrangement], mirror: bool) -> int:
    """What mirrored documents until the horizon put on the contract liability."""
    if not mirror:
        return 0
    return int(sum(each.amount for home in found for each in home.billed if each.at <= expected.horizon))


def _expect_documents(expected: Expected, contract: str, currency: str, events: list[said.Event]) -> None:
    """Each accepted document once, whatever its date; receivable and tax as it says."""
    for event in events:
        if isinstance(event, said.InvoicePosted):
            key, sign = (contract, "invoice.create", event.invoice_number), 1
        elif isinstance(event, said.CreditMemoIssued):
            key, sign = (contract, "credit_memo.create", event.memo_number), -1
        else:
            continue
        expected.commands[key] = 1
        expected.documents[key] = (event.amount_minor, event.tax_minor, event.envelope.effective_date)
        gross = event.amount_minor + event.tax_minor
        expected.amounts[contract, "accounts_receivable", currency] += sign * gross
        expected.amounts[contract, "tax_payable", currency] += sign * event.tax_minor


def _expect_amounts(
    expected: Expected, who: tuple[str, str, str], balances: list[Balance], mirrored_due: int
) -> None:
    """Journals carry each target less what documents and cash put there; documents are added where mirrored."""
    contract, entity, currency = who
    due = sum(each.due for each in balances)
    liability = sum(each.contract_liability for each in balances) - due + mirrored_due
    for ledger_class, amount in (
        ("revenue", sum(each.revenue for each in balances)),
        ("contract_liability", liability),
        ("contract_asset", sum(each.contract_asset for each in balances)),
        ("refund_liability", sum(each.refund_liability for each in balances)),
    ):
        expected.amounts[contract, ledger_class, currency] += amount
    expected.measures["recognised", entity, currency] += sum(each.revenue for each in balances)
    expected.measures["deferred", entity, currency] += liability
    expected.measures["unbilled", entity, currency] += sum(each.contract_asset for each in balances)
    expected.measures["refundable", entity, currency] += sum(each.refund_liability for each in balances)


def _expect_sales(expected: Expected, where: tuple[str, str], events: list[said.Event]) -> None:
    """Bookings and billings count when they are accepted, whatever the horizon."""
    for event in events:
        match event:
            case said.ContractActivated() | said.ContractRenewed():
                expected.measures["booked", *where] += event.price_minor
            case said.ContractAmended():
                expected.measures["booked", *where] += event.price_change_minor
            case said.ContractCancelled():
                expected.measures["booked", *where] += event.price_change_minor + event.fee_minor
            case said.InvoicePosted():
                expected.measures["billed", *where] += event.amount_minor
            case said.CreditMemoIssued():
                expected.measures["billed", *where] -= event.amount_minor
            case _:
                pass
