"""What does exist: the decoded commands and outcomes of a run, in the same shape as what is expected.

Invariant: a record that appears twice is counted twice. Nothing is repaired or left out here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from oracle.expected import Amount, Command, Measure

from tieout.avro import commands as ordered
from tieout.avro import outcomes as told

NATURAL_DEBIT = {"contract_asset", "accounts_receivable", "cash", "contra_revenue", "bad_debt"}
"""Classes that grow when debited; the others grow when credited."""
CONTROL_TYPES = {"revenue_run", "period_closed", "reference_activated", "tick"}
"""Inbox records that are no events."""
ERP_ANSWERS = {"erp_accepted", "erp_rejected", "erp_status_changed"}
"""Inbox records of the posting agent: as many as it takes, and no source system has sent them."""


@dataclass
class Actual:
    """What was found. ``broken`` holds one sentence per rule that a single record or lane breaks by itself."""

    commands: Counter[Command] = field(default_factory=Counter)
    documents: dict[Command, tuple[int, int, int]] = field(default_factory=dict)
    amounts: Counter[Amount] = field(default_factory=Counter)
    by_obligation: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_period: Counter[tuple[str, str]] = field(default_factory=Counter)
    measures: Counter[Measure] = field(default_factory=Counter)
    exceptions: Counter[tuple[str, str]] = field(default_factory=Counter)
    owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    totals_seen: bool = False
    dead_letters: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] = field(default_factory=Counter)
    """Command or revenue event id -> copies beyond the first."""
    broken: list[str] = field(default_factory=list)


def read(commands: Iterable[ordered.Command], outcomes: Iterable[told.Outcome], horizon: int) -> Actual:
    """Fold the records that a reader of committed data found, in any order across partitions.

    ``horizon`` is the day of the last revenue run: later documents do not count in its balances. Exceptions and
    control totals are compacted: of each id, or partition, the last record in the order given counts.
    """
    actual = Actual()
    seen: Counter[str] = Counter()
    lanes: dict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
    contents: dict[str, str] = {}
    for command in commands:
        header = command.header
        seen[header.command_id] += 1
        lanes[header.group_id, header.erp_account, header.lane][header.lane_seq] += 1
        if contents.setdefault(header.command_id, header.content_hash) != header.content_hash:
            actual.broken.append(f"command {header.command_id} exists with two contents")
        _read_command(actual, command, horizon)
    _read_outcomes(actual, outcomes, seen)
    actual.copies = Counter({each: count - 1 for each, count in seen.items() if count > 1})
    for (group, account, lane), numbers in lanes.items():
        if set(numbers) != set(range(1, max(numbers) + 1)):
            actual.broken.append(f"lane {lane} of {group} in {account} has gaps: {sorted(numbers)[:9]}")
    return actual


def _read_command(actual: Actual, command: ordered.Command, horizon: int) -> None:
    header = command.header
    contract, kind = header.contract_id, command.KIND
    match command:
        case ordered.CustomerUpsert():
            customer = f"{header.entity}/{command.customer_id}/{command.bill_to_id or ''}"
            actual.commands[header.group_id, kind, customer] += 1
        case ordered.InvoiceCreate() | ordered.CreditMemoCreate():
            _read_document(actual, command, horizon)
        case ordered.JournalPost():
            _read_journal(actual, command)
        case _:
            actual.commands[contract, kind, str(command.contract_version)] += 1


def _read_document(
    actual: Actual, command: ordered.InvoiceCreate | ordered.CreditMemoCreate, horizon: int
) -> None:
    header, invoice = command.header, isinstance(command, ordered.InvoiceCreate)
    number = command.invoice_number if invoice else command.memo_number
    sign = 1 if invoice else -1
    key = (header.contract_id, command.KIND, number)
    actual.commands[key] += 1
    actual.documents[key] = (command.amount_minor, command.tax_minor, command.document_date)
    where = (header.contract_id, header.currency)
    gross = command.amount_minor + command.tax_minor
    _add(actual, where, "accounts_receivable", sign * gross)
    _add(actual, where, "tax_payable", sign * command.tax_minor)
    if command.document_date <= horizon and getattr(command, "reason", None) != "tax_only":
        _add(actual, where, "contract_liability", sign * command.amount_minor)
        actual.measures["deferred", header.entity, header.currency] += sign * command.amount_minor
    if sum(line.amount_minor for line in command.lines) != command.amount_minor:
        actual.broken.append(f"the lines of {number} do not add up to its amount")


def _read_journal(actual: Actual, command: ordered.JournalPost) -> None:
    header = command.header
    if sum(line.debit_minor - line.credit_minor for line in command.lines) != 0:
        actual.broken.append(f"journal {header.command_id} of {header.contract_id} does not balance")
    if not command.lines:
        actual.broken.append(f"journal {header.command_id} of {header.contract_id} has no lines")
    named = {
        "contract_liability": "deferred",
        "contract_asset": "unbilled",
        "refund_liability": "refundable",
    }
    for line in command.lines:
        credit = line.credit_minor - line.debit_minor
        amount = -credit if line.account_class in NATURAL_DEBIT else credit
        _add(actual, (header.contract_id, header.currency), line.account_class, amount)
        if line.account_class == "revenue":
            actual.by_obligation[header.contract_id, line.po or ""] += amount
            actual.by_period[header.contract_id, line.service_period] += amount
        if line.account_class in named:
            actual.measures[named[line.account_class], header.entity, header.currency] += amount


def _add(actual: Actual, where: tuple[str, str], ledger_class: str, amount: int) -> None:
    contract, currency = where
    actual.amounts[contract, ledger_class, currency] += amount


def _read_outcomes(actual: Actual, outcomes: Iterable[told.Outcome], seen: Counter[str]) -> None:
    exceptions: dict[str, told.ExceptionItem] = {}
    totals: dict[int, told.ControlTotals] = {}
    for outcome in outcomes:
        match outcome:
            case told.RevenueEvent():
                seen[outcome.revenue_event_id] += 1
                if outcome.kind in {"booked", "billed", "recognised"}:
                    key = (outcome.kind, outcome.entity, outcome.currency)
                    actual.measures[key] += outcome.amount_minor
            case told.ExceptionItem():
                exceptions[outcome.exception_id] = outcome
            case told.ControlTotals():
                totals[outcome.partition] = outcome
            case told.DeadLetter():
                actual.dead_letters[outcome.reason] += 1
            case _:
                pass
    _read_exceptions(actual, exceptions.values())
    _read_totals(actual, totals.values())


def _read_exceptions(actual: Actual, items: Iterable[told.ExceptionItem]) -> None:
    for item in items:
        actual.owners[item.code].add(item.owner)
        if item.status == "open":
            actual.exceptions[item.contract_id, item.code] += 1


def _read_totals(actual: Actual, totals: Iterable[told.ControlTotals]) -> None:
    for each in (row for total in totals for row in total.totals):
        actual.totals_seen = True
        if each.event_type not in CONTROL_TYPES | ERP_ANSWERS:
            fate = "waiting" if each.outcome in {"held", "parked"} else each.outcome
            actual.outcomes[each.event_type, fate] += each.count
